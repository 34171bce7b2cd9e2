"""Tickets as HTTP shows them: the public state for customers, with counts of notes and flags for the desk."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from services.tickets.aggregate.callers import is_desk
from services.tickets.aggregate.states import WORK_REMAINS
from services.tickets.aggregate.values import FlagInShort, HeldAnswer, Ticket
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

DESK_ONLY = frozenset({"note_count", "flag_count", "flags_settled", "latest_flags", "held", "contact", "next_due_at"})


class ContactView(BaseModel):
    """The person to talk to, as the view of people has him; nothing of somebody whose data were erased."""

    user_id: str
    name: str | None = None
    phone: str | None = None
    email: str | None = None


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
    flags_settled: int | None = Field(default=None, description="so many of the flags somebody has looked at")
    held: tuple[HeldAnswer, ...] | None = Field(default=None, description="what is about to leave, or could not")
    contact: ContactView | None = Field(default=None, description="whom it is about, for the desk")
    next_due_at: AwareDatetime | None = Field(default=None, description="the next deadline that is not kept yet")
    parties: tuple[PartyView, ...] = ()
    allowed_actions: tuple[str, ...] = ()


def view_of(
    ticket: Ticket,
    version: int,
    *,
    caller: Caller,
    account: Mapping[str, Any] | None = None,
    parties: Sequence[PartyView] = (),
    contact: ContactView | None = None,
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
        flags_settled=ticket.flags_settled if desk else None,
        held=ticket.held if desk else None,
        contact=contact if desk else None,
        next_due_at=next_due_at(ticket.state) if desk else None,
        parties=tuple(parties),
        allowed_actions=tuple(
            name
            for name in allowed_actions(ticket.state.status, staff=desk)
            if may(caller, PERMITTED.get(name, actions.HANDLE_TICKET), account_id=ticket.state.account_id)
        ),
    )


def next_due_at(state: TicketState) -> datetime | None:
    """The earliest deadline of a ticket that runs or was missed."""
    if state.status not in WORK_REMAINS:
        return None
    return min((c.due_at for c in state.clocks if c.state in ("running", "breached") and not c.met_at), default=None)


def json_of(view: TicketView, *, desk: bool) -> str:
    return view.model_dump_json(exclude=None if desk else set(DESK_ONLY))
