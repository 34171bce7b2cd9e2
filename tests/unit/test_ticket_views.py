"""What a reader of a ticket is offered, and what he is shown."""

import pytest

from services.tickets.tickets.views import json_of, view_of
from shared.access.caller import Caller
from shared.contracts.identity import Right, Role, StaffRole
from tests.unit import ticket_samples

TICKET = ticket_samples.opened().ticket
ACCOUNT = TICKET.state.account_id
DESKS = {"update", "cancel", "note", "acknowledge", "wait", "resolve", "request_visit"}
AGENT = Caller(id="agent", kind="user", staff_roles=frozenset({StaffRole.CONTACT_CENTRE_AGENT}))


def client(*scopes: str) -> Caller:
    return Caller(id="client", kind="client", scopes=frozenset(scopes))


def manager(account_id: str) -> Caller:
    right = Right(account_id=account_id, role=Role.DEVICE_MANAGER, whole=True)
    return Caller(id="manager", kind="user", rights=(right,))


@pytest.mark.parametrize(
    ("caller", "offered"),
    [
        (client("tickets:read"), set()),
        (client("tickets:read", "tickets:write"), DESKS),
        (manager(ACCOUNT), {"update", "cancel"}),
        (manager("another account"), set()),
        (AGENT, DESKS),
    ],
)
def test_nobody_is_offered_what_he_would_be_refused(caller: Caller, offered: set[str]) -> None:
    assert set(view_of(TICKET, 1, caller=caller).allowed_actions) == offered


def test_what_counts_notes_and_flags_is_for_the_desk_alone() -> None:
    view = view_of(TICKET, 1, caller=manager(ACCOUNT))
    assert view.note_count is None and "note_count" not in json_of(view, desk=False)
    assert view_of(TICKET, 1, caller=AGENT).note_count == 0
