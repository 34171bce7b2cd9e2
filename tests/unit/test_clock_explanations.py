"""Why a deadline is what it is, and what another calendar would have made of it (TIC-18, TIC-19)."""

import pytest

from services.tickets.clocks.domain import Clock, ClockKind, WrongCalendar, meet, pause, resume
from services.tickets.clocks.explanations import explain
from services.tickets.clocks.rehearsals import PastClock, rehearse
from tests.unit.clock_samples import CONTRACT, FINLAND, at, finland, response_clock


# A Wednesday: due at 13:00, warned of at 12:00.
@pytest.fixture
def clock() -> Clock:
    return response_clock("4.11. 09:00")


def test_an_explanation_counts_the_open_time_day_by_day() -> None:
    explanation = explain(response_clock("4.12. 15:00"), FINLAND)
    assert [(day.day.day, day.rule, day.name, day.counted_seconds, day.total_seconds) for day in explanation.days] == [
        (4, "weekday", None, 3600, 3600),
        (5, "weekday", None, 0, 3600),
        (6, "holiday", "Itsenäisyyspäivä", 0, 3600),
        (7, "weekday", None, 10800, 14400),
    ]
    assert [str(segment) for segment in explanation.days[0].segments] == ["08:00-16:00"]
    assert (explanation.calendar, explanation.calendar_version, explanation.target_minutes) == ("FI-OFFICE", 1, 240)
    assert explanation.holiday_source.startswith("holidays ")


def test_an_explanation_leaves_pauses_out(clock: Clock) -> None:
    waiting = pause(clock, FINLAND, at("4.11. 10:00"), "waiting_for_customer", CONTRACT)
    assert explain(waiting, FINLAND).days[-1].total_seconds == 3600
    [day] = explain(resume(waiting, FINLAND, at("4.11. 11:30")), FINLAND).days
    assert [(time.from_at, time.to_at) for time in day.counted] == [
        (at("4.11. 09:00"), at("4.11. 10:00")),
        (at("4.11. 11:30"), at("4.11. 14:30")),
    ]


def test_an_explanation_needs_the_version_that_was_promised(clock: Clock) -> None:
    with pytest.raises(WrongCalendar):
        explain(clock, finland(version=2))


def test_a_rehearsal_shows_what_a_new_calendar_would_have_changed() -> None:
    evenings = finland(version=2, week=[[{"start": "08:00", "end": "18:00"}]] * 5 + [[], []])
    in_one_day = meet(response_clock("4.11. 09:00"), FINLAND, at("4.11. 10:00"))
    over_night = meet(response_clock("4.11. 15:00"), FINLAND, at("5.11. 10:00"))
    on_the_minute = meet(response_clock("4.11. 15:00"), FINLAND, at("5.11. 09:00"))
    past = [
        PastClock(ticket_id=ticket_id, clock=clock)
        for ticket_id, clock in (("one", in_one_day), ("two", over_night), ("three", on_the_minute))
    ]
    rehearsal = rehearse(past, evenings, now=at("9.11. 08:00"))
    assert (rehearsal.examined, rehearsal.calendar_version) == (3, 2)
    assert [(moved.ticket_id, moved.old_due_at, moved.new_due_at) for moved in rehearsal.moved] == [
        ("two", at("5.11. 11:00"), at("5.11. 09:00")),
        ("three", at("5.11. 11:00"), at("5.11. 09:00")),
    ]
    assert [(moved.was_late, moved.would_be_late) for moved in rehearsal.moved] == [(False, True), (False, False)]


@pytest.mark.parametrize(
    ("minutes", "due", "late"),
    [pytest.param(60, "4.11. 10:00", True, id="a shorter target"), pytest.param(None, None, False, id="none at all")],
)
def test_a_rehearsal_tries_another_target(clock: Clock, minutes: int | None, due: str | None, late: bool) -> None:
    service_level = CONTRACT.model_copy(update={"response_minutes": minutes})
    past = [PastClock(ticket_id="one", clock=clock)]
    [moved] = rehearse(past, FINLAND, now=at("4.11. 11:00"), service_level=service_level).moved
    kind: ClockKind = moved.kind
    assert (kind, moved.new_due_at, moved.would_be_late) == ("response", at(due) if due else None, late)
