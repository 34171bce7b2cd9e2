"""The conflict table of visit messages, row by row, and what each verdict does to a ticket (TIC-13)."""

from collections.abc import Sequence

import pytest

from services.tickets.aggregate.values import Decision, Ticket
from services.tickets.visits.conflicts import CONFLICTS, Told, Verdict, verdict
from services.tickets.visits.domain import take_message
from shared.contracts.inbound import VisitMessage
from shared.contracts.tickets import ClockKind, TicketStatus, VisitState, VisitStatus
from tests.unit.ticket_samples import IDS, NOON, REFERENCE, SILENCE, draft, message, minutes, opened, party_of

PATHS: dict[VisitStatus | None, Sequence[tuple[Told, int, float]]] = {
    None: (),
    VisitStatus.PLANNED: ((Told.PLANNED, 5, 10),),
    VisitStatus.TRAVELLING: ((Told.PLANNED, 5, 10), (Told.TRAVELLING, 5, 20)),
    VisitStatus.ARRIVED: ((Told.PLANNED, 5, 10), (Told.TRAVELLING, 4, 20), (Told.ARRIVED, 5, 30)),
    VisitStatus.DONE: ((Told.PLANNED, 5, 10), (Told.ARRIVED, 4, 30), (Told.REPORTED, 5, 40)),
    VisitStatus.CANCELLED: ((Told.PLANNED, 4, 10), (Told.CANCELLED, 5, 30)),
}
"""How a visit comes to its state: what was told, with which sequence, how many minutes after the ticket was opened."""

EXPECTED: dict[tuple[VisitStatus | None, Told], tuple[str, str]] = {
    # (state, message): what a newer and what an older one does
    (None, Told.PLANNED): ("apply", "apply"),
    (None, Told.MOVED): ("apply", "apply"),
    (None, Told.CANCELLED): ("apply", "apply"),
    (None, Told.TRAVELLING): ("apply", "apply"),
    (None, Told.ARRIVED): ("apply", "apply"),
    (None, Told.REPORTED): ("apply", "apply"),
    (VisitStatus.PLANNED, Told.PLANNED): ("apply", "known"),
    (VisitStatus.PLANNED, Told.MOVED): ("apply", "known"),
    (VisitStatus.PLANNED, Told.CANCELLED): ("apply", "known"),
    (VisitStatus.PLANNED, Told.TRAVELLING): ("apply", "apply"),
    (VisitStatus.PLANNED, Told.ARRIVED): ("apply", "apply"),
    (VisitStatus.PLANNED, Told.REPORTED): ("apply", "apply"),
    (VisitStatus.TRAVELLING, Told.PLANNED): ("fill_in", "fill_in"),
    (VisitStatus.TRAVELLING, Told.MOVED): ("apply", "fill_in"),
    (VisitStatus.TRAVELLING, Told.CANCELLED): ("apply", "flag"),
    (VisitStatus.TRAVELLING, Told.TRAVELLING): ("fill_in", "known"),
    (VisitStatus.TRAVELLING, Told.ARRIVED): ("apply", "apply"),
    (VisitStatus.TRAVELLING, Told.REPORTED): ("apply", "apply"),
    (VisitStatus.ARRIVED, Told.PLANNED): ("fill_in", "fill_in"),
    (VisitStatus.ARRIVED, Told.MOVED): ("flag", "fill_in"),
    (VisitStatus.ARRIVED, Told.CANCELLED): ("flag", "flag"),
    (VisitStatus.ARRIVED, Told.TRAVELLING): ("flag", "fill_in"),
    (VisitStatus.ARRIVED, Told.ARRIVED): ("known", "known"),
    (VisitStatus.ARRIVED, Told.REPORTED): ("apply", "apply"),
    (VisitStatus.DONE, Told.PLANNED): ("fill_in", "fill_in"),
    (VisitStatus.DONE, Told.MOVED): ("flag", "fill_in"),
    (VisitStatus.DONE, Told.CANCELLED): ("flag", "flag"),
    (VisitStatus.DONE, Told.TRAVELLING): ("flag", "fill_in"),
    (VisitStatus.DONE, Told.ARRIVED): ("flag", "fill_in"),
    (VisitStatus.DONE, Told.REPORTED): ("flag", "known"),
    (VisitStatus.CANCELLED, Told.PLANNED): ("apply", "fill_in"),
    (VisitStatus.CANCELLED, Told.MOVED): ("flag", "fill_in"),
    (VisitStatus.CANCELLED, Told.CANCELLED): ("known", "known"),
    (VisitStatus.CANCELLED, Told.TRAVELLING): ("flag", "fill_in"),
    (VisitStatus.CANCELLED, Told.ARRIVED): ("flag", "flag"),
    (VisitStatus.CANCELLED, Told.REPORTED): ("flag", "flag"),
}


def take(ticket: Ticket, told: VisitMessage, party: str, *, after: float = 60) -> tuple[Verdict, Decision | None]:
    decided = draft(ticket, after=after)
    return take_message(decided, told, party, IDS, SILENCE), decided.decision()


def after_messages(*messages: tuple[Told, int, float], outcome: str = "follow_up") -> Ticket:
    ticket = opened().ticket
    for told, sequence, minute in messages:
        sent = message(told, sequence=sequence, after=minute, outcome=outcome)
        _, decision = take(ticket, sent, party_of(told))
        assert decision is not None
        ticket = decision.ticket
    return ticket


def visit_of(ticket: Ticket) -> VisitState:
    return ticket.state.visits[0]


def test_the_table_has_a_row_for_every_state_and_message() -> None:
    assert set(CONFLICTS) == {(status, told) for status in (None, *VisitStatus) for told in Told}
    assert set(EXPECTED) == set(CONFLICTS)


@pytest.mark.parametrize(("status", "told"), list(CONFLICTS))
def test_the_table_says(status: VisitStatus | None, told: Told) -> None:
    newer, older = EXPECTED[status, told]
    assert verdict(status, told, older=False) == newer
    assert verdict(status, told, older=True) == older


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(("status", "told"), list(CONFLICTS))
def test_a_ticket_takes_each_message_as_the_table_says(status: VisitStatus | None, told: Told, older: bool) -> None:
    ticket = after_messages(*PATHS[status])
    expected = EXPECTED[status, told][1 if older else 0]
    sequence, minute = (2, 5) if older else (9, 50)
    found, decision = take(ticket, message(told, sequence=sequence, after=minute), party_of(told))
    assert found == expected
    assert decision is not None, "its sequence is remembered at least"
    before, after = ticket.state.visits, decision.ticket.state.visits
    if expected == "flag":
        assert after == before
        assert decision.flags[-1].message == REFERENCE
        assert decision.case_change == "flagged"
    if expected == "known":
        assert decision.ticket.state == ticket.state
        assert decision.public_events == []
    if expected == "fill_in":
        assert visit_of(decision.ticket).status == visit_of(ticket).status


@pytest.mark.parametrize("told", list(Told))
def test_a_repeated_message_changes_nothing(told: Told) -> None:
    ticket = after_messages((told, 1, 10))
    found, decision = take(ticket, message(told, after=10), party_of(told))
    assert found is Verdict.KNOWN
    assert decision is None


def test_arrival_before_planning_creates_the_visit_and_planning_fills_the_window_in() -> None:
    _, decision = take(opened().ticket, message(Told.ARRIVED, after=30), "engineer")
    assert decision is not None
    assert decision.ticket.state.status is TicketStatus.ON_SITE
    found, decision = take(decision.ticket, message(Told.PLANNED, after=10), "dispatch")
    assert found is Verdict.FILL_IN
    assert decision is not None
    visit = visit_of(decision.ticket)
    assert visit.status is VisitStatus.ARRIVED
    assert visit.window_from == NOON + minutes(120)
    assert decision.ticket.state.external_ids == {"dispatch": "PL-1"}
    assert decision.ticket.state.status is TicketStatus.ON_SITE


def test_an_arrival_for_a_cancelled_visit_is_kept_and_flagged() -> None:
    ticket = after_messages((Told.PLANNED, 1, 10), (Told.CANCELLED, 2, 20))
    found, decision = take(ticket, message(Told.ARRIVED, after=30), "engineer")
    assert found is Verdict.FLAG
    assert decision is not None
    assert visit_of(decision.ticket).status is VisitStatus.CANCELLED
    assert decision.flags[0].party == "engineer"
    assert [event.type for event in decision.public_events] == ["tickets.ticket.flagged.v1"]


def test_planning_that_was_overtaken_by_its_own_cancellation_does_not_come_back() -> None:
    ticket = after_messages((Told.CANCELLED, 2, 20))
    found, decision = take(ticket, message(Told.PLANNED, sequence=1, after=10), "dispatch")
    assert found is Verdict.FILL_IN
    assert decision is not None
    assert visit_of(decision.ticket).status is VisitStatus.CANCELLED


def test_within_one_party_the_sequence_decides_and_not_the_date() -> None:
    ticket = after_messages((Told.PLANNED, 1, 20))
    found, decision = take(ticket, message(Told.MOVED, sequence=2, after=15, window_after=300), "dispatch")
    assert found is Verdict.APPLY
    assert decision is not None
    assert visit_of(decision.ticket).window_from == NOON + minutes(300)
    assert visit_of(decision.ticket).moved == 1


def test_a_moved_visit_forgets_the_customers_answer() -> None:
    ticket = after_messages((Told.PLANNED, 1, 10))
    answered = ticket.state.visits[0].model_copy(update={"customer_reply": "confirmed"})
    ticket = ticket.model_copy(update={"state": ticket.state.model_copy(update={"visits": (answered,)})})
    _, decision = take(ticket, message(Told.MOVED, sequence=2, after=15, window_after=300), "dispatch")
    assert decision is not None
    assert visit_of(decision.ticket).customer_reply is None


def test_a_message_for_a_closed_ticket_is_flagged_and_its_call_off_is_not() -> None:
    ticket = after_messages((Told.PLANNED, 1, 10))
    ended = ticket.state.model_copy(update={"status": TicketStatus.CANCELLED})
    ticket = ticket.model_copy(update={"state": ended})
    assert take(ticket, message(Told.ARRIVED, after=30), "engineer")[0] is Verdict.FLAG
    found, decision = take(ticket, message(Told.CANCELLED, sequence=2, after=30), "dispatch")
    assert found is Verdict.APPLY
    assert decision is not None
    assert decision.ticket.state.status is TicketStatus.CANCELLED


def test_a_visit_of_another_work_order_is_flagged() -> None:
    ticket = after_messages((Told.PLANNED, 1, 10))
    assert take(ticket, message(Told.MOVED, sequence=2, order="order-2"), "dispatch")[0] is Verdict.FLAG


def test_an_engineers_fact_implies_the_acknowledgement_at_its_own_time() -> None:
    ticket = after_messages((Told.PLANNED, 1, 10))
    clock = next(clock for clock in ticket.state.clocks if clock.kind is ClockKind.ACKNOWLEDGE)
    assert (clock.state, clock.met_at) == ("met", NOON + minutes(10))


def test_a_fact_cannot_be_later_than_its_telling() -> None:
    _, decision = take(opened().ticket, message(Told.ARRIVED, after=500), "engineer", after=60)
    assert decision is not None
    assert visit_of(decision.ticket).arrived_at == NOON + minutes(60)


def test_a_follow_up_goes_back_to_work_with_a_new_order() -> None:
    _, decision = take(
        after_messages((Told.PLANNED, 1, 10), (Told.ARRIVED, 1, 20)),
        message(Told.REPORTED, sequence=2, after=40, outcome="follow_up"),
        "engineer",
    )
    assert decision is not None
    assert decision.ticket.state.status is TicketStatus.IN_PROGRESS
    assert decision.ticket.state.work_order_id == "order-2"
    assert [order.status for order in decision.ticket.work_orders] == ["done", "open"]
    assert [signal.kind for signal in decision.signals] == ["order_requested"]


def test_missing_parts_let_the_ticket_wait_on_the_same_order() -> None:
    _, decision = take(
        after_messages((Told.ARRIVED, 1, 20)),
        message(Told.REPORTED, sequence=2, after=40, outcome="parts_needed"),
        "engineer",
    )
    assert decision is not None
    assert decision.ticket.state.status is TicketStatus.WAITING_FOR_PARTS
    assert [order.status for order in decision.ticket.work_orders] == ["open"]


def test_a_report_that_resolves_ends_every_clock() -> None:
    ticket = after_messages((Told.PLANNED, 1, 10), (Told.ARRIVED, 1, 20), (Told.REPORTED, 2, 40), outcome="resolved")
    assert ticket.state.status is TicketStatus.RESOLVED
    assert ticket.state.resolved_at == NOON + minutes(40)
    assert {clock.state for clock in ticket.state.clocks} == {"met"}
    assert ticket.state.report is not None
    assert ticket.closing is not None


def test_an_engineer_who_is_called_back_leaves_the_visit_planned() -> None:
    ticket = after_messages((Told.PLANNED, 1, 10), (Told.TRAVELLING, 1, 20), (Told.MOVED, 2, 30))
    assert visit_of(ticket).status is VisitStatus.PLANNED
    assert ticket.state.status is TicketStatus.VISIT_PLANNED


def test_a_cancelled_visit_leaves_the_ticket_to_the_visits_that_remain() -> None:
    ticket = after_messages((Told.PLANNED, 1, 10))
    _, decision = take(ticket, message(Told.PLANNED, visit="visit-2", after=12), "dispatch")
    assert decision is not None
    _, decision = take(decision.ticket, message(Told.CANCELLED, sequence=2, after=15), "dispatch")
    assert decision is not None
    assert decision.ticket.state.status is TicketStatus.VISIT_PLANNED
    _, decision = take(decision.ticket, message(Told.CANCELLED, sequence=2, visit="visit-2", after=16), "dispatch")
    assert decision is not None
    assert decision.ticket.state.status is TicketStatus.IN_PROGRESS
