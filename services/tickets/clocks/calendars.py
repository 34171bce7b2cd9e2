"""Service calendars: on which segments of which days the service works, in local wall-clock time.

Public holidays come from the `holidays` package; a calendar's own closed and opened days come on top.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

import holidays
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from shared.zones import is_time_zone

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_WALL_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Segment(Value):
    """Open time within one day, from `start` up to but not including `end`, in local time `HH:MM`."""

    start: str
    end: str

    @field_validator("start", "end")
    @classmethod
    def _is_wall_clock(cls, value: str) -> str:
        if not _WALL_CLOCK.fullmatch(value):
            raise ValueError("must be a local time HH:MM from 00:00 to 24:00")
        return value

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if self.start >= self.end:
            raise ValueError(f"segment {self} must start before it ends; over midnight is two segments")
        return self

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


def _apart(segments: tuple[Segment, ...], day: str) -> tuple[Segment, ...]:
    """The segments in order; refuses two that overlap."""
    ordered = tuple(sorted(segments, key=lambda segment: segment.start))
    for earlier, later in pairwise(ordered):
        if later.start < earlier.end:
            raise ValueError(f"{day}: segments {earlier} and {later} overlap")
    return ordered


class ClosedDay(Value):
    """A day without service beyond the public holidays."""

    day: date
    name: str | None = None


class OpenedDay(Value):
    """A day with hours of its own; it wins over the weekday's and over a public holiday."""

    day: date
    segments: tuple[Segment, ...] | None = Field(default=None, description="None: the weekday's usual segments")
    name: str | None = None

    @field_validator("segments")
    @classmethod
    def _are_apart(cls, segments: tuple[Segment, ...] | None) -> tuple[Segment, ...] | None:
        if segments is not None and not segments:
            raise ValueError("an opened day needs a segment; a day without service is a closed day")
        return None if segments is None else _apart(segments, "opened day")


Week = tuple[tuple[Segment, ...], ...]
"""Seven lists of segments, Monday first."""

ALL_WEEK: Week = ((Segment(start="00:00", end="24:00"),),) * 7
"""Day and night. A calendar with this week and without a holiday country never closes."""


class CalendarRules(Value):
    """When the service works, without a code or version: what a service administrator writes."""

    time_zone: str = Field(description="IANA name; the segments are read in it")
    week: Week = Field(description="seven lists of segments, Monday first")
    holiday_country: str | None = Field(default=None, description="ISO 3166 alpha-2; None: works on public holidays")
    holiday_subdivision: str | None = Field(default=None, description="region as in ISO 3166-2, such as BY")
    closed_days: tuple[ClosedDay, ...] = ()
    opened_days: tuple[OpenedDay, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _is_known_zone(cls, name: str) -> str:
        if not is_time_zone(name):
            raise ValueError("must be an IANA time zone such as Europe/Helsinki")
        return name

    @field_validator("week")
    @classmethod
    def _has_seven_days_of_segments_apart(cls, week: Week) -> Week:
        # Not a length of the field: pydantic would report it beside every wrong segment, which it leaves out.
        if len(week) != len(WEEKDAYS):
            raise ValueError("must hold seven lists of segments, Monday first")
        return tuple(_apart(segments, day) for segments, day in zip(week, WEEKDAYS, strict=True))

    @field_validator("holiday_country")
    @classmethod
    def _is_known_country(cls, country: str | None) -> str | None:
        if country is not None and country not in holidays.list_supported_countries(include_aliases=False):
            raise ValueError("must be an ISO 3166 alpha-2 code of a country whose public holidays are known")
        return country

    @field_validator("holiday_subdivision")
    @classmethod
    def _is_known_subdivision(cls, subdivision: str | None, info: ValidationInfo) -> str | None:
        # A refused country is missing here and has been reported already.
        if subdivision is None or "holiday_country" not in info.data:
            return subdivision
        country = info.data["holiday_country"]
        if country is None:
            raise ValueError("needs a holiday_country")
        if subdivision not in holidays.list_supported_countries(include_aliases=False)[country]:
            raise ValueError(f"must be a region of {country} whose public holidays are known")
        return subdivision

    @field_validator("closed_days")
    @classmethod
    def _closed_once(cls, days: tuple[ClosedDay, ...]) -> tuple[ClosedDay, ...]:
        _refuse_repetition([entry.day for entry in days])
        return days

    @field_validator("opened_days")
    @classmethod
    def _opened_once_and_not_closed(cls, days: tuple[OpenedDay, ...], info: ValidationInfo) -> tuple[OpenedDay, ...]:
        _refuse_repetition([entry.day for entry in days])
        closed = {entry.day for entry in info.data.get("closed_days", ())}
        week = info.data.get("week")
        for entry in days:
            if entry.day in closed:
                raise ValueError(f"{entry.day} is a closed day too")
            if entry.segments is None and week is not None and not week[entry.day.weekday()]:
                weekday = WEEKDAYS[entry.day.weekday()]
                raise ValueError(f"{entry.day} is a {weekday}, which has no usual segments: name the segments")
        return days

    @model_validator(mode="after")
    def _opens_at_all(self) -> Self:
        if not any(self.week) and not self.opened_days:
            raise ValueError("week: at least one segment is needed")
        return self


class BusinessCalendar(CalendarRules):
    """One version of a calendar. A version never changes: deadlines name the version that they were computed with."""

    code: str = Field(min_length=1)
    version: int = Field(ge=1)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class DayHours(NamedTuple):
    """The hours of one local day, by which rule, and the name of the holiday or exception."""

    day: date
    rule: Literal["weekday", "holiday", "closed", "opened"]
    name: str | None
    segments: tuple[Segment, ...]


def _refuse_repetition(days: list[date]) -> None:
    for day in days:
        if days.count(day) > 1:
            raise ValueError(f"{day} is named twice")


@lru_cache(maxsize=512)
def public_holidays(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """Public holidays of a year with their names in the country's first language.

    Only statutory days of the whole country or region; those of single towns or denominations are closed days of the
    calendar. The dates follow the installed release of `holidays`.
    """
    # Without a named language the package would follow the environment of the process.
    language = holidays.country_holidays(country, subdiv=subdivision).default_language
    return dict(holidays.country_holidays(country, subdiv=subdivision, years=year, language=language))


def hours_of(calendar: BusinessCalendar, day: date) -> DayHours:
    """Which segments hold on a local day. Own opened and closed days win over public holidays, these over weekdays."""
    usual = calendar.week[day.weekday()]
    for opened in calendar.opened_days:
        if opened.day == day:
            return DayHours(day, "opened", opened.name, usual if opened.segments is None else opened.segments)
    for closed in calendar.closed_days:
        if closed.day == day:
            return DayHours(day, "closed", closed.name, ())
    if calendar.holiday_country is not None:
        name = public_holidays(calendar.holiday_country, calendar.holiday_subdivision, day.year).get(day)
        if name is not None:
            return DayHours(day, "holiday", name, ())
    return DayHours(day, "weekday", None, usual)
