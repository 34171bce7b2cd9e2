"""From receipt to closing: the promise, the clocks, the customer's answers, silence (TIC-2, TIC-3, TIC-5, TIC-6)."""

from datetime import timedelta

import pytest

from services.tickets.aggregate.closing import let_silence_act
from services.tickets.aggregate.parties import events_of
from services.tickets.aggregate.timers import let_clocks_speak, next_moment
from services.tickets.aggregate.values import Decision, Ticket
from services.tickets.tickets import domain
from services.tickets.visits.conflicts import Told
from services.tickets.visits.domain import customer_replies, take_message
from shared.contracts.catalog import DeviceStatus
from shared.contracts.outbound import OnSiteContact
from shared.contracts.tickets import ClockKind, ClockState, TicketStatus
from tests.unit.ticket_samples import (
    IDS,
    NOON,
    SILENCE,
    device,
    draft,
    entitlement,
    message,
    minutes,
    opened,
    site,
)


def clock(ticket: Ticket, kind: ClockKind) -> ClockState:
    return next(clock for clock in ticket.state.clocks if clock.kind is kind)


def decided(done: object, decision: Decision | None) -> Decision:
    assert done is not False
    assert decision is not None
    return decision


def types(decision: Decision) -> list[str]:
    return [event.type for event in decision.public_events]


def resolved() -> Ticket:
    work = draft(after=60)
    return decided(domain.resolve(work, work.now, SILENCE), work.decision()).ticket


def test_opening_tells_the_customer_dispatch_and_the_contact_centre() -> None:
    events = events_of(opened(), OnSiteContact(name="Aino Virtanen", phone="+358 1"))
    assert [event.type for event in events] == [
        "tickets.ticket.opened.v1",
        "dispatch.work-order.requested.v1",
        "contact-centre.case.opened.v1",
    ]
    order = events[1].model_dump(mode="json")["work_order"]
    assert order["contact"]["name"] == "Aino Virtanen"
    assert order["target_arrival"] == "2026-11-02T16:00:00Z"
    assert "Aino" not in events[0].model_dump_json()


def test_the_promise_names_each_contracted_deadline() -> None:
    promise = opened(entitlement(acknowledge_minutes=None)).ticket.state.promise
    assert promise.work_starts_at == NOON
    assert promise.acknowledge_by is None
    assert promise.engineer_by == NOON + minutes(240)
    assert promise.time_zone == "Europe/Helsinki"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"contract": None}, "no_contract"),
        ({"status": DeviceStatus.REMOVED}, "device_removed"),
    ],
)
def test_a_device_without_a_valid_line_is_refused(changes: dict[str, object], reason: str | None) -> None:
    refusal = domain.entitlement_refusal(device(**changes), NOON)
    assert (refusal.reason if refusal else None) == reason


def test_the_last_day_of_a_contract_ends_at_midnight_of_the_site() -> None:
    contract = device().contract
    assert contract is not None
    last = device(contract=contract.model_copy(update={"valid_until": NOON.date()}))
    before_midnight = NOON.replace(hour=21, minute=59)  # 23:59 in Helsinki
    assert domain.entitlement_refusal(last, before_midnight) is None
    refusal = domain.entitlement_refusal(last, before_midnight + minutes(1))
    assert refusal is not None
    assert (refusal.reason, refusal.on) == ("contract_ended", NOON.date())


def test_an_acknowledgement_meets_its_clock_at_its_own_time() -> None:
    work = draft(after=60)
    domain.acknowledge(work, NOON + minutes(20))
    decision = decided(True, work.decision())
    assert types(decision) == ["tickets.ticket.acknowledged.v1"]
    assert clock(decision.ticket, ClockKind.ACKNOWLEDGE).met_at == NOON + minutes(20)
    assert decision.ticket.state.status_since == NOON + minutes(20)


def test_warning_and_breach_come_once_and_are_dated_at_their_moments() -> None:
    work = draft(after=40)
    let_clocks_speak(work)
    decision = decided(True, work.decision())
    assert [(event.type, event.occurred_at) for event in decision.public_events] == [
        ("tickets.deadline.at-risk.v1", NOON + minutes(22.5)),
        ("tickets.deadline.breached.v1", NOON + minutes(30)),
    ]
    again = draft(decision.ticket, after=41)
    let_clocks_speak(again)
    assert again.decision() is None
    assert next_moment(decision.ticket.state) == NOON + minutes(180)


def test_a_fact_dated_before_the_deadline_that_is_told_late_withdraws_the_breach() -> None:
    work = draft(after=40)
    let_clocks_speak(work)
    late = draft(decided(True, work.decision()).ticket, after=45)
    domain.acknowledge(late, NOON + minutes(29))
    decision = decided(True, late.decision())
    assert "tickets.deadline.breach-withdrawn.v1" in types(decision)
    assert clock(decision.ticket, ClockKind.ACKNOWLEDGE).breached_at is None


def test_a_fact_dated_after_the_deadline_breaches_it_even_before_the_timer_fires() -> None:
    work = draft(after=31)
    domain.acknowledge(work, NOON + minutes(31))
    decision = decided(True, work.decision())
    assert "tickets.deadline.breached.v1" in types(decision)
    assert clock(decision.ticket, ClockKind.ACKNOWLEDGE).breached_at == NOON + minutes(30)


def test_waiting_for_the_customer_stops_the_clocks_until_he_writes() -> None:
    work = draft(after=10)
    decision = decided(domain.wait(work, "customer", work.now), work.decision())
    assert clock(decision.ticket, ClockKind.RESPONSE).state == "paused"
    work = draft(decision.ticket, after=40)
    decision = decided(domain.customer_writes(work, "u1", "user-1", "here you are", "en"), work.decision())
    assert decision.ticket.state.status is TicketStatus.IN_PROGRESS
    assert clock(decision.ticket, ClockKind.RESPONSE).due_at == NOON + minutes(270)
    assert types(decision) == ["tickets.ticket.updated.v1", "tickets.ticket.status-changed.v1"]


def test_waiting_for_parts_stops_the_clocks_only_where_the_contract_says_so() -> None:
    for pauses, state in ((False, "running"), (True, "paused")):
        work = draft(opened(entitlement(parts_pause=pauses)).ticket, after=10)
        decision = decided(domain.wait(work, "parts", work.now), work.decision())
        assert clock(decision.ticket, ClockKind.RESOLVE).state == state


def test_resolving_calls_off_planned_visits_and_withdraws_the_order() -> None:
    work = draft(after=20)
    take_message(work, message(Told.PLANNED), "dispatch", IDS, SILENCE)
    planned = decided(True, work.decision()).ticket
    work = draft(planned, after=60)
    decision = decided(domain.resolve(work, work.now, SILENCE), work.decision())
    assert [signal.kind for signal in decision.signals] == ["sheet_withdrawn", "order_withdrawn"]
    assert types(decision) == ["tickets.visit.cancelled.v1", "tickets.ticket.resolved.v1"]
    assert clock(decision.ticket, ClockKind.RESPONSE).state == "stopped"


def test_an_arrival_told_after_the_solution_still_counts_for_the_response() -> None:
    work = draft(resolved(), after=70)
    take_message(work, message(Told.ARRIVED, after=50), "engineer", IDS, SILENCE)
    decision = decided(True, work.decision())
    assert decision.ticket.state.status is TicketStatus.RESOLVED
    assert clock(decision.ticket, ClockKind.RESPONSE).met_at == NOON + minutes(50)


def test_a_reply_to_a_resolved_ticket_reopens_it_and_its_clocks_run_on() -> None:
    work = draft(resolved(), after=90)
    decision = decided(domain.customer_writes(work, "u1", "user-1", "again", "en"), work.decision())
    assert types(decision) == ["tickets.ticket.updated.v1", "tickets.ticket.reopened.v1"]
    assert decision.ticket.closing is None
    assert decision.ticket.state.resolved_at is None
    assert clock(decision.ticket, ClockKind.RESOLVE).due_at == NOON + minutes(510)
    assert clock(decision.ticket, ClockKind.RESPONSE).state == "running"


def test_silence_warns_and_then_closes() -> None:
    five_days = 60 + timedelta(days=5) / minutes(1)
    work = draft(resolved(), after=five_days)
    let_silence_act(work, "w1")
    warned = decided(True, work.decision())
    assert warned.public_entries[-1].author == "system"
    assert warned.ticket.state.status is TicketStatus.RESOLVED
    work = draft(warned.ticket, after=five_days + 60)
    let_silence_act(work, "w1")
    assert work.decision() is None
    work = draft(warned.ticket, after=five_days + timedelta(days=2) / minutes(1))
    let_silence_act(work, "w1")
    closed = decided(True, work.decision())
    assert types(closed) == ["tickets.ticket.closed.v1"]
    assert closed.ticket.state.closed_at == NOON + minutes(60) + timedelta(days=7)


def test_a_warning_that_comes_late_puts_the_closing_off() -> None:
    work = draft(resolved(), after=60 + timedelta(days=30) / minutes(1))
    let_silence_act(work, "w1")
    warned = decided(True, work.decision()).ticket
    assert warned.closing is not None
    assert warned.closing.close_at == work.now + timedelta(days=2)


def test_an_internal_note_never_reaches_the_public_state() -> None:
    work = draft()
    work.note("n1", "user-9", "customer is angry")
    decision = decided(True, work.decision())
    assert decision.public_events == []
    assert "angry" not in decision.ticket.state.model_dump_json()
    assert "angry" in events_of(decision, None)[0].model_dump_json()


def test_a_wish_for_another_window_reaches_dispatch_and_the_contact_centre() -> None:
    work = draft(after=20)
    take_message(work, message(Told.PLANNED), "dispatch", IDS, SILENCE)
    work = draft(decided(True, work.decision()).ticket, after=30)
    done = customer_replies(work, "visit-1", "other_window_wanted", "rather Friday", entry_id="u1", author_id="user-1")
    decision = decided(done, work.decision())
    assert [event.type for event in events_of(decision, None)] == [
        "tickets.visit.answered.v1",
        "dispatch.work-order.changed.v1",
        "contact-centre.case.changed.v1",
    ]
    assert decision.signals[0].reason == "other_window_wanted: rather Friday"


def test_a_new_site_flags_planned_visits_and_tells_dispatch_and_the_engineer() -> None:
    work = draft(after=20)
    take_message(work, message(Told.PLANNED), "dispatch", IDS, SILENCE)
    work = draft(decided(True, work.decision()).ticket, after=30)
    domain.site_changed(work, device(site=site("two")))
    decision = decided(True, work.decision())
    assert decision.ticket.state.visits[0].old_address
    assert [signal.kind for signal in decision.signals] == ["order_changed", "sheet_changed"]
    assert decision.ticket.state.site.site_id == "two"


def test_cancelling_stops_the_clocks_and_withdraws_the_order() -> None:
    work = draft(after=10)
    decision = decided(domain.cancel(work, work.now), work.decision())
    assert {clock.state for clock in decision.ticket.state.clocks} == {"stopped"}
    assert [signal.kind for signal in decision.signals] == ["order_withdrawn"]
    assert next_moment(decision.ticket.state) is None
