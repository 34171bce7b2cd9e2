"""Why a deadline is what it is: the rule, its inputs and the open time that was counted, day by day."""

from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import Literal

from services.tickets.clocks.business_time import day_intervals
from services.tickets.clocks.calendars import BusinessCalendar, Segment, Value, hours_of
from services.tickets.clocks.domain import Clock, ClockKind, Pause, require_version, running_spans


class CountedTime(Value):
    """Open time in which the clock ran, UTC."""

    from_at: datetime
    to_at: datetime


class ExplainedDay(Value):
    """One local day: which rule set its hours, and what of them counted. A holiday comes with its name."""

    day: date
    rule: Literal["weekday", "holiday", "closed", "opened"]
    name: str | None
    segments: tuple[Segment, ...]
    counted: tuple[CountedTime, ...]
    counted_seconds: float
    total_seconds: float


class Explanation(Value):
    """Everything needed to recompute `due_at` by hand. Texts are the pages' business."""

    rule: Literal["business_minutes_from_receipt"] = "business_minutes_from_receipt"
    kind: ClockKind
    started_at: datetime
    target_minutes: int
    warn_at: datetime
    due_at: datetime
    pauses: tuple[Pause, ...]
    calendar: str
    calendar_version: int
    time_zone: str
    holiday_country: str | None
    holiday_subdivision: str | None
    holiday_source: str
    days: tuple[ExplainedDay, ...]


def explain(clock: Clock, calendar: BusinessCalendar) -> Explanation:
    """The deadline of a clock, with `calendar` in the version that the clock names.

    The days reach from receipt to the deadline, in the calendar's time zone. What is counted adds up to the target; on
    a clock that stands still, to what was used before it did. Raises WrongCalendar.
    """
    require_version(clock, calendar)
    spans = running_spans(clock, clock.due_at)
    day = clock.started_at.astimezone(calendar.zone).date()
    last_day = clock.due_at.astimezone(calendar.zone).date()
    days: list[ExplainedDay] = []
    total = timedelta()
    while day <= last_day:
        hours = hours_of(calendar, day)
        counted = tuple(
            CountedTime(from_at=max(interval.start, span.start), to_at=min(interval.end, span.end))
            for interval in day_intervals(calendar, hours)
            for span in spans
            if max(interval.start, span.start) < min(interval.end, span.end)
        )
        of_day = sum((time.to_at - time.from_at for time in counted), timedelta())
        total += of_day
        days.append(
            ExplainedDay(
                day=day,
                rule=hours.rule,
                name=hours.name,
                segments=hours.segments,
                counted=counted,
                counted_seconds=of_day.total_seconds(),
                total_seconds=total.total_seconds(),
            )
        )
        day += timedelta(days=1)
    return Explanation(
        kind=clock.kind,
        started_at=clock.started_at,
        target_minutes=clock.target_minutes,
        warn_at=clock.warn_at,
        due_at=clock.due_at,
        pauses=clock.pauses,
        calendar=calendar.code,
        calendar_version=calendar.version,
        time_zone=calendar.time_zone,
        holiday_country=calendar.holiday_country,
        holiday_subdivision=calendar.holiday_subdivision,
        holiday_source=f"holidays {version('holidays')}",
        days=tuple(days),
    )
