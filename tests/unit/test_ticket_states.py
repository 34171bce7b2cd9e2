"""The state machine table of tickets (TIC-6)."""

import pytest

from services.tickets.aggregate.states import ENDED, TRANSITIONS, WAITING, WORK_REMAINS, Action, next_status
from services.tickets.tickets.domain import allowed_actions
from shared.contracts.tickets import TicketStatus as Status

OPEN = [status for status in Status if status in WORK_REMAINS]


def test_every_state_has_a_row() -> None:
    assert set(TRANSITIONS) == set(Status)


@pytest.mark.parametrize("status", sorted(ENDED))
def test_an_ended_ticket_is_left_by_nothing(status: Status) -> None:
    assert all(next_status(status, action) is None for action in Action)


@pytest.mark.parametrize("status", OPEN)
def test_every_open_ticket_can_be_resolved(status: Status) -> None:
    assert next_status(status, Action.RESOLVE) is Status.RESOLVED


@pytest.mark.parametrize("status", OPEN)
def test_an_arrival_always_shows_on_an_open_ticket(status: Status) -> None:
    assert next_status(status, Action.ARRIVE) is Status.ON_SITE


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.RECEIVED])
def test_only_a_received_ticket_is_acknowledged(status: Status) -> None:
    assert next_status(status, Action.ACKNOWLEDGE) is None
    assert next_status(Status.RECEIVED, Action.ACKNOWLEDGE) is Status.ACKNOWLEDGED


@pytest.mark.parametrize("status", list(Status))
def test_only_a_waiting_ticket_continues(status: Status) -> None:
    assert (next_status(status, Action.CONTINUE) is not None) == (status in WAITING)


@pytest.mark.parametrize("status", list(Status))
def test_only_a_resolved_ticket_is_closed_or_reopened(status: Status) -> None:
    for action in (Action.CLOSE, Action.REOPEN):
        assert (next_status(status, action) is not None) == (status is Status.RESOLVED)


@pytest.mark.parametrize("status", [Status.ON_THE_WAY, Status.ON_SITE])
def test_nobody_cancels_a_ticket_under_the_engineers_hands(status: Status) -> None:
    assert next_status(status, Action.CANCEL) is None
    assert "cancel" not in allowed_actions(status, staff=False)


def test_a_visit_planned_beside_a_running_one_does_not_show() -> None:
    assert next_status(Status.ON_SITE, Action.PLAN_VISIT) is Status.ON_SITE
    assert next_status(Status.ON_THE_WAY, Action.PLAN_VISIT) is Status.ON_THE_WAY


def test_a_resolved_ticket_keeps_late_facts_of_visits_but_takes_no_new_plan() -> None:
    assert next_status(Status.RESOLVED, Action.ARRIVE) is Status.RESOLVED
    assert next_status(Status.RESOLVED, Action.END_VISIT) is Status.RESOLVED
    assert next_status(Status.RESOLVED, Action.PLAN_VISIT) is None


def test_customers_are_offered_no_staff_actions() -> None:
    for status in Status:
        assert not {"note", "acknowledge", "wait", "resolve", "request_visit"} & set(
            allowed_actions(status, staff=False)
        )
