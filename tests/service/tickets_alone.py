"""Operations of tickets on the real store, without the processes around them: to count what one change costs.

Nothing leaves the outbox by itself here; `settle` moves the rows and clears it, as the drain does after a broker's
acknowledgement.
"""

import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import bson
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from deploy.local.environment import store_url
from deploy.local.layout import Profile
from services.tickets.aggregate import store
from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.lines import ENTRIES, MARKS, WORK_ORDERS, rows_of, told_to
from services.tickets.aggregate.numbers import Numbers
from services.tickets.aggregate.operations import work_order_id
from services.tickets.aggregate.parties import events_of
from services.tickets.aggregate.values import Decision, MessageReference, Silence, Ticket
from services.tickets.clocks.calendars import ALL_WEEK, BusinessCalendar
from services.tickets.clocks.store import CALENDARS, Calendars
from services.tickets.devices.store import Views
from services.tickets.service import Parts, Service
from services.tickets.settings import Settings
from services.tickets.tickets.domain import Identity, Request, customer_writes, open_ticket
from services.tickets.visits import operations as visits
from services.tickets.visits.domain import Ids, take_message
from shared import service
from shared.access.callers import Callers
from shared.access.tokens import Tokens
from shared.clock import Clock
from shared.contracts.catalog import DeviceContract, DeviceState, Entitlement, Site
from shared.contracts.inbound import (
    DispatchVisitPlanned,
    EngineerVisitArrived,
    EngineerVisitReported,
    VisitMessage,
)
from shared.http.live import Live
from shared.joined import Joined
from shared.outbox import Cause, Outbox, Row
from shared.outbox.drain import Drain
from shared.outbox.history import insert_new
from shared.settings import BrokerSettings, StoreSettings, TokenSettings
from shared.wire.envelope import Envelope
from shared.wire.producer import ProducerHolder

CALENDAR = BusinessCalendar(code="24x7", version=1, time_zone="Europe/Helsinki", week=ALL_WEEK)
SILENCE = Silence(5, 7)
REFERENCE = MessageReference(record_id="r", type="t", topic="inbound.a", partition=0, offset=0, excerpt="{" * 500)
CAUSE = Cause("someone", channel="portal")
COUNTED = frozenset({"find", "insert", "update", "findAndModify", "aggregate", "getMore", "delete"})


class Counter(CommandListener):
    """Counts commands to the store, and the bytes that they and their answers take."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.bytes = 0

    def reset(self) -> None:
        self.calls, self.bytes = [], 0

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in COUNTED:
            self.calls.append(event.command_name)
            self.bytes += len(bson.encode(dict(event.command)))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if event.command_name in COUNTED:
            self.bytes += len(bson.encode(dict(event.reply)))

    def failed(self, event: CommandFailedEvent) -> None:
        pass


class SetClock(Clock):
    """A clock that shows what it is set to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Alone:
    """Tickets' operations on a database of their own, with a clock that the test sets."""

    deps: Service
    counter: Counter
    clock: SetClock

    @classmethod
    @contextlib.asynccontextmanager
    async def on(cls, profile: Profile) -> AsyncIterator["Alone"]:
        counter = Counter()
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            store_url(profile), tz_aware=True, event_listeners=[counter]
        )
        db = client[f"tickets_alone_{uuid.uuid4().hex[:8]}"]
        broker = BrokerSettings(bootstrap="127.0.0.1:9", username="nobody", password="nothing")
        tokens = TokenSettings(key_set_url="http://127.0.0.1:9/keys")
        settings = Settings(store=StoreSettings(url=store_url(profile), database=db.name), broker=broker, tokens=tokens)
        callers = Callers(
            db,
            Tokens(tokens),
            load_user=_nobody,
            load_grants=_nobody,
            load_revocation=_nobody,
            is_behind=lambda: False,
        )
        clock = SetClock()
        outbox = Outbox(db, clock, "/tickets", Drain(db, ProducerHolder(broker, client_id="alone")))
        parts = Parts(
            Calendars(db),
            Numbers(db),
            Live(broker, "tickets.tickets", events=(), look_up=partial(store.sights, db)),
            Views(db),
            Joined(partial(store.open_tickets_of, db)),
        )
        alone = cls(service.Service(settings, clock, db, outbox, callers, parts), counter, clock)
        await store.prepare(db)
        await db[CALENDARS].insert_one({"_id": "24x7@1", **CALENDAR.model_dump(mode="json")})
        await alone.deps.parts.calendars.version("24x7", 1)
        try:
            yield alone
        finally:
            await client.drop_database(db.name)
            await client.close()

    async def keep(self, grown: "Grown") -> None:
        """Store a ticket with what stands beside it."""
        place = {"told": grown.told, "revision": grown.version, "version": grown.version, "outbox": []}
        await self.deps.db[store.TICKETS.collection].insert_one(
            {**store.new_document(grown.ticket, device_version=1), **place}
        )
        await self.move(grown.rows)

    async def move(self, rows: Sequence[Row]) -> None:
        for collection in (ENTRIES, MARKS, WORK_ORDERS):
            documents = [{"_id": row.id, **row.fields} for row in rows if row.collection == collection]
            await insert_new(self.deps.db[collection], documents)

    async def document(self, ticket_id: str) -> dict[str, Any]:
        found = await self.deps.db[store.TICKETS.collection].find_one({"_id": ticket_id})
        assert found is not None
        return found

    async def settle(self, ticket_id: str) -> list[str]:
        """Move what waits in the ticket to its collections, and clear it; the events that would have left."""
        document = await self.document(ticket_id)
        for entry in document["outbox"]:
            if "row" in entry:
                await insert_new(self.deps.db[entry["row"]["collection"]], [entry["row"]["document"]])
        await self.deps.db[store.TICKETS.collection].update_one({"_id": ticket_id}, {"$set": {"outbox": []}})
        return [entry["value"] for entry in document["outbox"] if "value" in entry]

    async def hear(self, message: VisitMessage, *, record_id: str = "") -> None:
        """Take a message of dispatch or of the engineer."""
        party = message.topic.removeprefix("inbound.")
        await visits.take(self.deps, record_of(message, message.work_order_id, record_id), party)


async def _nobody(*_: Any) -> None:
    return None


def record_of(message: Any, key: str, record_id: str = "") -> Envelope[Any]:
    return Envelope(
        event=message,
        key=key,
        sequence=1,
        id=record_id or str(uuid.uuid4()),
        type=message.type,
        time=datetime.now(UTC),
        source="/parties/test",
        subject=key,
        correlation_id=None,
        causation_id=None,
        actor=None,
        topic=message.topic,
        partition=0,
        offset=12,
    )


@dataclass
class Grown:
    """A ticket that the rules made, with the rows beside it and its version."""

    ticket: Ticket
    rows: list[Row]
    told: dict[str, Any]
    version: int
    now: datetime

    @classmethod
    def of(cls, *, entries: int, visits: int, now: datetime) -> "Grown":
        """A ticket opened at `now` that so much was written on, and so many visits were reported for."""
        grown = cls._opened(now)
        for number in range(visits):
            grown._visit(number)
        for number in range(entries):
            draft = Draft(grown.ticket, CALENDAR, grown.now)
            assert customer_writes(draft, f"entry-{number}", "user-1", f"{number} " + "word " * 200, "en")
            grown._take(draft.decision())
        return grown

    @classmethod
    def _opened(cls, now: datetime) -> "Grown":
        ticket_id = str(uuid.uuid4())
        contract = DeviceContract(
            contract_line_id="line-1",
            number="C-1",
            valid_from=(now - timedelta(days=100)).date(),
            entitlement=Entitlement(
                level="premium", calendar="24x7", acknowledge_minutes=30, response_minutes=240, resolve_minutes=480
            ),
        )
        decision = open_ticket(
            Request(description="It jams", language="en", error_code="E2-01"),
            identity=Identity(
                ticket_id, f"T-{uuid.uuid4().hex[:8]}", work_order_id(ticket_id, 1), "user-1", None, "user-1", "portal"
            ),
            device=_device(contract, now),
            contract=contract,
            calendar=CALENDAR,
            now=now,
        )
        grown = cls(decision.ticket, [], {}, 0, now)
        grown._take(decision)
        return grown

    def _take(self, decision: Decision | None) -> None:
        assert decision is not None
        events = events_of(decision, None)
        self.rows += rows_of(decision, events, version=self.version, cause=CAUSE)
        self.told |= told_to(events, version=self.version)
        self.version += len(events)
        self.ticket = decision.ticket

    def _visit(self, number: int) -> None:
        """A visit from its plan to a report that asks for another one."""
        order = self.ticket.state.work_order_id or ""
        common = {"work_order_id": order, "visit_id": f"visit-{number}", "occurred_at": self.now}
        window = {"window_from": self.now + timedelta(hours=1), "window_to": self.now + timedelta(hours=3)}
        report = {"symptom": "jams", "cause": "roller", "action": "replaced", "outcome": "follow_up"}
        messages: list[tuple[str, VisitMessage]] = [
            ("dispatch", DispatchVisitPlanned.model_validate({**common, **window, "sequence": 1})),
            ("engineer", EngineerVisitArrived.model_validate({**common, "sequence": 1})),
            ("engineer", EngineerVisitReported.model_validate({**common, **report, "sequence": 2})),
        ]
        for party, message in messages:
            draft = Draft(self.ticket, CALENDAR, self.now)
            follow_up = work_order_id(self.ticket.state.ticket_id, self.ticket.order_count + 1)
            take_message(draft, message, party, Ids(follow_up, REFERENCE), SILENCE)
            self._take(draft.decision())


def _device(contract: DeviceContract, now: datetime) -> DeviceState:
    return DeviceState(
        device_id="device-1",
        serial="LX-1",
        model_id="model-1",
        model_name="Lumen 40",
        account_id="account-1",
        site=Site(
            site_id="one",
            name="House",
            street="Street 1",
            postcode="00100",
            city="Helsinki",
            country="FI",
            time_zone="Europe/Helsinki",
        ),
        status_since=now - timedelta(days=100),
        contract=contract,
    )
