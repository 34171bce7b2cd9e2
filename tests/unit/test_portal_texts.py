"""Times in words: relative and absolute, in the reader's language and zone."""

from datetime import timedelta

import pytest

from services.portal.locale.texts import chosen_language, chosen_zone
from tests.unit.portal_samples import MONDAY, NOW, texts

EIGHT, TEN = MONDAY + timedelta(hours=7), MONDAY + timedelta(hours=9)


@pytest.mark.parametrize(
    ("language", "zone", "sentence"),
    [
        ("en", "Europe/Berlin", "An engineer is coming tomorrow 08:00–10:00"),
        ("de", "Europe/Berlin", "Ein Techniker kommt morgen zwischen 08:00 und 10:00 Uhr"),
        ("fi", "Europe/Helsinki", "Huoltoteknikko tulee huomenna klo 9.00–11.00"),
        ("fr", "Europe/Paris", "Un technicien passera demain entre 08:00 et 10:00"),
        ("it", "Europe/Rome", "Un tecnico arriva domani tra le 08:00 e le 10:00"),
        ("es", "Europe/Madrid", "Un técnico acudirá mañana entre las 8:00 y las 10:00"),
    ],
)
def test_a_window_is_read_in_the_language_and_zone_of_the_reader(language: str, zone: str, sentence: str) -> None:
    reader = texts(language, zone)
    assert reader.text("An engineer is coming %(window)s", window=reader.window(EIGHT, TEN)) == sentence


@pytest.mark.parametrize(
    ("language", "zone", "words"),
    [
        ("en", "Europe/Berlin", "Thursday 08:00"),
        ("de", "Europe/Berlin", "am Donnerstag um 08:00 Uhr"),
        ("fi", "Europe/Helsinki", "torstaina klo 9.00"),
        ("es", "Europe/Madrid", "el jueves a las 8:00"),
    ],
)
def test_a_day_of_this_week_is_named_by_its_weekday(language: str, zone: str, words: str) -> None:
    assert texts(language, zone).at_moment(EIGHT + timedelta(days=3)) == words


def test_a_day_further_away_has_its_date() -> None:
    later = EIGHT + timedelta(days=8)
    assert texts("de").at_moment(later) == "am Dienstag, 1. Dezember um 08:00 Uhr"
    assert texts("en").moment(later) == "1 Dec, 08:00"


@pytest.mark.parametrize(
    ("minutes", "german", "finnish"),
    [
        (0, "gerade eben", "juuri nyt"),
        (130, "in 2 Std. 10 Min.", "2 t 10 min kuluttua"),
        (-45, "vor 45 Min.", "45 min sitten"),
        (3 * 24 * 60, "in 3 Tagen", "3 päivän päästä"),
    ],
)
def test_a_distance_is_said_in_cldr_units(minutes: int, german: str, finnish: str) -> None:
    at = NOW + timedelta(minutes=minutes)
    assert texts("de").relative(at).replace("\xa0", " ") == german
    assert texts("fi").relative(at).replace("\xa0", " ") == finnish


def test_plurals_follow_the_language() -> None:
    assert texts("fi").plural("%(num)s open request", "%(num)s open requests", 3) == "3 avointa palvelupyyntöä"
    assert texts("fr").plural("%(num)s open request", "%(num)s open requests", 0) == "0 demande ouverte"


@pytest.mark.parametrize(
    ("header", "language"),
    [("fi-FI,fi;q=0.9,en;q=0.8", "fi"), ("pl,de;q=0.4,it;q=0.7", "it"), ("zh", "en"), ("", "en"), (None, "en")],
)
def test_the_best_of_our_languages_is_chosen(header: str | None, language: str) -> None:
    assert chosen_language(header) == language


def test_an_unknown_zone_reads_as_utc() -> None:
    assert chosen_zone("Mars/Olympus").key == "UTC"
    assert chosen_zone(None).key == "UTC"
