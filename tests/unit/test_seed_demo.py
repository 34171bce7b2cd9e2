"""The demonstration reads pages as a browser does and chooses a fitting evening."""

from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from deploy.demo.browser import PageUnusable, read_page
from deploy.demo.when import begins, eve, set_clock
from deploy.simulators.wire import product_time

PAGE = """<!doctype html><html><head><title>x</title><style>h1{}</style></head><body>
<form action="/language" method="post"><input type="hidden" name="csrf" value="other"></form>
<div class="answer tone-calm"><div><h1>An engineer is coming <b>Thursday</b></h1><p>That is soon.</p></div></div>
<form action="/tickets/new" method="post"><input type="hidden" name="csrf" value="abc"><input name="error_code">
<textarea name="description">Jam</textarea><input type="radio" name="impact" value="down">
<input type="radio" name="impact" value="impaired" checked>
<select name="language"><option value="fi">Suomi</option><option value="de" selected>Deutsch</option></select></form>
<p>Outside</p></body></html>"""


def page_of(html: str) -> httpx.Response:
    return httpx.Response(200, text=html, request=httpx.Request("GET", "http://portal/tickets/new?device_id=1"))


def test_a_form_is_found_by_its_fields_with_what_stands_in_them() -> None:
    form = read_page(page_of(PAGE)).form_with("description", "csrf")
    assert form.action == "http://portal/tickets/new"
    assert form.method == "post"
    assert form.fields == {
        "csrf": "abc",
        "error_code": "",
        "description": "Jam",
        "impact": "impaired",
        "language": "de",
    }
    assert form.choices == {"impact"}


def test_a_choice_that_nobody_has_made_is_not_sent_and_can_be_made() -> None:
    form = read_page(page_of(PAGE.replace(" checked", ""))).form_with("description")
    assert "impact" not in form.fields and form.choices == {"impact"}


def test_the_answer_on_top_is_told_apart_from_the_rest() -> None:
    page = read_page(page_of(PAGE))
    assert page.headline == "An engineer is coming Thursday"
    assert page.answer == "An engineer is coming Thursday That is soon."
    assert "Outside" in page.text
    assert "Outside" not in page.answer


def test_a_missing_form_is_named() -> None:
    with pytest.raises(PageUnusable, match="no form with password"):
        read_page(page_of(PAGE)).form_with("password")


@pytest.mark.parametrize(
    ("today", "evening", "holiday"),
    [
        (date(2026, 11, 22), date(2027, 1, 5), "Epiphany"),
        (date(2027, 1, 5), date(2027, 1, 5), "Epiphany"),
        (date(2027, 1, 6), date(2027, 5, 5), "Ascension Day"),
    ],
)
def test_the_story_begins_before_a_holiday_between_two_working_days(today: date, evening: date, holiday: str) -> None:
    assert eve(today) == (evening, holiday)


def test_the_story_begins_at_twenty_to_six_in_helsinki() -> None:
    assert begins(date(2026, 11, 22)) == datetime(2027, 1, 5, 15, 40, tzinfo=UTC)


def test_the_clock_runs_on_from_where_it_was_set(tmp_path: Path) -> None:
    file = tmp_path / "clock-offset"
    moment = datetime(2027, 1, 5, 15, 40, tzinfo=UTC)
    set_clock(file, moment)
    assert 0 <= (product_time({"CLOCK_OFFSET_FILE": str(file)}) - moment).total_seconds() < 5
