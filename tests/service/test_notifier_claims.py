"""Two replicas of the notifier look at the same mails at the same moment, on the real store."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import pytest

from deploy.local.environment import broker_bootstrap, store_url
from deploy.local.keys import broker_password
from deploy.local.mail_catcher import Mailbox, listen
from deploy.local.servers import Servers
from services.notifier.main import create_app
from services.notifier.messages import operations
from services.notifier.messages.store import MESSAGES, fields_of
from services.notifier.recipients.store import VIEW_EDITIONS, VIEW_PEOPLE, edition_fields, person_fields
from services.notifier.service import Service
from services.notifier.settings import Settings, SmtpSettings
from shared.access.callers import VIEW_USERS
from shared.access.scope import EVERYTHING
from shared.application import connected
from shared.outbox import Cause
from shared.outbox.entry import Document
from shared.settings import BrokerSettings, StoreSettings, TokenSettings
from tests.unit.notifier_samples import EDITION, MESSAGE, PERSON, USER

MAILS = 15


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    """A mail server of this test's own, and its port."""
    mailbox = Mailbox()
    async with await listen(mailbox, "127.0.0.1", 0) as server:
        yield mailbox, server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def replica(servers: Servers, database: str, smtp_port: int, number: int) -> AsyncIterator[Service]:
    """A notifier without its consumers and timers: a test lets its mails leave."""
    profile = servers.profile
    settings = Settings(
        instance=f"{number}-{database}",
        log_level="WARNING",
        store=StoreSettings(url=store_url(profile), database=database),
        broker=BrokerSettings(
            bootstrap=broker_bootstrap(profile), username="notifier", password=broker_password(profile, "notifier")
        ),
        tokens=TokenSettings(key_set_url="http://127.0.0.1:9/keys"),
        smtp=SmtpSettings(host="127.0.0.1", port=smtp_port),
    )
    async with connected(create_app(settings)) as service:
        yield service


async def queued(service: Service) -> list[Document]:
    """Mails to one person whom the views know."""
    await service.db[VIEW_USERS].insert_one({"_id": USER.user_id, "version": 1, **USER.model_dump(mode="json")})
    await service.db[VIEW_PEOPLE].insert_one({"_id": USER.user_id, "version": 1, **person_fields(PERSON)})
    await service.db[VIEW_EDITIONS].insert_one({"_id": EDITION.country, "version": 1, **edition_fields(EDITION)})
    now = service.clock()
    made = []
    for number in range(MAILS):
        message = MESSAGE.model_copy(
            update={
                "message_id": str(uuid.uuid4()),
                "event_id": f"event-{number}",
                "event_at": now,
                "queued_at": now,
                "at": now,
            }
        )
        document = {"_id": message.message_id, **fields_of(message), "next_at": now}
        made.append(
            await service.outbox.insert(MESSAGES, document, [message.changed()], cause=Cause("test"), scope=EVERYTHING)
        )
    return made


async def test_a_mail_that_two_replicas_want_to_hand_over_at_once_leaves_once(
    servers: Servers, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    database = f"notifier_{uuid.uuid4().hex[:10]}"
    async with replica(servers, database, port, 0) as one, replica(servers, database, port, 1) as two:
        mails = await queued(one)
        now = one.clock()
        await asyncio.gather(*(operations.leave(service, mail, now) for mail in mails for service in (one, two)))
        assert len(box.all()) == MAILS
        # What one of them read before the other had sent it leaves no second time either.
        await asyncio.gather(*(operations.leave(service, mail, now) for mail in mails for service in (one, two)))
        assert len(box.all()) == MAILS
        stored = await one.db[MESSAGES.collection].find().to_list()
        assert {(mail["status"], mail["attempt"]) for mail in stored} == {("sent", 1)}
