"""No page says what is not so: to customers as customers, to staff as staff, of what happened alone."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

import services
from services.portal.pages.base.models import TicketView, TimelineRow
from services.portal.pages.components.answers import ticket_answer, ticket_next
from services.portal.pages.components.refusals import SENTENCES
from services.portal.pages.components.ticket_view import place, promises, steps
from services.portal.pages.components.timeline import timeline
from shared.contracts.catalog import Location
from shared.contracts.tickets import TicketStatus
from tests.unit.portal_samples import MONDAY, NOW, clock, texts, ticket, visit

TO_CUSTOMERS = re.compile(r"\b(you|your|call us|write to us)\b", re.IGNORECASE)
VISITS: tuple[dict[str, str] | None, ...] = (
    None,
    {},
    {"customer_reply": "confirmed"},
    {"customer_reply": "other_window_wanted"},
)


def _tickets(status: TicketStatus) -> list[TicketView]:
    changes = {"closed_at": NOW} if status in ("closed", "cancelled") else {}
    visit_status = {"on_the_way": "travelling", "on_site": "arrived"}.get(status, "planned")
    found = []
    for told in VISITS:
        visits = [] if told is None else [visit(status=visit_status, **told)]
        for impact in ("down", "question"):
            found.append(ticket(status=status, visits=visits, impact=impact, resolved_at=NOW, **changes))
    found.append(ticket(status=status, clocks=[], **changes))
    found.append(ticket(status=status, clocks=[clock("response", NOW - timedelta(hours=1))], **changes))
    return found


@pytest.mark.parametrize("status", TicketStatus)
def test_staff_never_read_a_sentence_that_is_meant_for_customers(status: TicketStatus) -> None:
    for one in _tickets(status):
        answer = ticket_answer(texts(), one, phone="+49 30 1", staff=True)
        coming = ticket_next(texts(), one, staff=True)
        for said in (answer.headline, *answer.lines, coming.text):
            assert not TO_CUSTOMERS.search(said), f"{status}: {said}"


@pytest.mark.parametrize("status", TicketStatus)
def test_a_customer_reads_nothing_of_the_customer(status: TicketStatus) -> None:
    for one in _tickets(status):
        answer = ticket_answer(texts(), one, phone="+49 30 1")
        assert "customer" not in " ".join((answer.headline, *answer.lines)).lower()


def test_nobody_claims_to_work_on_it_before_it_was_taken_up() -> None:
    promise = {"work_starts_at": NOW, "acknowledge_by": MONDAY, "resolve_by": MONDAY, "time_zone": "Europe/Berlin"}
    for impact in ("down", "question"):
        received = ticket_answer(texts(), ticket(impact=impact, promise=promise))
        assert "We confirm by" in " ".join(received.lines) and "working on it" not in " ".join(received.lines)
        taken_up = ticket_answer(texts(), ticket(impact=impact, promise=promise, status="acknowledged"))
        assert "We are working on it." in taken_up.lines
    silent = ticket_answer(texts(), ticket(promise={**promise, "acknowledge_by": None}))
    assert "It is with our service team." in silent.lines


def test_a_question_is_promised_an_answer_and_no_engineer() -> None:
    clocks = [clock("acknowledge", NOW + timedelta(minutes=30)), clock("resolve", MONDAY + timedelta(hours=9))]
    one = ticket(impact="question", clocks=clocks)
    answer = ticket_answer(texts(), one)
    assert answer.headline == "We answer by tomorrow 10:00"
    assert "ngineer" not in " ".join((answer.headline, *answer.lines))
    assert [step.text for step in steps(texts(), one)] == ["Received", "Acknowledged", "Solved"]
    late = ticket_answer(texts(now=MONDAY + timedelta(days=1)), one, phone="+49 30 1")
    assert (late.tone, late.headline) == ("late", "Our answer is late")


def test_what_was_solved_without_a_visit_has_no_steps_of_one() -> None:
    remotely = steps(texts(), ticket(status="resolved", resolved_at=NOW))
    assert [step.text for step in remotely] == ["Received", "Acknowledged", "Solved"]
    called_off = ticket(status="closed", closed_at=NOW, visits=[visit(status="cancelled")])
    assert len(steps(texts(), called_off)) == 3
    there = ticket(status="resolved", resolved_at=NOW, visits=[visit(status="done", arrived_at=NOW)])
    assert len(steps(texts(), there)) == 6


def test_people_of_the_company_are_named_and_empty_entries_are_none() -> None:
    own = {"at": NOW, "actor_kind": "customer", "type": "tickets.ticket.updated.v1"}
    rows = [
        TimelineRow(actor="me", text="mine", actor_name="Mia Me", **own),
        TimelineRow(actor="other", text="hers", actor_name="Anna Other", **own),
        TimelineRow(actor="gone", text="erased", **own),
        TimelineRow(actor="me", **own),
    ]
    assert [entry.who for entry in timeline(texts(), rows, reader="me")] == [
        "You",
        "Anna Other",
        "A colleague of yours",
    ]
    assert [entry.who for entry in timeline(texts(), rows, reader="agent", staff=True)] == [
        "Mia Me",
        "Anna Other",
        "Customer",
    ]


ELSEWHERE = frozenset({"calendar_feed_not_found", "too_many_calendar_feeds", "wrong_calendar"})
"""Codes that pages act upon without saying them, or that no page can meet."""


def test_each_refusal_of_tickets_has_a_sentence() -> None:
    folder = Path(str(services.__path__[0])) / "tickets"
    found = (re.findall(r'^    code = "(\w+)"', file.read_text(), re.MULTILINE) for file in folder.rglob("*.py"))
    codes = {code for of_file in found for code in of_file}
    assert len(codes) > 10
    assert codes - ELSEWHERE <= set(SENTENCES), sorted(codes - set(SENTENCES))


def test_a_floor_that_is_a_number_is_said_to_be_one_and_any_other_stands_as_it_is() -> None:
    site = ticket().site
    said = [place(texts("de"), site, Location(floor=floor)) for floor in ("1", "0", "3. OG", "EG", "²", None)]
    town = "Hafenstraße 14, 20457 Hamburg"
    assert said == [f"{town}, 1. OG", f"{town}, 0", f"{town}, 3. OG", f"{town}, EG", f"{town}, ²", town]


def test_a_missed_deadline_says_for_how_long() -> None:
    for ago, words in ((timedelta(minutes=5), "seit 5 Min. überschritten"), (timedelta(days=3), "vor 3 Tagen")):
        late = ticket(clocks=[clock("response", NOW - ago, state="breached")])
        [promise] = promises(texts("de"), late)
        assert promise.note is not None and words in promise.note
