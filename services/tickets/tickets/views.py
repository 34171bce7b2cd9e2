"""Tickets as HTTP shows them: the public state for customers, with notes and flags for the desk."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.tickets.aggregate.values import Flag, Note, Ticket
from services.tickets.receipts.queries import PartyView
from services.tickets.tickets.domain import allowed_actions
from shared.contracts.tickets import TicketState

DESK_ONLY = frozenset({"notes", "flags"})


class TicketView(TicketState):
    """A ticket for one viewer. `notes` and `flags` are left out for everybody but the desk."""

    version: int
    account_name: str | None = None
    service_number: str | None = None
    notes: tuple[Note, ...] | None = None
    flags: tuple[Flag, ...] | None = None
    parties: tuple[PartyView, ...] = ()
    allowed_actions: tuple[str, ...] = ()


def view_of(
    ticket: Ticket,
    version: int,
    *,
    desk: bool,
    account: Mapping[str, Any] | None = None,
    parties: Sequence[PartyView] = (),
) -> TicketView:
    # Its parts are valid values already: validating them again would cost more than the rest of the answer.
    return TicketView.model_construct(
        **dict(ticket.state),
        version=version,
        account_name=account["name"] if account else None,
        service_number=account["service_number"] if account else None,
        notes=ticket.notes if desk else None,
        flags=ticket.flags if desk else None,
        parties=tuple(parties),
        allowed_actions=tuple(allowed_actions(ticket.state.status, staff=desk)),
    )


def json_of(view: TicketView, *, desk: bool) -> str:
    return view.model_dump_json(exclude=None if desk else set(DESK_ONLY))
