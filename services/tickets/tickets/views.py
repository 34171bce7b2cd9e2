"""Tickets as HTTP shows them: the public state for customers, with counts of notes and flags for the desk."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.tickets.aggregate.values import FlagInShort, Ticket
from services.tickets.receipts.queries import PartyView
from services.tickets.tickets.domain import allowed_actions
from shared.contracts.tickets import TicketState

DESK_ONLY = frozenset({"note_count", "open_flags", "latest_flags"})


class TicketView(TicketState):
    """A ticket for one viewer, without its conversation, which is read in pages from the timeline.

    What counts notes and flags is left out for everybody but the desk.
    """

    version: int
    account_name: str | None = None
    service_number: str | None = None
    note_count: int | None = None
    open_flags: int | None = None
    latest_flags: tuple[FlagInShort, ...] | None = None
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
        note_count=ticket.note_count if desk else None,
        open_flags=ticket.open_flags if desk else None,
        latest_flags=ticket.latest_flags if desk else None,
        parties=tuple(parties),
        allowed_actions=tuple(allowed_actions(ticket.state.status, staff=desk)),
    )


def json_of(view: TicketView, *, desk: bool) -> str:
    return view.model_dump_json(exclude=None if desk else set(DESK_ONLY))
