"""A ticket never becomes too long to be worked on (TIC-7): what it costs does not grow with it."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from deploy.local.servers import Servers
from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.lines import ENTRIES
from services.tickets.aggregate.operations import carry_out, fire
from services.tickets.aggregate.store import ticket_id_of_order, ticket_of
from services.tickets.contact_centre import operations as contact_centre
from services.tickets.tickets import operations
from services.tickets.tickets.domain import reopen
from services.tickets.timeline.queries import timeline
from shared.access.caller import Caller
from shared.contracts.identity import StaffRole
from shared.contracts.inbound import (
    ContactCentreTicketReplied,
    ContactCentreTicketResolved,
    DispatchVisitMoved,
    DispatchVisitPlanned,
    EngineerVisitArrived,
    EngineerVisitReported,
    VisitMessage,
)
from shared.contracts.tickets import TicketStatus, VisitStatus
from shared.outbox import Cause
from shared.outbox.command import Command
from tests.service.tickets_alone import Alone, Grown, record_of

LARGEST_EVENT = 20_000
AGENT = Caller(id="agent-1", kind="user", staff_roles=frozenset({StaffRole.CONTACT_CENTRE_AGENT}))


@pytest.fixture
async def alone(servers: Servers) -> AsyncIterator[Alone]:
    async with Alone.on(servers.profile) as own:
        yield own


def command() -> Command:
    return Command("agent-1", "POST /somewhere", str(uuid.uuid4()), "hash")


def told(kind: type[VisitMessage], order: str, sequence: int, at: datetime, **fields: Any) -> VisitMessage:
    common = {"work_order_id": order, "visit_id": "visit-new", "sequence": sequence, "occurred_at": at}
    return kind.model_validate({**common, **fields})


async def cost_of_each_message(alone: Alone, grown: Grown) -> dict[str, tuple[list[str], int, int]]:
    """Work on a ticket: the store's commands, their bytes and the largest event, by message."""
    await alone.keep(grown)
    ticket_id = grown.ticket.state.ticket_id
    order = grown.ticket.state.work_order_id or ""
    at = alone.clock.now = grown.now + timedelta(minutes=5)
    window = {"window_from": at + timedelta(hours=1), "window_to": at + timedelta(hours=3)}
    later = {"window_from": at + timedelta(hours=2), "window_to": at + timedelta(hours=4)}
    report = {"symptom": "jams", "cause": "roller", "action": "replaced", "outcome": "follow_up"}

    async def note() -> None:
        await operations.write_note(
            alone.deps, caller=AGENT, ticket_id=ticket_id, text="third jam", command=command(), if_match=None
        )

    async def update() -> None:
        await operations.write_update(
            alone.deps,
            caller=AGENT,
            ticket_id=ticket_id,
            text="We come",
            language="en",
            command=command(),
            if_match=None,
        )

    async def reply() -> None:
        message = ContactCentreTicketReplied(
            ticket_id=ticket_id, occurred_at=at, reply_id="reply-1", audience="public", text="We come soon"
        )
        await contact_centre.take_message(alone.deps, record_of(message, ticket_id))

    async def breach() -> None:
        await fire(alone.deps, await alone.document(ticket_id), at + timedelta(hours=20))

    async def cancel() -> None:
        await operations.act(
            alone.deps,
            caller=AGENT,
            ticket_id=ticket_id,
            action="cancel",
            text="Not needed",
            wait_for="customer",
            command=command(),
            if_match=None,
        )

    steps: dict[str, Callable[[], Awaitable[None]]] = {
        "update": update,
        "note": note,
        "reply": reply,
        "plan": lambda: alone.hear(told(DispatchVisitPlanned, order, 1, at, **window)),
        "move": lambda: alone.hear(told(DispatchVisitMoved, order, 2, at, **later)),
        "arrive": lambda: alone.hear(told(EngineerVisitArrived, order, 1, at)),
        "breach": breach,
        "report": lambda: alone.hear(told(EngineerVisitReported, order, 2, at, **report)),
        "cancel": cancel,
    }
    costs = {}
    for name, step in steps.items():
        before = (await alone.document(ticket_id))["version"]
        alone.counter.reset()
        await step()
        calls, size = list(alone.counter.calls), alone.counter.bytes
        assert (await alone.document(ticket_id))["version"] > before, f"{name} was not taken"
        events = await alone.settle(ticket_id)
        costs[name] = (calls, size, max(len(value.encode()) for value in events))
    state = ticket_of(await alone.document(ticket_id)).state
    assert state.status is TicketStatus.CANCELLED
    return costs


async def test_a_ticket_of_2000_entries_and_30_visits_takes_every_message_at_the_cost_of_a_young_one(
    alone: Alone,
) -> None:
    now = alone.clock.now
    young = await cost_of_each_message(alone, Grown.of(entries=3, visits=10, now=now))
    old = await cost_of_each_message(alone, Grown.of(entries=2_000, visits=30, now=now))
    for name, (calls, size, largest) in old.items():
        assert calls == young[name][0], name
        assert size <= 1.2 * young[name][1], f"{name}: {size} bytes, and {young[name][1]} on a young ticket"
        assert largest < LARGEST_EVENT, f"{name}: an event of {largest} bytes"


async def test_the_state_holds_counts_the_last_entries_and_the_last_ten_visits(alone: Alone) -> None:
    grown = Grown.of(entries=40, visits=14, now=alone.clock.now)
    state = grown.ticket.state
    assert state.entry_count == 40
    assert [entry.entry_id for entry in state.latest_entries] == ["entry-37", "entry-38", "entry-39"]
    assert all(entry.cut and len(entry.text) == 500 for entry in state.latest_entries)
    assert state.last_customer_entry_at == grown.now
    # The one of the last decision stays beside the last ten.
    assert [visit.visit_id for visit in state.visits] == [f"visit-{number}" for number in range(4, 14)]
    assert len(grown.ticket.visit_trails) == len(state.visits)
    assert [order.status for order in grown.ticket.work_orders].count("open") == 1
    assert len(grown.ticket.work_orders) == 11


async def test_an_old_order_still_finds_its_ticket_and_a_visit_that_is_over_is_not_made_anew(alone: Alone) -> None:
    grown = Grown.of(entries=0, visits=30, now=alone.clock.now)
    await alone.keep(grown)
    ticket_id = grown.ticket.state.ticket_id
    first = next(row.id for row in grown.rows if row.collection == "work_orders")
    assert first not in {order.work_order_id for order in grown.ticket.work_orders}
    assert await ticket_id_of_order(alone.deps.db, first) == ticket_id
    window = {"window_from": alone.clock.now, "window_to": alone.clock.now + timedelta(hours=1)}
    repeated = told(DispatchVisitPlanned, first, 1, alone.clock.now, **window, visit_id="visit-0")
    await alone.hear(repeated)
    assert (await alone.document(ticket_id))["version"] == grown.version
    newer = told(DispatchVisitPlanned, first, 9, alone.clock.now, **window, visit_id="visit-0")
    for _ in range(3):  # also while the mark still waits in the document, and after it was moved
        await alone.hear(newer)
    await alone.settle(ticket_id)
    await alone.hear(newer)
    ticket = ticket_of(await alone.document(ticket_id))
    assert (ticket.flag_count, ticket.latest_flags[-1].reason) == (1, "visit_planned_but_over")
    assert "visit-0" not in {visit.visit_id for visit in ticket.state.visits}


async def test_a_message_of_the_contact_centre_is_applied_once_also_after_a_thousand_others(alone: Alone) -> None:
    grown = Grown.of(entries=0, visits=0, now=alone.clock.now)
    await alone.keep(grown)
    ticket_id = grown.ticket.state.ticket_id

    def reply(reply_id: str) -> ContactCentreTicketReplied:
        return ContactCentreTicketReplied(
            ticket_id=ticket_id, occurred_at=alone.clock.now, reply_id=reply_id, audience="public", text=reply_id
        )

    first = record_of(reply("reply-0"), ticket_id, "record-0")
    await contact_centre.take_message(alone.deps, first)
    await contact_centre.take_message(alone.deps, first)  # its mark still waits in the document
    for number in range(1, 60):
        await contact_centre.take_message(alone.deps, record_of(reply(f"reply-{number}"), ticket_id))
        await alone.settle(ticket_id)
    await contact_centre.take_message(alone.deps, first)
    await contact_centre.take_message(alone.deps, record_of(reply("reply-0"), ticket_id, "the reply in other words"))
    assert ticket_of(await alone.document(ticket_id)).state.entry_count == 60
    texts = [line["text"] async for line in alone.deps.db[ENTRIES].find({"ticket_id": ticket_id, "text": "reply-0"})]
    assert texts == ["reply-0"]


async def test_a_repeated_solution_does_not_close_what_was_reopened(alone: Alone) -> None:
    grown = Grown.of(entries=0, visits=0, now=alone.clock.now)
    await alone.keep(grown)
    ticket_id = grown.ticket.state.ticket_id
    solution = ContactCentreTicketResolved(ticket_id=ticket_id, occurred_at=alone.clock.now, text="Reset")
    record = record_of(solution, ticket_id, "record-1")
    await contact_centre.take_message(alone.deps, record)
    await alone.settle(ticket_id)
    alone.clock.now += timedelta(minutes=5)
    resolved = await alone.document(ticket_id)
    assert resolved["ticket"]["status"] == TicketStatus.RESOLVED

    def fault_is_back(draft: Draft) -> None:
        assert reopen(draft)

    await carry_out(alone.deps, ticket_id, fault_is_back, cause=Cause("user-1", channel="portal"))
    await alone.settle(ticket_id)
    await contact_centre.take_message(alone.deps, record)
    ticket = ticket_of(await alone.document(ticket_id))
    assert (ticket.state.status, ticket.flag_count) == (TicketStatus.IN_PROGRESS, 0)


async def test_the_timeline_comes_in_pages_without_gap_or_repetition_also_while_lines_wait(alone: Alone) -> None:
    grown = Grown.of(entries=25, visits=3, now=alone.clock.now)
    await alone.keep(grown)
    ticket_id = grown.ticket.state.ticket_id
    for number in range(3):
        alone.clock.now += timedelta(seconds=1)
        await operations.write_note(
            alone.deps, caller=AGENT, ticket_id=ticket_id, text=f"note {number}", command=command(), if_match=None
        )
    document = await alone.document(ticket_id)
    lines: list[str] = []
    cursor: str | None = None
    while True:
        page = await timeline(alone.deps, document, desk=True, limit=7, cursor=cursor)
        lines += [item.line_id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    written = {row.id for row in grown.rows if row.collection == ENTRIES}
    assert len(lines) == len(set(lines)) == len(written) + 3
    assert lines[3:] == sorted(written, reverse=True), "in the order of their writing, newest first"
    public = await timeline(alone.deps, document, desk=False, limit=50, cursor=None)
    assert "note" not in {item.type for item in public.items}
    assert public.items[0].text == f"24 {'word ' * 200}"
    assert {visit.status for visit in grown.ticket.state.visits} == {VisitStatus.DONE}
