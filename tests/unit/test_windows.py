"""Page and mail tell one window with the same days and the same hours, in every language."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from services.notifier.templates.catalogues import load_catalogues
from services.notifier.templates.dates import Dates, locale_of
from services.portal.locale.texts import LANGUAGES, Texts

LONG_BEFORE = datetime(2027, 1, 4, 12, 0, tzinfo=UTC)
WINDOWS = {
    "one day": ("2027-03-11T08:00", "2027-03-11T12:00", 1),
    "several days": ("2027-03-11T08:00", "2027-03-13T12:00", 2),
    "over midnight": ("2027-03-11T22:00", "2027-03-12T02:00", 2),
    "until midnight": ("2027-03-11T20:00", "2027-03-12T00:00", 1),
    "midnight to midnight": ("2027-03-11T00:00", "2027-03-12T00:00", 1),
    "over the change of clocks": ("2027-03-28T01:00", "2027-03-28T04:00", 1),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("window", WINDOWS)
def test_page_and_mail_agree_about_a_window(language: str, window: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    begins, ends, days = WINDOWS[window]
    start, end = (datetime.fromisoformat(text).replace(tzinfo=zone) for text in (begins, ends))
    country = "GB" if language == "en" else language.upper()
    page = Texts(language, zone, LONG_BEFORE)
    mail = Dates(locale_of(language, country), load_catalogues()[language], zone)
    on_page, in_mail = page.window(start, end), mail.window(start, end)
    for at in dict.fromkeys((start, end)):
        assert page.clock(at) in on_page and page.clock(at) in in_mail
    for at in (start, end)[:days]:
        assert page.weekday(at.weekday()).lower() in on_page.lower()
        assert page.weekday(at.weekday()).lower() in in_mail.lower()
    if days == 1:
        following = page.weekday((start.weekday() + 1) % 7)
        assert following not in on_page and following not in in_mail
