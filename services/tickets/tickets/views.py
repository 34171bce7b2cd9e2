"""Tickets as HTTP shows them: the public state for customers, with counts of notes and flags for the desk."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.tickets.aggregate.callers import is_desk
from services.tickets.aggregate.values import FlagInShort, Ticket
from services.tickets.receipts.queries import PartyView
from services.tickets.tickets.domain import allowed_actions
from shared.access.caller import Caller
from shared.access.permissions import may
from shared.contracts import actions
from shared.contracts.actions import Action
from shared.contracts.tickets import TicketState

PERMITTED: Mapping[str, Action] = {
    "update": actions.UPDATE_TICKET,
    "cancel": actions.CANCEL_TICKET,
    "close": actions.CLOSE_TICKET,
    "reply_to_visit": actions.REPLY_TO_VISIT,
}
"""What a button does, in the table of actions; all other buttons are the desk's."""

DESK_ONLY = frozenset({"note_count", "flag_count", "latest_flags"})


class TicketView(TicketState):
    """A ticket for one viewer, without its conversation, which is read in pages from the timeline.

    What counts notes and flags is left out for everybody but the desk.
    """

    version: int
    account_name: str | None = None
    service_number: str | None = None
    note_count: int | None = None
    flag_count: int | None = None
    latest_flags: tuple[FlagInShort, ...] | None = None
    parties: tuple[PartyView, ...] = ()
    allowed_actions: tuple[str, ...] = ()


def view_of(
    ticket: Ticket,
    version: int,
    *,
    caller: Caller,
    account: Mapping[str, Any] | None = None,
    parties: Sequence[PartyView] = (),
) -> TicketView:
    """What the caller is shown of a ticket that he sees."""
    desk = is_desk(caller)
    # Its parts are valid values already: validating them again would cost more than the rest of the answer.
    return TicketView.model_construct(
        **dict(ticket.state),
        version=version,
        account_name=account["name"] if account else None,
        service_number=account["service_number"] if account else None,
        note_count=ticket.note_count if desk else None,
        flag_count=ticket.flag_count if desk else None,
        latest_flags=ticket.latest_flags if desk else None,
        parties=tuple(parties),
        allowed_actions=tuple(
            name
            for name in allowed_actions(ticket.state.status, staff=desk)
            if may(caller, PERMITTED.get(name, actions.HANDLE_TICKET), account_id=ticket.state.account_id)
        ),
    )


def json_of(view: TicketView, *, desk: bool) -> str:
    return view.model_dump_json(exclude=None if desk else set(DESK_ONLY))
