"""Handing mails over to a real SMTP server that behaves in every way a server may."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP as ServerProtocol
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from services.notifier.messages.smtp import AnswerLost, Deferred, MailServer, Refused
from services.notifier.settings import SmtpSettings


class Provider:
    """A mail server whose answers a test chooses; the methods' names are aiosmtpd's."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.connections = 0
        self.recipient_answer = "250 OK"
        self.data_answer = "250 OK"
        self.silent = False
        self.hang_up_after_data = False

    async def handle_EHLO(
        self, server: ServerProtocol, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, server: ServerProtocol, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: ServerProtocol, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        if self.data_answer.startswith("250"):
            self.taken.append(envelope.content)
        if self.silent:
            await asyncio.Event().wait()
        if self.hang_up_after_data and server.transport is not None:
            server.transport.close()
        return self.data_answer


@contextlib.asynccontextmanager
async def serving(provider: Provider, port: int = 0, **behaviour: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    open_protocols: list[ServerProtocol] = []

    def protocol() -> ServerProtocol:
        made = ServerProtocol(provider, enable_SMTPUTF8=True, loop=loop, **behaviour)
        open_protocols.append(made)
        return made

    server = await loop.create_server(protocol, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for made in open_protocols:
            if made.transport is not None:
                made.transport.close()
        await server.wait_closed()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS with a certificate of its own for 127.0.0.1, and the file that a client has to trust."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.lockstep.example")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "ca.pem", folder / "key.pem"
    trusted.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted, private)
    return context, trusted


def accept_only_password(
    server: ServerProtocol, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    return AuthResult(success=isinstance(data, LoginPassword) and data.password == b"correct", handled=False)


def settings(port: int, **changes: object) -> SmtpSettings:
    return SmtpSettings.model_validate({"port": port, "timeout_seconds": 1.0, "starttls": False, **changes})


def mail(words: str = "Hello") -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "A subject"
    message["From"] = "service@lockstep.example"
    message["To"] = "anna@customer.example"
    message.set_content(words)
    return message


async def deliver(server: MailServer, recipient: str = "anna@customer.example") -> None:
    async with server.session() as session:
        await session.deliver(mail(), recipient=recipient)


async def test_mails_share_a_connection() -> None:
    provider = Provider()
    async with serving(provider) as port:
        server = MailServer(settings(port))
        for _ in range(5):
            await deliver(server)
        await server.close()
    assert (len(provider.taken), provider.connections) == (5, 1)


async def test_no_more_connections_are_opened_than_allowed() -> None:
    provider = Provider()
    async with serving(provider) as port:
        server = MailServer(settings(port, connections=2))
        await asyncio.gather(*(deliver(server) for _ in range(20)))
        await server.close()
    assert len(provider.taken) == 20
    assert provider.connections <= 2


async def test_a_server_that_is_away_defers_and_takes_the_mail_when_it_is_back() -> None:
    provider = Provider()
    async with serving(provider) as port:
        server = MailServer(settings(port))
        await deliver(server)
    with pytest.raises(Deferred):
        await deliver(server)
    with pytest.raises(Deferred, match="unreachable"):
        await deliver(server)
    async with serving(provider, port):
        await deliver(server)
        await server.close()
    assert len(provider.taken) == 2


async def test_a_refused_recipient_is_refused_for_good_and_the_connection_stays() -> None:
    provider = Provider()
    async with serving(provider) as port:
        server = MailServer(settings(port))
        provider.recipient_answer = "550 5.1.1 no such user"
        with pytest.raises(Refused, match="refused_550"):
            await deliver(server)
        provider.recipient_answer = "250 OK"
        await deliver(server)
        await server.close()
    assert (len(provider.taken), provider.connections) == (1, 1)


async def test_a_refusal_for_now_defers() -> None:
    provider = Provider()
    provider.data_answer = "451 4.3.0 try later"
    async with serving(provider) as port:
        server = MailServer(settings(port))
        with pytest.raises(Deferred, match="deferred_451"):
            await deliver(server)


@pytest.mark.parametrize("way", ["silent", "hang_up_after_data"])
async def test_a_lost_answer_is_told_apart_from_a_mail_not_taken(way: str) -> None:
    provider = Provider()
    setattr(provider, way, True)
    async with serving(provider) as port:
        server = MailServer(settings(port))
        with pytest.raises(AnswerLost):
            await deliver(server)
    assert len(provider.taken) == 1


async def test_an_address_beyond_ascii_reaches_a_server_that_speaks_it() -> None:
    provider = Provider()
    async with serving(provider) as port:
        server = MailServer(settings(port))
        await deliver(server, "käyttäjä@customer.example")
        await server.close()
    assert len(provider.taken) == 1


async def test_insisting_on_tls_defers_where_the_server_has_none() -> None:
    async with serving(Provider()) as port:
        with pytest.raises(Deferred):
            await deliver(MailServer(settings(port, starttls=True)))


async def test_tls_is_used_only_with_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    provider = Provider()
    tls, trusted = certificate(tmp_path)
    async with serving(provider, tls_context=tls, require_starttls=True) as port:
        with pytest.raises(Deferred, match="unreachable"):
            await deliver(MailServer(settings(port, starttls=True)))
        server = MailServer(settings(port, starttls=True, ca_file=str(trusted)))
        await deliver(server)
        await server.close()
    assert len(provider.taken) == 1


async def test_a_wrong_password_defers_because_the_operator_can_put_it_right(tmp_path: Path) -> None:
    provider = Provider()
    tls, trusted = certificate(tmp_path)
    asked: dict[str, Any] = {"tls_context": tls, "auth_required": True, "authenticator": accept_only_password}
    async with serving(provider, **asked) as port:
        known = {"starttls": True, "ca_file": str(trusted), "username": "lockstep"}
        with pytest.raises(Deferred, match="greeting_535"):
            await deliver(MailServer(settings(port, password="wrong", **known)))
        server = MailServer(settings(port, password="correct", **known))
        await deliver(server)
        await server.close()
    assert len(provider.taken) == 1


def test_a_password_is_never_sent_in_the_clear() -> None:
    with pytest.raises(ValueError, match="a password needs tls"):
        SmtpSettings.model_validate({"host": "mail.customer.example", "username": "u", "password": "p"})
