"""Moments as their reader writes them."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from services.notifier.templates.catalogues import load_catalogues
from services.notifier.templates.dates import Dates, locale_of
from shared.contracts.identity import OpeningHours

TEXTS = load_catalogues()
EIGHT = datetime(2026, 12, 7, 7, 0, tzinfo=UTC)
TEN = datetime(2026, 12, 7, 9, 0, tzinfo=UTC)


def dates(language: str, country: str, time_zone: str = "Europe/Berlin") -> Dates:
    return Dates(locale_of(language, country), TEXTS[language], ZoneInfo(time_zone))


@pytest.mark.parametrize(
    ("language", "country", "expected"),
    [
        ("de", "DE", "Montag, 7. Dezember, 08:00–10:00 Uhr"),
        ("de", "CH", "Montag, 7. Dezember, 08:00–10:00 Uhr"),
        ("fi", "FI", "maanantai 7. joulukuuta klo 8.00–10.00"),
        ("fr", "FR", "lundi 7 décembre, 08:00 – 10:00"),
        ("it", "IT", "lunedì 7 dicembre, ore 08:00–10:00"),
        ("es", "ES", "lunes, 7 de diciembre, 8:00–10:00"),
        ("en", "GB", "Monday, 7 December, 08:00–10:00"),
        ("en", "FR", "Monday, 7 December, 08:00–10:00"),
        ("en", "US", "Monday, December 7, 8:00 – 10:00 AM"),
    ],
)
def test_a_window_is_written_as_the_country_writes_it(language: str, country: str, expected: str) -> None:
    window = dates(language, country).window(EIGHT, TEN)
    assert window.replace("\u202f", " ").replace("\u2009", " ") == expected


def test_the_readers_zone_decides_the_day() -> None:
    late = datetime(2026, 12, 7, 22, 30, tzinfo=UTC)
    assert dates("de", "DE").day(late) == "Montag, 7. Dezember"
    assert dates("de", "DE", "Europe/Helsinki").day(late) == "Dienstag, 8. Dezember"


def test_a_window_across_midnight_names_both_days() -> None:
    window = dates("de", "DE").window(datetime(2026, 12, 7, 21, 0, tzinfo=UTC), datetime(2026, 12, 8, 1, 0, tzinfo=UTC))
    assert window == "Montag, 7. Dezember, 22:00 Uhr – Dienstag, 8. Dezember, 02:00 Uhr"


def test_summer_time_is_counted_in() -> None:
    assert dates("de", "DE").moment(datetime(2026, 7, 6, 6, 0, tzinfo=UTC)) == "Montag, 6. Juli, 08:00 Uhr"


def test_weekdays_with_equal_hours_stand_together_and_others_apart() -> None:
    hours = [
        *(OpeningHours(weekday=weekday, opens=time(8), closes=time(12)) for weekday in (0, 1, 3)),
        *(OpeningHours(weekday=weekday, opens=time(13), closes=time(17)) for weekday in (0, 1, 3)),
        OpeningHours(weekday=2, opens=time(8), closes=time(12)),
    ]
    assert dates("en", "GB").opening_hours(hours) == (
        "Mon–Tue 08:00–12:00, 13:00–17:00; Wed 08:00–12:00; Thu 08:00–12:00, 13:00–17:00"
    )


def test_no_opening_hours_are_no_words() -> None:
    assert dates("en", "GB").opening_hours([]) == ""
