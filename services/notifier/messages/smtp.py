"""Handing mails to a mail server over a few open connections, and telling apart what its answers mean for a mail."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import Message

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from services.notifier.messages.mail import as_sent
from services.notifier.settings import SmtpSettings

log = logging.getLogger(__name__)

CHECK_AFTER_IDLE_SECONDS = 2.0
CLOSE_AFTER_IDLE_SECONDS = 60.0


class NotDelivered(Exception):
    """The mail was not, or perhaps not, taken. `reason` is short and without personal data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Deferred(NotDelivered):
    """Certainly not taken now; another attempt may succeed: the server is away, busy, or refuses our sign-in."""


class Refused(NotDelivered):
    """Never: the server refuses this sender, recipient or mail for good (5xx)."""


class AnswerLost(NotDelivered):
    """The mail was under way when the connection broke: the server may have taken it."""


@dataclass(frozen=True, slots=True)
class _Idle:
    client: SMTP
    since: float


class Session:
    """One connection, borrowed for one mail."""

    def __init__(self, client: SMTP, settings: SmtpSettings) -> None:
        self.client = client
        self._settings = settings

    async def deliver(self, mail: Message, *, recipient: str) -> None:
        """Hand over one mail to one address. Raises Deferred, Refused or AnswerLost."""
        try:
            await _hand_over(self.client, mail, recipient=recipient, settings=self._settings)
        except Refused:
            await self._reset()
            raise
        except BaseException:
            self.client.close()
            raise

    async def _reset(self) -> None:
        try:
            await self.client.rset()
        except (SMTPException, OSError) as error:
            log.debug("connection given up after a refusal: %s", error)
            self.client.close()


class MailServer:
    """A bounded set of connections, opened when needed and kept for the next mails."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.connections)
        self._idle: list[_Idle] = []

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Wait for a free connection that the server has greeted. Raises Deferred while there is none to be had."""
        async with self._slots:
            session = Session(await self._connection(), self._settings)
            try:
                yield session
            finally:
                if session.client.is_connected:
                    self._idle.append(_Idle(session.client, time.monotonic()))

    async def close(self) -> None:
        """Say goodbye on all idle connections."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await _quit(connection.client)

    async def close_idle(self) -> None:
        """Close what nobody has used for a minute; providers count open connections."""
        while True:
            await asyncio.sleep(CLOSE_AFTER_IDLE_SECONDS / 2)
            limit = time.monotonic() - CLOSE_AFTER_IDLE_SECONDS
            unused = [connection for connection in self._idle if connection.since < limit]
            self._idle = [connection for connection in self._idle if connection.since >= limit]
            for connection in unused:
                await _quit(connection.client)

    async def _connection(self) -> SMTP:
        while self._idle:
            connection = self._idle.pop()
            if time.monotonic() - connection.since < CHECK_AFTER_IDLE_SECONDS:
                return connection.client
            try:
                await connection.client.noop()
            except (SMTPException, OSError):
                connection.client.close()
            else:
                return connection.client
        return await self._connect()

    async def _connect(self) -> SMTP:
        settings = self._settings
        client = SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            use_tls=settings.tls,
            start_tls=settings.starttls if not settings.tls else False,
            cert_bundle=settings.ca_file,
            timeout=settings.timeout_seconds,
            local_hostname=settings.sender_address.partition("@")[2],
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except SMTPResponseException as error:
            client.close()
            raise Deferred(f"greeting_{error.code}") from error
        except (SMTPException, OSError) as error:
            client.close()
            log.warning("mail server %s:%s: %s", settings.host, settings.port, error)
            raise Deferred("unreachable") from error
        return client


async def _hand_over(client: SMTP, mail: Message, *, recipient: str, settings: SmtpSettings) -> None:
    international = not recipient.isascii()
    if international and not client.supports_extension("smtputf8"):
        raise Refused("address_not_supported")
    content = as_sent(mail)
    encoding = "utf-8" if international else "ascii"
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            options = ["SMTPUTF8"] if international else []
            await client.mail(settings.sender_address, options=options, encoding=encoding)
            await client.rcpt(recipient, encoding=encoding)
    except (SMTPSenderRefused, SMTPRecipientRefused) as error:
        raise _answered(error) from error
    except (SMTPException, OSError) as error:
        raise Deferred("connection_lost") from error
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            await client.data(content)
    except SMTPDataError as error:
        raise _answered(error) from error
    except (SMTPException, OSError) as error:
        raise AnswerLost("answer_lost") from error


def _answered(error: SMTPResponseException) -> NotDelivered:
    return Refused(f"refused_{error.code}") if error.code >= 500 else Deferred(f"deferred_{error.code}")


async def _quit(client: SMTP) -> None:
    try:
        await client.quit()
    except (SMTPException, OSError) as error:
        log.debug("the mail server had gone: %s", error)
    finally:
        client.close()
