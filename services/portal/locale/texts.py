"""Words, dates and numbers in the reader's language and time zone. Catalogues are read from .po files at start."""

import gettext
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, dates, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.windows import is_within_a_day

LANGUAGES: Mapping[str, str] = {
    "de": "Deutsch",
    "fi": "Suomi",
    "fr": "Français",
    "it": "Italiano",
    "es": "Español",
    "en": "English",
}
FALLBACK = "en"
REGIONS = {"en": "en_GB"}  # English as read in Europe: 24 hours, day before month
FOLDER = Path(__file__).parent


def mark(msgid: str) -> str:
    """Mark a text for the catalogues where it is written down before the reader is known."""
    return msgid


def mark_in(context: str, msgid: str) -> str:
    """The same of a text that means something else elsewhere: "Closed" of one request, and as the name of a list."""
    return msgid


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The compiled catalogue of one language, in memory."""
    path = FOLDER / language / "LC_MESSAGES" / "portal.po"
    with path.open("rb") as source:
        entries = read_po(source, locale=REGIONS.get(language, language))
    compiled = io.BytesIO()
    write_mo(compiled, entries)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def chosen_language(wanted: str | None) -> str:
    """The best of our languages for a code or an Accept-Language header."""
    ranked: list[tuple[float, str]] = []
    for part in (wanted or "").split(","):
        code, _, quality = part.strip().partition(";q=")
        language = code.split("-")[0].split("_")[0].lower()
        if language in LANGUAGES:
            ranked.append((float(quality) if quality.replace(".", "", 1).isdigit() else 1.0, language))
    return max(ranked, key=lambda item: item[0])[1] if ranked else FALLBACK


def chosen_zone(name: str | None) -> ZoneInfo:
    """The zone of an IANA name; UTC for a name that nobody knows."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@dataclass(frozen=True)
class Texts:
    """Everything a page says, for one reader at one moment (`now` is product time, UTC)."""

    language: str
    zone: ZoneInfo
    now: datetime
    locale: Locale = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "locale", Locale.parse(REGIONS.get(self.language, self.language)))

    def text(self, msgid: str, **values: Any) -> str:
        found = catalogue(self.language).gettext(msgid)
        return found % values if values else found

    def plural(self, one: str, many: str, num: int, **values: Any) -> str:
        return catalogue(self.language).ngettext(one, many, num) % {"num": self.number(num), **values}

    def context(self, context: str, msgid: str, **values: Any) -> str:
        found = catalogue(self.language).pgettext(context, msgid)
        return found % values if values else found

    def number(self, value: float) -> str:
        return numbers.format_decimal(value, locale=self.locale)

    def local(self, at: datetime, zone: ZoneInfo | None = None) -> datetime:
        """The moment on the reader's clock; at the ends of the calendar, where his day has none, as it is."""
        try:
            return at.astimezone(zone or self.zone)
        except OverflowError:
            return at

    def clock(self, at: datetime | time, zone: ZoneInfo | None = None) -> str:
        """The time of day, as the language writes it: 08:00, 8.00."""
        local = self.local(at, zone).time() if isinstance(at, datetime) else at
        return dates.format_skeleton("Hm", datetime.combine(date(2000, 1, 1), local), locale=self.locale)

    def date(self, at: datetime | date, *, short: bool = False) -> str:
        day = self.local(at).date() if isinstance(at, datetime) else at
        return dates.format_date(day, format="medium" if short else "long", locale=self.locale)

    def full(self, at: datetime) -> str:
        """Everything, with the zone's name: for titles and screen readers."""
        local = self.local(at)
        return (
            f"{dates.format_date(local.date(), format='full', locale=self.locale)} {self.clock(at)} ({self.zone.key})"
        )

    def weekday(self, number: int) -> str:
        return str(dates.get_day_names("wide", "stand-alone", locale=self.locale)[number])

    def moment(self, at: datetime, zone: ZoneInfo | None = None) -> str:
        """Short and absolute: "today 12:00", "Mon 12:00", "23 Nov, 12:00"."""
        local = self.local(at, zone)
        distance = (local.date() - self.local(self.now, zone).date()).days
        hours = self.clock(at, zone)
        if distance in (-1, 0, 1):
            return f"{self._near_day(distance)} {hours}"
        if 1 < distance < 7:
            return f"{dates.format_date(local.date(), format='ccc', locale=self.locale)} {hours}"
        skeleton = "MMMd" if local.year == self.local(self.now).year else "yMMMd"
        return f"{dates.format_skeleton(skeleton, local, locale=self.locale)}, {hours}"

    def on_day(self, at: datetime, zone: ZoneInfo | None = None) -> str:
        """The day inside a sentence: "today", "on Monday", "on Monday, 30 November"."""
        local = self.local(at, zone)
        distance = (local.date() - self.local(self.now, zone).date()).days
        if distance in (-1, 0, 1):
            return self._near_day(distance)
        weekday = self.weekday(local.weekday())  # the plain form: each catalogue inflects it as its sentence wants
        if 1 < distance < 7:
            return self.context("day in a sentence", "%(weekday)s", weekday=weekday)
        day = dates.format_skeleton("MMMMd", local, locale=self.locale)
        return self.context("day in a sentence", "%(weekday)s, %(date)s", weekday=weekday, date=day)

    def at_moment(self, at: datetime, zone: ZoneInfo | None = None) -> str:
        """A moment inside a sentence: "Monday 12:00"."""
        return self.context(
            "moment in a sentence", "%(day)s %(time)s", day=self.on_day(at, zone), time=self.clock(at, zone)
        )

    def window(self, start: datetime, end: datetime, zone: ZoneInfo | None = None) -> str:
        """A window inside a sentence: "Monday 08:00–10:00", with both days where it ends on another one."""
        if not is_within_a_day(self.local(start, zone), self.local(end, zone)):
            return f"{self.at_moment(start, zone)} – {self.at_moment(end, zone)}"
        return self.context(
            "window in a sentence",
            "%(day)s %(start)s–%(end)s",
            day=self.on_day(start, zone),
            start=self.clock(start, zone),
            end=self.clock(end, zone),
        )

    def short_window(self, start: datetime, end: datetime) -> str:
        """A window in a column: "Mon 08:00–10:00"."""
        if is_within_a_day(self.local(start), self.local(end)):
            return f"{self.moment(start)}–{self.clock(end)}"
        return f"{self.moment(start)} – {self.moment(end)}"

    def relative(self, at: datetime) -> str:
        """How far away: "in 2 h 10 min", "3 days ago", "just now"."""
        seconds = (at - self.now).total_seconds()
        if abs(seconds) < 60:
            return self.text("just now")
        if abs(seconds) >= 86400:
            return dates.format_timedelta(
                timedelta(seconds=seconds), granularity="day", threshold=2, add_direction=True, locale=self.locale
            )
        duration = self.duration(int(abs(seconds) // 60))
        return (
            self.text("in %(duration)s", duration=duration)
            if seconds > 0
            else self.text("%(duration)s ago", duration=duration)
        )

    def duration(self, minutes: int) -> str:
        """2 h 10 min, by CLDR's short units."""
        hours, rest = divmod(minutes, 60)
        parts = [self._unit(hours, "hour")] if hours else []
        if rest or not hours:
            parts.append(self._unit(rest, "minute"))
        return " ".join(parts)

    def working_time(self, minutes: int) -> str:
        """A contracted time in words: "4 hours", "90 minutes"."""
        if minutes % 60 == 0:
            return units.format_unit(minutes // 60, "hour", length="long", locale=self.locale)
        return units.format_unit(minutes, "minute", length="long", locale=self.locale)

    def place_of(self, zone: ZoneInfo) -> str:
        """The city that a zone is named after, in the reader's language."""
        return dates.get_timezone_location(zone, locale=self.locale, return_city=True)

    def differs(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether a site's clock shows something else than the reader's."""
        return self.local(at, zone).utcoffset() != self.local(at).utcoffset()

    def _unit(self, value: int, unit: str) -> str:
        return units.format_unit(value, unit, length="short", locale=self.locale)

    def _near_day(self, distance: int) -> str:
        return {
            -1: self.text("yesterday"),
            0: self.text("today"),
            1: self.text("tomorrow"),
        }[distance]
