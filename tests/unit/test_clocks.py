"""Service-level clocks: promises, pauses and breaches (TIC-3, TIC-5)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tickets.clocks.business_time import business_time_between
from services.tickets.clocks.domain import (
    Clock,
    Timer,
    WrongCalendar,
    due_timers,
    elapsed,
    fire,
    meet,
    next_timer_at,
    pause,
    promise,
    reopen,
    resume,
    start_clocks,
    stop,
)
from shared.contracts.catalog import Entitlement
from shared.contracts.tickets import ClockState, PromiseState
from tests.unit.clock_samples import ALWAYS, CONTRACT, FINLAND, WITHOUT_PARTS, at, finland, response_clock


# A Wednesday: due at 13:00, warned of at 12:00.
@pytest.fixture
def clock() -> Clock:
    return response_clock("4.11. 09:00")


def test_only_contracted_clocks_run() -> None:
    contract = Entitlement(level="full", calendar="FI-OFFICE", acknowledge_minutes=60, resolve_minutes=960)
    clocks = start_clocks(contract, FINLAND, at("4.11. 09:00"))
    assert [(clock.kind, clock.state, clock.due_at) for clock in clocks] == [
        ("acknowledge", "running", at("4.11. 10:00")),
        ("resolve", "running", at("6.11. 09:00")),
    ]


def test_a_new_clock_names_the_calendar_it_was_computed_with(clock: Clock) -> None:
    assert (clock.calendar, clock.calendar_version, clock.time_zone) == ("FI-OFFICE", 1, "Europe/Helsinki")
    assert (clock.warn_at, clock.due_at) == (at("4.11. 12:00"), at("4.11. 13:00"))


def test_a_promise_at_night_says_when_work_starts_and_when_the_engineer_comes() -> None:
    made = promise(CONTRACT, FINLAND, at("4.12. 17:40"))
    assert (made.work_starts_at, made.engineer_by) == (at("7.12. 08:00"), at("7.12. 12:00"))
    assert (made.acknowledge_by, made.resolve_by) == (None, None)
    assert (made.time_zone, made.calendar, made.calendar_version) == ("Europe/Helsinki", "FI-OFFICE", 1)


def test_a_promise_over_christmas_skips_the_holidays() -> None:
    made = promise(CONTRACT, FINLAND, at("23.12. 18:05"))
    assert (made.work_starts_at, made.engineer_by) == (at("28.12. 08:00"), at("28.12. 12:00"))


def test_clocks_and_promises_travel_as_they_are(clock: Clock) -> None:
    waiting = pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_customer", CONTRACT)
    state = ClockState.model_validate(waiting.model_dump())
    assert Clock.model_validate(state.model_dump()) == waiting
    made = promise(CONTRACT, FINLAND, at("4.12. 17:40"))
    assert PromiseState.model_validate(made.model_dump()).engineer_by == made.engineer_by


def test_moments_are_kept_as_finely_as_the_store_keeps_them() -> None:
    received = datetime(2026, 11, 4, 7, 0, 0, 123_456, tzinfo=UTC)
    [clock] = start_clocks(CONTRACT, FINLAND, received)
    assert clock.started_at == datetime(2026, 11, 4, 7, 0, 0, 123_000, tzinfo=UTC)
    assert clock.due_at == clock.started_at + timedelta(hours=4)


# Pauses


def test_a_pause_moves_the_deadline_by_its_business_time(clock: Clock) -> None:
    waiting = pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_customer", CONTRACT)
    assert (waiting.state, due_timers(waiting)) == ("paused", [])
    running = resume(waiting, FINLAND, at("4.11. 11:30"))
    assert (running.state, running.warn_at, running.due_at) == ("running", at("4.11. 13:30"), at("4.11. 14:30"))


def test_a_pause_over_night_costs_only_open_time(clock: Clock) -> None:
    waiting = pause(clock, FINLAND, at("4.11. 12:00"), "waiting_for_customer", CONTRACT)
    running = resume(waiting, FINLAND, at("5.11. 09:00"))
    assert running.due_at == at("5.11. 10:00")
    assert elapsed(running, FINLAND, at("5.11. 09:30")) == timedelta(hours=3, minutes=30)


def test_a_pause_in_closed_hours_changes_nothing() -> None:
    clock = response_clock("4.11. 15:00")
    waiting = pause(clock, FINLAND, at("4.11. 16:30"), "waiting_for_customer", CONTRACT)
    assert resume(waiting, FINLAND, at("5.11. 07:45")).due_at == clock.due_at


def test_waiting_for_parts_pauses_only_if_the_contract_says_so(clock: Clock) -> None:
    assert pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_parts", CONTRACT).state == "paused"
    assert pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_parts", WITHOUT_PARTS) == clock


def test_parts_after_the_customer_go_on_or_resume_by_contract(clock: Clock) -> None:
    waiting = pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_customer", CONTRACT)
    still = pause(waiting, FINLAND, at("4.11. 11:00"), "waiting_for_parts", CONTRACT)
    assert [(entry.reason, entry.to_at) for entry in still.pauses] == [
        ("waiting_for_customer", at("4.11. 11:00")),
        ("waiting_for_parts", None),
    ]
    running = pause(waiting, FINLAND, at("4.11. 11:00"), "waiting_for_parts", WITHOUT_PARTS)
    assert (running.state, running.due_at) == ("running", at("4.11. 14:00"))


def test_the_same_wait_told_twice_counts_once(clock: Clock) -> None:
    waiting = pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_customer", CONTRACT)
    assert pause(waiting, FINLAND, at("4.11. 10:30"), "waiting_for_customer", CONTRACT) == waiting
    running = resume(waiting, FINLAND, at("4.11. 11:00"))
    assert resume(running, FINLAND, at("4.11. 12:00")) == running


def test_a_wait_told_late_never_counts_the_same_time_twice(clock: Clock) -> None:
    running = resume(
        pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_customer", CONTRACT), FINLAND, at("4.11. 11:00")
    )
    again = pause(running, FINLAND, at("4.11. 10:30"), "waiting_for_parts", CONTRACT)
    assert again.pauses[-1].from_at == at("4.11. 11:00")


def test_a_resume_dated_before_its_pause_leaves_no_trace(clock: Clock) -> None:
    waiting = pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_customer", CONTRACT)
    assert resume(waiting, FINLAND, at("4.11. 09:30")) == clock


# Met, breached, withdrawn, stopped


@pytest.mark.parametrize(
    ("arrived", "breached"),
    [
        pytest.param("4.11. 12:59", None, id="before the deadline it is in time"),
        pytest.param("4.11. 13:00", None, id="on the deadline it is in time"),
        pytest.param("4.11. 13:01", "4.11. 13:00", id="after the deadline it is met and breached"),
        pytest.param("4.11. 08:00", None, id="before receipt it is met at receipt"),
    ],
)
def test_an_arrival_meets_the_clock(clock: Clock, arrived: str, breached: str | None) -> None:
    met = meet(clock, FINLAND, at(arrived))
    assert (met.state, met.met_at) == ("met", max(at(arrived), clock.started_at))
    assert met.breached_at == (at(breached) if breached else None)
    assert due_timers(met) == []


def test_warning_and_breach_fire_once_at_their_moment(clock: Clock) -> None:
    assert due_timers(clock) == [Timer("warning", at("4.11. 12:00")), Timer("breach", at("4.11. 13:00"))]
    assert fire(clock, "warning", at("4.11. 11:59")) is clock
    warned = fire(clock, "warning", at("4.11. 12:00"))
    assert (warned.state, warned.warned_at) == ("running", at("4.11. 12:00"))
    assert fire(warned, "warning", at("4.11. 12:01")) is warned
    assert due_timers(warned) == [Timer("breach", at("4.11. 13:00"))]
    breached = fire(warned, "breach", at("4.11. 13:00"))
    assert (breached.state, breached.breached_at) == ("breached", at("4.11. 13:00"))
    assert fire(breached, "breach", at("4.11. 13:01")) is breached
    assert due_timers(breached) == []


def test_a_breach_noticed_late_is_dated_to_the_deadline(clock: Clock) -> None:
    assert fire(clock, "breach", at("4.11. 18:00")).breached_at == at("4.11. 13:00")


def test_a_timer_of_an_older_deadline_does_not_fire(clock: Clock) -> None:
    moved = resume(
        pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_customer", CONTRACT), FINLAND, at("4.11. 11:00")
    )
    assert fire(moved, "breach", at("4.11. 13:00")) is moved


@pytest.mark.parametrize("since", ["4.11. 12:00", "4.11. 12:30"])
def test_a_warning_due_when_the_pause_begins_is_still_given(clock: Clock, since: str) -> None:
    waiting = pause(clock, FINLAND, at(since), "waiting_for_customer", CONTRACT)
    assert due_timers(waiting) == [Timer("warning", at("4.11. 12:00"))]
    assert fire(waiting, "warning", at("4.11. 12:31")).state == "paused"


def test_a_warning_is_not_repeated_for_a_moved_deadline(clock: Clock) -> None:
    warned = fire(clock, "warning", at("4.11. 12:00"))
    waiting = pause(warned, FINLAND, at("4.11. 12:30"), "waiting_for_customer", CONTRACT)
    assert [timer.kind for timer in due_timers(resume(waiting, FINLAND, at("4.11. 14:00")))] == ["breach"]


def test_the_next_timer_is_the_earliest_of_all_clocks() -> None:
    contract = CONTRACT.model_copy(update={"acknowledge_minutes": 60})
    acknowledge, response = start_clocks(contract, FINLAND, at("4.11. 09:00"))
    assert next_timer_at((response, acknowledge)) == at("4.11. 09:45")
    assert next_timer_at((meet(response, FINLAND, at("4.11. 09:30")),)) is None


def test_a_fact_dated_before_the_deadline_withdraws_the_breach(clock: Clock) -> None:
    breached = fire(clock, "breach", at("4.11. 13:00"))
    met = meet(breached, FINLAND, at("4.11. 12:50"))
    assert (met.state, met.met_at, met.breached_at) == ("met", at("4.11. 12:50"), None)


def test_a_wait_dated_before_the_deadline_withdraws_the_breach_and_moves_it(clock: Clock) -> None:
    breached = fire(clock, "breach", at("4.11. 13:00"))
    waiting = pause(breached, FINLAND, at("4.11. 12:00"), "waiting_for_customer", CONTRACT)
    assert (waiting.state, waiting.breached_at) == ("paused", None)
    running = resume(waiting, FINLAND, at("4.11. 14:00"))
    assert (running.state, running.due_at) == ("running", at("4.11. 15:00"))


@pytest.mark.parametrize("since", ["4.11. 13:00", "4.11. 13:30"])
def test_a_wait_from_the_deadline_on_does_not_save_it(clock: Clock, since: str) -> None:
    waiting = pause(clock, FINLAND, at(since), "waiting_for_customer", CONTRACT)
    assert (waiting.state, waiting.breached_at) == ("breached", at("4.11. 13:00"))
    resumed = resume(waiting, FINLAND, at("4.11. 15:00"))
    assert (resumed.state, resumed.due_at) == ("breached", at("4.11. 13:00"))


def test_an_arrival_during_a_wait_ends_it(clock: Clock) -> None:
    waiting = pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_parts", CONTRACT)
    met = meet(waiting, FINLAND, at("5.11. 10:00"))
    assert (met.state, met.breached_at, met.pauses[-1].to_at) == ("met", None, at("5.11. 10:00"))
    assert elapsed(met, FINLAND, at("6.11. 10:00")) == timedelta(hours=1)


def test_an_arrival_told_late_ends_the_clock_before_the_wait(clock: Clock) -> None:
    waiting = pause(clock, FINLAND, at("4.11. 11:00"), "waiting_for_parts", CONTRACT)
    met = meet(waiting, FINLAND, at("4.11. 10:30"))
    assert (met.met_at, met.pauses) == (at("4.11. 10:30"), ())


def test_of_two_arrivals_the_earlier_counts(clock: Clock) -> None:
    late = meet(clock, FINLAND, at("4.11. 13:30"))
    earlier = meet(late, FINLAND, at("4.11. 12:45"))
    assert (earlier.met_at, earlier.breached_at) == (at("4.11. 12:45"), None)
    assert meet(earlier, FINLAND, at("4.11. 13:30")) == earlier


def test_a_stopped_clock_says_no_more(clock: Clock) -> None:
    stopped = stop(clock, FINLAND, at("4.11. 10:00"))
    assert (stopped.state, due_timers(stopped)) == ("stopped", [])
    assert elapsed(stopped, FINLAND, at("6.11. 10:00")) == timedelta(hours=1)
    assert meet(stopped, FINLAND, at("4.11. 11:00")) == stopped
    assert resume(stopped, FINLAND, at("4.11. 11:00")) == stopped
    assert meet(stopped, FINLAND, at("4.11. 09:50")).state == "met"


def test_a_clock_stopped_after_its_deadline_was_breached(clock: Clock) -> None:
    assert stop(clock, FINLAND, at("4.11. 13:05")).breached_at == at("4.11. 13:00")


def test_a_clock_that_was_met_is_not_stopped(clock: Clock) -> None:
    met = meet(clock, FINLAND, at("4.11. 10:00"))
    assert stop(met, FINLAND, at("4.11. 11:00")) == met


def test_a_reopened_clock_runs_on_without_the_time_between(clock: Clock) -> None:
    reopened = reopen(meet(clock, FINLAND, at("4.11. 10:00")), FINLAND, at("5.11. 09:00"))
    assert (reopened.state, reopened.met_at, reopened.due_at) == ("running", None, at("5.11. 12:00"))
    assert meet(reopened, FINLAND, at("4.11. 10:00")) == reopened
    assert meet(reopened, FINLAND, at("5.11. 10:00")).met_at == at("5.11. 10:00")
    unstopped = reopen(stop(clock, FINLAND, at("4.11. 10:00")), FINLAND, at("5.11. 09:00"))
    assert (unstopped.state, unstopped.due_at) == ("running", at("5.11. 12:00"))
    assert reopen(clock, FINLAND, at("4.11. 10:00")) == clock


def test_another_version_of_the_calendar_is_refused(clock: Clock) -> None:
    with pytest.raises(WrongCalendar, match="FI-OFFICE version 1"):
        meet(clock, finland(version=2), at("4.11. 10:00"))


# Any course of events

steps = st.lists(
    st.tuples(st.timedeltas(timedelta(0), timedelta(hours=30)), st.timedeltas(timedelta(0), timedelta(hours=30))),
    max_size=4,
)
receipts = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
quick = settings(max_examples=60, deadline=None)


@quick
@given(receipts, steps, st.sampled_from([FINLAND, ALWAYS]))
def test_pausing_never_shortens(received: datetime, steps: list[tuple[timedelta, timedelta]], calendar: Any) -> None:
    [clock] = start_clocks(CONTRACT, calendar, received)
    now = received
    for run, wait in steps:
        before = clock
        clock = pause(clock, calendar, now + run, "waiting_for_customer", CONTRACT)
        now += run + wait
        clock = resume(clock, calendar, now)
        assert clock.due_at >= before.due_at
        assert clock.warn_at <= clock.due_at
    assert elapsed(clock, calendar, clock.due_at) == timedelta(hours=4)
    assert elapsed(clock, calendar, clock.warn_at) == timedelta(hours=3)


@quick
@given(receipts, steps)
def test_elapsed_is_the_open_time_without_the_pauses(
    received: datetime, steps: list[tuple[timedelta, timedelta]]
) -> None:
    [clock] = start_clocks(CONTRACT, FINLAND, received)
    now = clock.started_at
    for run, wait in steps:
        clock = pause(clock, FINLAND, now + run, "waiting_for_customer", CONTRACT)
        now += run + wait
        clock = resume(clock, FINLAND, now)
    now += timedelta(days=1)
    paused = [business_time_between(FINLAND, entry.from_at, entry.to_at or now) for entry in clock.pauses]
    assert elapsed(clock, FINLAND, now) + sum(paused, timedelta()) == pytest.approx(
        business_time_between(FINLAND, clock.started_at, now), abs=timedelta(milliseconds=1)
    )
