"""What grows with a ticket's use does not grow in it (TIC-7): bounds, lines, and limits of what comes from outside."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.tickets.aggregate.lines import ENTRIES, rows_of
from services.tickets.aggregate.parties import events_of
from services.tickets.aggregate.values import Decision, Ticket
from services.tickets.contact_centre.domain import marks_wanted as marks_of_reply
from services.tickets.contact_centre.domain import take_case_message
from services.tickets.tickets import domain
from services.tickets.visits.conflicts import Told, Verdict
from services.tickets.visits.domain import (
    MOST_OPEN_VISITS,
    SEQUENCES_KEPT,
    marks_wanted,
    take_message,
)
from shared.contracts.base import Event
from shared.contracts.inbound import (
    BackOfficeAccountUpdated,
    BackOfficeUserUpdated,
    ContactCentreTicketOpened,
    ContactCentreTicketReplied,
    ContactCentreTicketResolved,
    DispatchVisitPlanned,
    EngineerVisitReported,
)
from shared.contracts.outbound import CaseChanged
from shared.contracts.tickets import ENTRY_LIMIT, TicketStatus, TicketUpdated
from shared.outbox import Cause
from tests.contracts.examples import example
from tests.unit.ticket_samples import IDS, NOON, REFERENCE, SILENCE, draft, message, minutes, opened

CAUSE = Cause("user-1", channel="portal")


def taken(ticket: Ticket, told: Told, sequence: int, **more: Any) -> Decision | None:
    work = draft(ticket, after=60)
    take_message(work, message(told, sequence=sequence, **more), "dispatch", IDS, SILENCE)
    return work.decision()


def moved_often(times: int) -> Ticket:
    ticket = opened().ticket
    for sequence in range(1, times + 1):
        decision = taken(ticket, Told.PLANNED if sequence == 1 else Told.MOVED, sequence, window_after=100 + sequence)
        assert decision is not None
        ticket = decision.ticket
    return ticket


def test_of_each_party_and_visit_the_highest_sequences_are_remembered() -> None:
    [trail] = moved_often(SEQUENCES_KEPT + 20).visit_trails
    assert trail.sequences["dispatch"] == tuple(range(21, SEQUENCES_KEPT + 21))


def test_a_sequence_below_those_remembered_is_older_and_changes_nothing() -> None:
    ticket = moved_often(SEQUENCES_KEPT + 20)
    below = message(Told.MOVED, sequence=3, window_after=500)
    work = draft(ticket, after=90)
    assert take_message(work, below, "dispatch", IDS, SILENCE) is Verdict.KNOWN
    assert work.decision() is None
    assert len(marks_wanted(ticket, below, "dispatch")) == 1, "whether it was flagged, its mark tells"


def test_a_flagged_message_below_those_remembered_is_flagged_once() -> None:
    ticket = moved_often(SEQUENCES_KEPT + 20)
    arrived = draft(ticket, after=70)
    take_message(arrived, message(Told.ARRIVED, after=65), "engineer", IDS, SILENCE)
    decision = arrived.decision()
    assert decision is not None
    late = message(Told.CANCELLED, sequence=3)
    work = draft(decision.ticket, after=90)
    assert take_message(work, late, "dispatch", IDS, SILENCE) is Verdict.FLAG
    flagged = work.decision()
    assert flagged is not None
    marks = {mark.mark_id: mark.facts for mark in flagged.marks}
    assert set(marks_wanted(decision.ticket, late, "dispatch")) == set(marks)
    again = draft(flagged.ticket, after=91, marks=marks)
    assert take_message(again, late, "dispatch", IDS, SILENCE) is Verdict.KNOWN
    assert again.decision() is None


def test_visits_beyond_the_bound_are_flagged_and_not_planned() -> None:
    ticket = opened().ticket
    for number in range(MOST_OPEN_VISITS + 5):
        decision = taken(ticket, Told.PLANNED, 1, visit=f"visit-{number}")
        assert decision is not None
        ticket = decision.ticket
    assert len(ticket.state.visits) == MOST_OPEN_VISITS == len(ticket.visit_trails)
    assert ticket.flag_count == 5
    assert len(ticket.latest_flags) == 3


def test_orders_beyond_the_bound_are_refused() -> None:
    work = draft()
    asked = [domain.request_visit(work, f"order-{number}", "again") for number in range(2, 30)]
    assert asked.count(True) == domain.MOST_OPEN_ORDERS - 1
    assert asked[-1] is False


def test_orders_that_are_over_leave_the_ticket_but_the_last_ten() -> None:
    work = draft()
    for number in range(2, 16):
        domain.request_visit(work, f"order-{number}", "s" * 5_000)
    decision = work.decision()
    assert decision is not None
    work = draft(decision.ticket)
    domain.withdraw_orders(work, work.now, "resolved")
    withdrawn = work.decision()
    assert withdrawn is not None
    assert len([event for event in events_of(withdrawn, None) if event.topic == "outbound.dispatch"]) == 15
    work = draft(withdrawn.ticket)
    domain.acknowledge(work, work.now)
    later = work.decision()
    assert later is not None
    assert [order.work_order_id for order in later.ticket.work_orders] == [f"order-{n}" for n in range(6, 16)]
    assert {len(order.symptom) for order in later.ticket.work_orders} == {500}
    assert later.ticket.order_count == 15


def test_an_event_carries_its_own_entry_and_no_other() -> None:
    work = draft(after=10)
    domain.wait(work, "customer", work.now)
    work.write("e1", "team", "Which tray?")
    decision = work.decision()
    assert decision is not None
    work = draft(decision.ticket, after=20)
    domain.customer_writes(work, "e2", "user-1", "x" * 700, "en")
    answered = work.decision()
    assert answered is not None
    updated, changed = answered.public_events
    assert updated.entry is not None and updated.entry.text == "x" * 700
    assert changed.entry is None
    assert [(entry.entry_id, len(entry.text), entry.cut) for entry in updated.ticket.latest_entries] == [
        ("e1", 11, False),
        ("e2", 500, True),
    ]
    assert updated.ticket.last_customer_entry_at == work.now


def test_a_word_that_goes_with_an_action_travels_in_the_actions_event() -> None:
    work = draft(after=10)
    solution = ContactCentreTicketResolved(ticket_id="ticket-1", occurred_at=NOON + minutes(9), text="Reset")
    take_case_message(work, solution, REFERENCE, SILENCE)
    decision = work.decision()
    assert decision is not None
    carried = {event.type: event.entry.text for event in decision.public_events if event.entry}
    assert carried == {"tickets.ticket.resolved.v1": "Reset"}


def test_a_case_changes_with_its_own_entries_alone() -> None:
    work = draft(after=10)
    domain.customer_writes(work, "e1", "user-1", "one", "en")
    decision = work.decision()
    assert decision is not None
    work = draft(decision.ticket, after=20)
    work.note("n1", "agent-1", "two")
    decision = work.decision()
    assert decision is not None
    [case] = events_of(decision, None)
    assert isinstance(case, CaseChanged)
    assert [(entry.kind, entry.text) for entry in case.entries] == [("internal", "two")]
    assert case.case.entry_count == 2


def test_each_public_event_note_and_flag_leaves_a_line_and_a_repeated_write_the_same_ones() -> None:
    work = draft(after=10)
    work.note("n1", "agent-1", "two")
    work.flag("engineer", "contradicts", REFERENCE)
    domain.customer_writes(work, "e1", "user-1", "one", "en")
    decision = work.decision()
    assert decision is not None
    rows = rows_of(decision, events_of(decision, None), version=7, cause=CAUSE)
    lines = [row for row in rows if row.collection == ENTRIES]
    assert [(line.fields["type"], line.fields["internal"]) for line in lines] == [
        (TicketUpdated.type, False),
        ("note", True),
        ("flag", True),
    ]
    assert [line.id for line in lines] == [f"ticket-1/0000000007.{number:02d}" for number in range(3)]
    assert lines[2].fields["data"]["record_id"] == "record-1"
    assert lines[0].fields["told"] == {"contact-centre": 10}


def reply(reply_id: str) -> ContactCentreTicketReplied:
    return ContactCentreTicketReplied(
        ticket_id="ticket-1", occurred_at=NOON, reply_id=reply_id, audience="public", text="We come"
    )


def test_a_reply_is_taken_once_by_whatever_message() -> None:
    work = draft()
    take_case_message(work, reply("r1"), REFERENCE, SILENCE)
    decision = work.decision()
    assert decision is not None
    marks = {mark.mark_id: mark.facts for mark in decision.marks}
    assert set(marks_of_reply(reply("r1"), REFERENCE.record_id)) == set(marks)
    for record_id in ("record-1", "record-2"):
        again = draft(decision.ticket, marks=marks)
        take_case_message(again, reply("r1"), REFERENCE.model_copy(update={"record_id": record_id}), SILENCE)
        assert again.ticket == decision.ticket


def test_a_solution_that_did_not_know_the_customers_last_word_is_flagged() -> None:
    work = draft(after=10)
    domain.customer_writes(work, "e1", "user-1", "still broken", "en")
    decision = work.decision()
    assert decision is not None
    work = draft(decision.ticket, after=20)
    take_case_message(
        work,
        ContactCentreTicketResolved(ticket_id="ticket-1", occurred_at=NOON + minutes(9)),
        REFERENCE,
        SILENCE,
    )
    assert work.state.status is TicketStatus.RECEIVED
    assert work.ticket.flag_count == 1


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (ContactCentreTicketReplied, "text", "x" * (ENTRY_LIMIT + 1)),
        (ContactCentreTicketResolved, "text", "x" * (ENTRY_LIMIT + 1)),
        (ContactCentreTicketOpened, "description", "x" * (ENTRY_LIMIT + 1)),
        (ContactCentreTicketOpened, "serial", "x" * 880_000),
        (EngineerVisitReported, "cause", "x" * (ENTRY_LIMIT + 1)),
        (EngineerVisitReported, "counters", {f"c{number}": 1 for number in range(200)}),
        (EngineerVisitReported, "counters", {"a.b": 1}),
        (EngineerVisitReported, "counters", {"total": 2**70}),
        (EngineerVisitReported, "parts", [{"number": "1", "name": "x", "quantity": 1}] * 200),
        (DispatchVisitPlanned, "sequence", 2**63),
        (DispatchVisitPlanned, "occurred_at", datetime(1, 1, 1, tzinfo=UTC)),
        (DispatchVisitPlanned, "window_to", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (DispatchVisitPlanned, "work_order_id", "x" * 65),
        (BackOfficeAccountUpdated, "name", "x" * 880_000),
        (BackOfficeAccountUpdated, "name", ""),
        (BackOfficeAccountUpdated, "name", "A\0B"),
        (BackOfficeAccountUpdated, "revision", 2**63),
        (BackOfficeUserUpdated, "last_name", "x" * 201),
    ],
)
def test_what_is_too_much_from_outside_is_refused_by_its_field(kind: type[Event], field: str, value: object) -> None:
    good = example(kind).model_dump()
    kind.model_validate(good)
    with pytest.raises(ValidationError) as refused:
        kind.model_validate({**good, field: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {field}


def test_what_just_fits_is_taken() -> None:
    reply = example(ContactCentreTicketReplied).model_dump() | {"text": "x" * ENTRY_LIMIT}
    assert len(ContactCentreTicketReplied.model_validate(reply).text) == ENTRY_LIMIT
    planned = example(DispatchVisitPlanned).model_dump() | {"occurred_at": NOON + timedelta(days=700)}
    DispatchVisitPlanned.model_validate(planned)
