"""Rules of country editions: what is valid, and whether somebody answers the phone now."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from shared.contracts.identity import EditionState, OpeningHours
from shared.zones import is_time_zone

LANGUAGES = frozenset({"de", "fi", "fr", "it", "es", "en"})
LOOK_AHEAD_DAYS = 60

IsHoliday = Callable[[date], bool]


class Opening(BaseModel):
    """Whether the contact centre is open, when it closes, and when it opens the next time (UTC).

    `opens_next_at` is the start of the next segment after now, also while it is open; None when there is none within
    `LOOK_AHEAD_DAYS`. `closes_at` is None, too, where it stays open for all of them.
    """

    model_config = ConfigDict(frozen=True)

    open_now: bool
    closes_at: datetime | None = None
    opens_next_at: datetime | None = None


class Fault(BaseModel):
    """A broken rule of an edition: the field, the rule, and the rule in words."""

    model_config = ConfigDict(frozen=True)

    field: str
    rule: str
    message: str


def opening(edition: EditionState, *, now: datetime, is_holiday: IsHoliday) -> Opening:
    """The opening at `now`; local days decide about weekdays, holidays and closed days."""
    running: tuple[datetime, datetime] | None = None
    for opens, closes in _segments(edition, now, is_holiday):
        if opens <= now < closes:
            running = (opens, closes) if running is None else (running[0], max(running[1], closes))
        elif opens > now and (running is None or opens > running[1]):
            return Opening(open_now=running is not None, closes_at=running[1] if running else None, opens_next_at=opens)
        elif running is not None and opens == running[1]:
            running = (running[0], closes)
    if running is None:
        return Opening(open_now=False)
    return Opening(open_now=True, closes_at=running[1] if running[1] < _horizon(edition, now) else None)


def _horizon(edition: EditionState, now: datetime) -> datetime:
    """The end of the last day that is looked at."""
    zone = ZoneInfo(edition.time_zone)
    last = now.astimezone(zone).date() + timedelta(days=LOOK_AHEAD_DAYS)
    return datetime.combine(last, time(0), zone).astimezone(UTC)


def _segments(edition: EditionState, now: datetime, is_holiday: IsHoliday) -> Iterator[tuple[datetime, datetime]]:
    """All segments from yesterday on, in order, in UTC. A segment that closes at 00:00 runs to the end of its day."""
    zone = ZoneInfo(edition.time_zone)
    today = now.astimezone(zone).date()
    hours = sorted(edition.opening_hours, key=lambda segment: (segment.weekday, segment.opens))
    for offset in range(-1, LOOK_AHEAD_DAYS):
        day = today + timedelta(days=offset)
        if day in edition.closed_days or is_holiday(day):
            continue
        for segment in hours:
            if segment.weekday == day.weekday():
                last_day = day + timedelta(days=1) if segment.closes == time(0) else day
                yield (
                    datetime.combine(day, segment.opens, zone).astimezone(UTC),
                    datetime.combine(last_day, segment.closes, zone).astimezone(UTC),
                )


def faults(edition: EditionState) -> list[Fault]:
    """The broken rules of an edition, apart from its holiday calendar."""
    found: list[Fault] = []
    if not edition.languages or not set(edition.languages) <= LANGUAGES:
        found.append(Fault(field="languages", rule="language", message="languages are de, fi, fr, it, es and en"))
    for field, named in (("languages", edition.languages), ("links", [link.code for link in edition.links])):
        if len(set(named)) != len(named):
            found.append(Fault(field=field, rule="unique", message="nothing may be named twice"))
    if not is_time_zone(edition.time_zone):
        found.append(Fault(field="time_zone", rule="time_zone", message="not an IANA time zone"))
    found.extend(_hour_faults(edition.opening_hours))
    return found


def _hour_faults(hours: Sequence[OpeningHours]) -> Iterator[Fault]:
    closed_until: dict[int, time] = {}
    for index, segment in sorted(enumerate(hours), key=lambda item: (item[1].weekday, item[1].opens)):
        end = time.max if segment.closes == time(0) else segment.closes
        if end <= segment.opens:
            yield Fault(field=f"opening_hours.{index}.closes", rule="after_opens", message="closes after it opens")
        if segment.opens < closed_until.get(segment.weekday, time.min):
            yield Fault(field=f"opening_hours.{index}.opens", rule="overlap", message="segments must not overlap")
        closed_until[segment.weekday] = max(end, closed_until.get(segment.weekday, time.min))
