"""The sentence on top: what happens next, and when."""

from datetime import timedelta

import pytest

from services.portal.pages.base.models import TimelineRow
from services.portal.pages.components.answers import contract_sentence, device_answer, ticket_answer, ticket_next
from services.portal.pages.components.ticket_view import notices, promises, steps, visit_to_answer
from services.portal.pages.components.timeline import timeline
from tests.unit.portal_samples import MONDAY, NOW, clock, device, texts, ticket, visit

NOON = MONDAY + timedelta(hours=11)


def test_before_a_visit_is_planned_the_promise_is_the_answer() -> None:
    answer = ticket_answer(texts(), ticket())
    assert answer.headline == "An engineer will be with you by tomorrow 12:00"
    assert answer.lines == ("in 16 hrs 46 mins", "Work starts tomorrow 08:00.")


def test_the_site_s_clock_is_named_when_it_shows_something_else() -> None:
    answer = ticket_answer(texts(zone="Europe/Helsinki"), ticket())
    assert answer.headline == "An engineer will be with you by tomorrow 13:00"
    assert "tomorrow 12:00 on site (Berlin)" in answer.lines


def test_a_planned_visit_is_said_with_its_window() -> None:
    planned = ticket(status="visit_planned", visits=[visit()])
    assert ticket_answer(texts(), planned).headline == "An engineer is coming tomorrow 08:00–10:00"
    assert ticket_next(texts(), planned).text == "tomorrow 08:00–10:00"


def test_a_missed_promise_is_said_first() -> None:
    late = ticket(clocks=[clock("response", NOW - timedelta(hours=2), state="breached")])
    answer = ticket_answer(texts(), late, phone="+49 30 1")
    assert (answer.tone, answer.headline) == ("late", "The engineer is late")
    assert "You can also call us: +49 30 1" in answer.lines
    assert ticket_next(texts(), late).late


def test_a_window_that_has_passed_without_an_arrival_is_late() -> None:
    passed = visit(window_from=NOW - timedelta(hours=3), window_to=NOW - timedelta(hours=1))
    assert ticket_answer(texts(), ticket(status="visit_planned", visits=[passed])).tone == "late"


@pytest.mark.parametrize(
    ("status", "changes", "headline"),
    [
        ("on_the_way", {"status": "travelling", "expected_at": NOW + timedelta(minutes=30)}, "on the way to you"),
        ("on_site", {"status": "arrived", "arrived_at": NOW}, "at your device"),
        ("visit_planned", {"customer_reply": "other_window_wanted"}, "asked for another time"),
    ],
)
def test_each_step_of_a_visit_has_its_sentence(status: str, changes: dict[str, object], headline: str) -> None:
    assert headline in ticket_answer(texts(), ticket(status=status, visits=[visit(**changes)])).headline


def test_waiting_for_the_customer_repeats_the_question() -> None:
    asked = {"entry_id": "u1", "at": NOW, "author": "team", "text": "Which code is shown?"}
    answer = ticket_answer(texts(), ticket(status="waiting_for_customer", latest_entries=[asked]))
    assert answer.headline == "We need an answer from you"
    assert answer.lines[0] == "The question: “Which code is shown?”"


def test_a_sound_device_under_contract_is_all_right() -> None:
    assert device_answer(texts(), device(), None).tone == "good"


def test_a_device_with_a_fault_answers_with_what_happens_next() -> None:
    answer = device_answer(texts(), device(open_tickets=1), ticket())
    assert answer.headline == "A fault is reported"
    assert answer.lines[0] == "An engineer will be with you by tomorrow 12:00"


def test_a_device_without_a_contract_says_why_nobody_can_come() -> None:
    answer = device_answer(texts(), device(contract_state="expired"), None)
    assert answer.tone == "late"
    assert answer.lines == ("We cannot send an engineer until there is one.",)


def test_a_contract_is_said_in_plain_sentences() -> None:
    said = " ".join(contract_sentence(texts(), device()))
    assert "within 4 hours of service time" in said
    assert "until 31 December 2027" in said


def test_the_steps_show_what_is_done_now_and_next() -> None:
    states = [step.state for step in steps(texts(), ticket(status="visit_planned", visits=[visit()]))]
    assert states == ["done", "done", "now", "next", "next", "next"]
    assert not steps(texts(), ticket(status="cancelled"))


def test_a_kept_promise_and_a_running_one_are_told_apart() -> None:
    shown = promises(
        texts(),
        ticket(clocks=[clock("acknowledge", NOON, state="met", met_at=NOW), clock("response", NOON)]),
    )
    assert [promise.tone for promise in shown] == ["good", "calm"]
    assert shown[1].used == 6


def test_parties_that_have_not_taken_notice_are_named() -> None:
    told = ticket(
        parties=[
            {"party": "dispatch", "sent_at": NOW, "seen_at": NOW},
            {"party": "contact-centre", "sent_at": NOW},
            {"party": "engineer"},
        ]
    )
    shown = notices(texts(), told)
    assert [(notice.party, notice.seen) for notice in shown] == [
        ("Visit planning", True),
        ("Contact centre", False),
        ("Engineer", False),
    ]


def test_only_a_window_in_the_future_can_be_answered() -> None:
    assert visit_to_answer(texts(), ticket(visits=[visit()])) is not None
    assert visit_to_answer(texts(now=NOON), ticket(visits=[visit()])) is None
    assert visit_to_answer(texts(), ticket(visits=[visit(status="travelling")])) is None


def test_the_timeline_says_who_what_and_which_party_knows() -> None:
    rows = [
        TimelineRow.model_validate(
            {
                "at": NOW,
                "type": "tickets.visit.planned.v1",
                "actor_kind": "party",
                "data": {"visit": visit(window_from="2026-11-23T07:00:00Z", window_to="2026-11-23T09:00:00Z")},
                "seen_by": [{"party": "engineer", "seen_at": NOW}, {"party": "contact-centre", "seen_at": None}],
            }
        ),
        TimelineRow(at=NOW, type="note", actor_kind="team", text="call the customer"),
        TimelineRow(at=NOW - timedelta(hours=1), type="tickets.ticket.opened.v1", actor_kind="customer"),
        TimelineRow(at=NOW - timedelta(hours=2), type="tickets.something.new.v3"),
    ]
    entries = timeline(texts(), rows, team_name="Team Nord")
    assert entries[0].what == "Visit planned: tomorrow 08:00–10:00"
    assert entries[0].who == "Visit planning"
    assert entries[0].seen == ("Engineer today 19:14",)
    assert entries[1].internal and entries[1].who == "Team Nord"
    assert entries[-1].what == "Changed"
