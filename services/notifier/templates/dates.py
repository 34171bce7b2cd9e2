"""Moments, windows and opening hours as a reader of one country writes them (CLDR), in that reader's time zone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_time, get_day_names, get_timezone_name
from babel.support import Translations

from shared.contracts.identity import OpeningHours
from shared.windows import is_within_a_day

# The year stands last in the full date pattern of all six languages, in Spanish behind "de".
YEAR_AT_THE_END = re.compile(r"[,\s]*(?:'de'\s*)?y+\s*$")


def locale_of(language: str, country: str) -> Locale:
    """The CLDR locale of a reader. CLDR knows only likely pairs: English in France reads as English in Europe."""
    for tag in (f"{language}_{country}", f"{language}_150", language):
        try:
            return Locale.parse(tag)
        except UnknownLocaleError:
            continue
    return Locale.parse("en_150")


@dataclass(frozen=True)
class Dates:
    """How one reader reads moments: the locale, the texts that join a date and a time, and the time zone."""

    locale: Locale
    texts: Translations
    time_zone: ZoneInfo

    def day(self, moment: datetime) -> str:
        """Weekday and day without the year: "Montag, 7. Dezember"."""
        return self._day(moment.astimezone(self.time_zone).date())

    def clock(self, moment: datetime) -> str:
        """The time of day: "08:00"."""
        return self._time(moment.astimezone(self.time_zone).time())

    def moment(self, moment: datetime) -> str:
        """Day and time: "Montag, 7. Dezember, 08:00 Uhr"."""
        return self.texts.ugettext("%(date)s, %(time)s") % {"date": self.day(moment), "time": self.clock(moment)}

    def window(self, start: datetime, end: datetime) -> str:
        """A span of time: "Montag, 7. Dezember, 08:00–10:00 Uhr", or two moments when it goes on for longer."""
        first, last = start.astimezone(self.time_zone), end.astimezone(self.time_zone)
        if not is_within_a_day(first, last):
            return f"{self.moment(start)} – {self.moment(end)}"
        hours = self._hours(first.time(), last.time())
        return self.texts.ugettext("%(date)s, %(hours)s") % {"date": self._day(first.date()), "hours": hours}

    def zone_name(self) -> str:
        """The time zone in words: "Mitteleuropäische Zeit"."""
        return get_timezone_name(self.time_zone, width="long", zone_variant="generic", locale=self.locale)

    def opening_hours(self, hours: Sequence[OpeningHours]) -> str:
        """Weekdays with the same hours together, in local time: "Mo–Fr 08:00–17:00 Uhr; Sa 09:00–12:00 Uhr"."""
        segments: dict[int, list[str]] = {}
        for segment in sorted(hours, key=lambda segment: (segment.weekday, segment.opens)):
            segments.setdefault(segment.weekday, []).append(self._hours(segment.opens, segment.closes))
        runs: list[list[int]] = []
        for weekday in sorted(segments):
            if runs and runs[-1][-1] == weekday - 1 and segments[weekday - 1] == segments[weekday]:
                runs[-1].append(weekday)
            else:
                runs.append([weekday])
        names = get_day_names("abbreviated", context="stand-alone", locale=self.locale)
        return "; ".join(
            f"{'–'.join(names[weekday] for weekday in dict.fromkeys((run[0], run[-1])))} {', '.join(segments[run[0]])}"
            for run in runs
        )

    def _day(self, day: date) -> str:
        return format_date(day, YEAR_AT_THE_END.sub("", self.locale.date_formats["full"].pattern), locale=self.locale)

    def _time(self, at: time) -> str:
        return format_time(at, "short", locale=self.locale)

    def _hours(self, start: time, end: time) -> str:
        twelve_hours = "a" in self.locale.time_formats["short"].pattern
        return format_interval(start, end, "hm" if twelve_hours else "Hm", locale=self.locale)
