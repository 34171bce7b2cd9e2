"""Two replicas of the notifier look at the same mails at the same moment, on the real store."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from deploy.local.environment import broker_bootstrap, store_url
from deploy.local.keys import broker_password
from deploy.local.mail_catcher import Mailbox, listen
from deploy.local.servers import Servers
from services.notifier.main import create_app
from services.notifier.messages import operations
from services.notifier.messages.departures import HELD_FOR, Fresh
from services.notifier.messages.store import MESSAGES, fields_of, message_of
from services.notifier.recipients.store import VIEW_EDITIONS, VIEW_PEOPLE, edition_fields, person_fields
from services.notifier.service import Service
from services.notifier.settings import Settings, SmtpSettings
from shared.access.callers import VIEW_USERS
from shared.access.scope import EVERYTHING
from shared.application import connected
from shared.contracts.tickets import TicketEvent, TicketOpened
from shared.outbox import Cause
from shared.outbox.entry import Document
from shared.settings import BrokerSettings, StoreSettings, TokenSettings
from shared.wire.envelope import Envelope
from tests.support.waiting import eventually
from tests.unit.notifier_samples import EDITION, MESSAGE, PERSON, TICKET, USER

MAILS = 15
SMTP_TIMEOUT = timedelta(seconds=30)


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


async def known(service: Service) -> None:
    """The views know the person whom the mails are for."""
    await service.db[VIEW_USERS].insert_one({"_id": USER.user_id, "version": 1, **USER.model_dump(mode="json")})
    await service.db[VIEW_PEOPLE].insert_one({"_id": USER.user_id, "version": 1, **person_fields(PERSON)})
    await service.db[VIEW_EDITIONS].insert_one({"_id": EDITION.country, "version": 1, **edition_fields(EDITION)})


async def queued(service: Service) -> list[Document]:
    """Mails to one person whom the views know."""
    await known(service)
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


def opened(now: datetime) -> Envelope[TicketEvent]:
    return Envelope(
        event=TicketOpened(ticket=TICKET, occurred_at=now),
        key=TICKET.ticket_id,
        sequence=1,
        id=str(uuid.uuid4()),
        type=TicketOpened.type,
        time=now,
        source="/lockstep/tickets",
        subject=TICKET.ticket_id,
        correlation_id=None,
        causation_id=None,
        actor=None,
        topic=TicketOpened.topic,
        partition=0,
        offset=0,
    )


async def test_a_fresh_mail_leaves_from_memory_and_its_timer_finds_nothing(
    servers: Servers, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    async with replica(servers, f"notifier_{uuid.uuid4().hex[:10]}", port, 0) as one:
        await known(one)
        leaving = asyncio.create_task(
            one.parts.departures.run(lambda mail: operations.leave_fresh(one, mail, one.clock()))
        )
        records = [opened(one.clock()) for _ in range(MAILS)]
        await asyncio.gather(
            *(operations.queue_ticket_mail(one, record=record, now=one.clock()) for record in (*records, *records))
        )

        async def sent() -> bool:
            found = await one.db[MESSAGES.collection].find().to_list()
            return [mail["status"] for mail in found] == ["sent"] * MAILS and not any(
                "next_at" in mail for mail in found
            )

        await eventually(sent)
        assert len(box.all()) == MAILS
        leaving.cancel()


async def test_a_mail_whose_process_died_with_it_in_memory_leaves_once_by_its_timer(
    servers: Servers, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    database = f"notifier_{uuid.uuid4().hex[:10]}"
    async with replica(servers, database, port, 0) as one:
        await known(one)
        now = one.clock()
        await operations.queue_ticket_mail(one, record=opened(now), now=now)
    async with replica(servers, database, port, 1) as two:
        messages = two.db[MESSAGES.collection]
        (left,) = await messages.find().to_list()
        assert left["status"] == "queued" and now < left["next_at"] <= now + HELD_FOR + 3 * SMTP_TIMEOUT
        await operations.leave(two, left, left["next_at"])
        assert box.all() == [], "its process may still be at it"

        await messages.update_one({}, {"$set": {"handed_over_until": now - timedelta(seconds=1)}})
        (left,) = await messages.find().to_list()
        await operations.leave(two, left, left["next_at"])
        await operations.leave(two, left, left["next_at"])
        assert len(box.all()) == 1
        after = await messages.find_one({}) or {}
        assert (after["status"], after["attempt"], after["unanswered"]) == ("sent", 2, 1)


async def test_a_mail_that_waited_in_memory_for_longer_than_its_claim_leaves_once_all_the_same(
    servers: Servers, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    database = f"notifier_{uuid.uuid4().hex[:10]}"
    async with replica(servers, database, port, 0) as one, replica(servers, database, port, 1) as two:
        await known(one)
        now = one.clock()
        await operations.queue_ticket_mail(one, record=opened(now), now=now)
        (left,) = await one.db[MESSAGES.collection].find().to_list()
        message = message_of(left).model_copy(update={"handed_over": False, "attempt": 0})
        late = Fresh(left, message, now - timedelta(seconds=1))
        await operations.leave_fresh(one, late, now)
        await operations.leave_fresh(two, late, now)
        assert len(box.all()) == 1


async def test_a_mail_that_may_not_leave_yet_gives_its_claim_back(
    servers: Servers, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    async with replica(servers, f"notifier_{uuid.uuid4().hex[:10]}", port, 0) as one:
        leaving = asyncio.create_task(
            one.parts.departures.run(lambda mail: operations.leave_fresh(one, mail, one.clock()))
        )
        await operations.queue_ticket_mail(one, record=opened(one.clock()), now=one.clock())

        async def given_back() -> Document | None:
            return await one.db[MESSAGES.collection].find_one({"handed_over": False})

        left = await eventually(given_back, what="nobody is known whom it could be for")
        assert (left["status"], left["attempt"]) == ("queued", 0)
        await known(one)
        await operations.leave(one, left, left["next_at"])
        assert len(box.all()) == 1
        leaving.cancel()
