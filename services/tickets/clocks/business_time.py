"""Arithmetic on the open time of a service calendar. Every result is an instant in UTC.

Clock changes: each segment is taken to UTC on its own day, so it is as long as it really is. A segment 00:00-24:00
lasts 23 hours on the day in spring and 25 in autumn. A wall-clock time that the zone skips means the moment of the
jump; one that occurs twice means its first occurrence. Segments that touch on the dial therefore touch in reality, and
never overlap.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.tickets.clocks.calendars import BusinessCalendar, DayHours, hours_of

HORIZON_DAYS = 400
"""How far ahead opening hours are looked for: a year, and the closed weeks that may follow it."""


class CalendarNeverOpens(Exception):
    """Within the horizon the calendar does not hold the business time that was asked for."""

    status = 409
    code = "calendar_never_opens"
    title = "The service calendar does not open"


class Interval(NamedTuple):
    """Open time in UTC, `end` not included."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


def day_intervals(calendar: BusinessCalendar, hours: DayHours) -> list[Interval]:
    """The segments of a day as intervals in UTC, in order; one that falls wholly into a clock jump is left out."""
    zone = calendar.zone
    intervals = [
        Interval(_instant(hours.day, segment.start, zone), _instant(hours.day, segment.end, zone))
        for segment in hours.segments
    ]
    return [interval for interval in intervals if interval.start < interval.end]


@lru_cache(maxsize=8192)
def _instant(day: date, wall_clock: str, zone: ZoneInfo) -> datetime:
    hour, minute = wall_clock.split(":")
    # Added to midnight, so that 24:00 is the next day's 00:00.
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(hours=int(hour), minutes=int(minute))
    by_offset_before, by_offset_after = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if by_offset_after >= by_offset_before:
        return by_offset_before
    return _jump_between(by_offset_after, by_offset_before, zone)


def _jump_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the zone's clocks go forward, somewhere in `(before, after]`."""
    old_offset = before.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == old_offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _intervals_from(calendar: BusinessCalendar, moment: datetime, days: int) -> Iterator[Interval]:
    """Open time from `moment` on, over this many local days."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    moment = moment.astimezone(UTC)
    first = moment.astimezone(calendar.zone).date()
    for offset in range(days):
        for interval in day_intervals(calendar, hours_of(calendar, first + timedelta(days=offset))):
            if interval.end > moment:
                yield Interval(max(interval.start, moment), interval.end)


def opening_intervals(calendar: BusinessCalendar, start: datetime, end: datetime) -> list[Interval]:
    """Open time between two moments, in order and cut to them; touching segments stay apart.

    Empty when `end` is not after `start`.
    """
    if end <= start:
        return []
    # A zone may set its clock back over midnight; the day after the last one may then have begun already.
    days = (end.astimezone(calendar.zone).date() - start.astimezone(calendar.zone).date()).days + 2
    return [
        Interval(interval.start, min(interval.end, end.astimezone(UTC)))
        for interval in _intervals_from(calendar, start, days)
        if interval.start < end
    ]


def next_open(calendar: BusinessCalendar, moment: datetime) -> datetime:
    """The first open moment at or after `moment`, in UTC: `moment` itself when it is within a segment.

    Raises CalendarNeverOpens when there is none within 400 days.
    """
    for interval in _intervals_from(calendar, moment, HORIZON_DAYS):
        return interval.start
    raise _never_opens(calendar, moment, "open time")


def add_business_time(calendar: BusinessCalendar, moment: datetime, amount: timedelta) -> datetime:
    """The earliest moment, in UTC, at which `amount` of open time has passed since `moment`.

    Time that is used up with the end of a segment ends there, not with the start of the next one. No amount gives
    `moment`. Raises CalendarNeverOpens when 400 days do not hold the amount.
    """
    if amount < timedelta(0):
        raise ValueError("business time cannot be subtracted")
    if not amount:
        return moment.astimezone(UTC)
    remaining = amount
    for interval in _intervals_from(calendar, moment, HORIZON_DAYS):
        if remaining <= interval.length:
            return interval.start + remaining
        remaining -= interval.length
    raise _never_opens(calendar, moment, f"{amount} of open time")


def business_time_between(calendar: BusinessCalendar, start: datetime, end: datetime) -> timedelta:
    """How much open time lies between two moments, exact; none when `end` is not after `start`."""
    return sum((interval.length for interval in opening_intervals(calendar, start, end)), timedelta())


def _never_opens(calendar: BusinessCalendar, moment: datetime, wanted: str) -> CalendarNeverOpens:
    return CalendarNeverOpens(
        f"Calendar {calendar.code} version {calendar.version} holds no {wanted} "
        f"in the {HORIZON_DAYS} days from {moment.isoformat()}."
    )
