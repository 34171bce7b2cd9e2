"""Changing tickets: read, decide, one atomic write."""

from collections.abc import Callable, Mapping
from typing import Literal

from services.tickets.aggregate import store
from services.tickets.aggregate.callers import cause_of, is_desk, permitting, visible_tickets
from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.operations import carry_out, refused, silence_of, work_order_id
from services.tickets.aggregate.states import Action, next_status
from services.tickets.aggregate.store import Document
from services.tickets.devices import store as devices
from services.tickets.service import Service
from services.tickets.tickets import domain
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.catalog import DeviceSiteChanged
from shared.contracts.tickets import (
    TicketAcknowledged,
    TicketCancelled,
    TicketClosed,
    TicketEvent,
    TicketResolved,
    TicketStatus,
    TicketStatusChanged,
)
from shared.ids import new_id
from shared.outbox import Cause, Source
from shared.outbox.command import Command
from shared.problems import Conflict
from shared.wire.envelope import Envelope


class TooManyOrders(Conflict):
    code = "too_many_work_orders"
    title = "Too many visits are asked for already"


class TicketMovedOn(Conflict):
    """Somebody decided on a state that is over; `ticket_status` is the present one."""

    code = "ticket_moved_on"
    title = "The ticket is in another state by now"


async def site_changed(deps: Service, record: Envelope[DeviceSiteChanged]) -> None:
    """A device stands elsewhere: its open tickets, their orders and visits learn it (CAT-4).

    What the view knows by now counts, where that is newer: a ticket opened on it is not told an older site by a record
    that comes late.
    """
    device, version = record.event.device, record.sequence
    for known in await devices.known_devices(deps.db, [record.key]):
        if known.version > version:
            device, version = known
    for ticket_id in await store.open_ticket_ids(deps.db, device):
        await carry_out(
            deps,
            ticket_id,
            lambda draft: domain.site_changed(draft, device),
            cause=Cause.following(record),
            source=Source(record.topic, record.key, version),
        )


async def write_update(
    deps: Service,
    *,
    caller: Caller,
    ticket_id: str,
    text: str,
    language: str | None,
    command: Command,
    if_match: int | None,
) -> Document:
    """A public entry of the customer or of the team. Raises TicketNotFound, TransitionRefused."""
    entry_id = new_id()

    def rule(draft: Draft) -> None:
        if is_desk(caller):
            done = domain.team_writes(draft, entry_id, text, language)
        else:
            done = domain.customer_writes(draft, entry_id, caller.id, text, language)
        if not done:
            raise refused(draft.state.status, "updated")

    return await carry_out_by(deps, caller, actions.UPDATE_TICKET, ticket_id, rule, command, if_match)


async def write_note(
    deps: Service, *, caller: Caller, ticket_id: str, text: str, command: Command, if_match: int | None
) -> Document:
    """An internal entry, for staff alone. Raises TicketNotFound, Forbidden."""
    note_id = new_id()

    def rule(draft: Draft) -> None:
        draft.note(note_id, caller.id, text)

    return await carry_out_by(deps, caller, actions.HANDLE_TICKET, ticket_id, rule, command, if_match)


async def act(
    deps: Service,
    *,
    caller: Caller,
    ticket_id: str,
    action: str,
    text: str | None,
    wait_for: Literal["customer", "parts"],
    seen_status: TicketStatus | None = None,
    command: Command,
    if_match: int | None,
) -> Document:
    """Acknowledge, wait, resolve, close or cancel, with an optional word to the other side.

    Customers may close what is resolved and cancel what nobody is under way for; the rest is the desk's. Raises
    TicketNotFound, Forbidden, TransitionRefused, TicketMovedOn.
    """
    silence = silence_of(deps)
    entry_id = new_id()
    author: Literal["customer", "team"] = "team" if is_desk(caller) else "customer"

    def rule(draft: Draft) -> None:
        status = draft.state.status
        if seen_status is not None and seen_status is not status:
            raise TicketMovedOn(ticket_status=status.value)
        match action:
            case "acknowledge":
                done = next_status(status, Action.ACKNOWLEDGE) is not None
                domain.acknowledge(draft, draft.now)
            case "wait":
                done = domain.wait(draft, wait_for, draft.now)
            case "resolve":
                done = domain.resolve(draft, draft.now, silence)
            case "close":
                done = domain.close_resolved(draft, draft.now)
            case "cancel":
                done = domain.cancel(draft, draft.now)
            case _:
                raise ValueError(action)
        if not done:
            raise refused(status, PAST[action])
        if text:
            author_id = caller.id if author == "customer" else None
            draft.write(entry_id, author, text, by=BROUGHT_BY[action], author_id=author_id)

    return await carry_out_by(
        deps, caller, PERMITTED.get(action, actions.HANDLE_TICKET), ticket_id, rule, command, if_match
    )


PERMITTED = {"close": actions.CLOSE_TICKET, "cancel": actions.CANCEL_TICKET}
BROUGHT_BY: Mapping[str, type[TicketEvent]] = {
    "acknowledge": TicketAcknowledged,
    "wait": TicketStatusChanged,
    "resolve": TicketResolved,
    "close": TicketClosed,
    "cancel": TicketCancelled,
}
"""The event that carries the word that goes with an action."""

PAST = {
    "acknowledge": "acknowledged",
    "wait": "put to wait",
    "resolve": "resolved",
    "close": "closed",
    "cancel": "cancelled",
}


async def request_visit(
    deps: Service, *, caller: Caller, ticket_id: str, symptom: str | None, command: Command, if_match: int | None
) -> Document:
    """The desk asks dispatch for (another) visit.

    Raises TicketNotFound, Forbidden, TransitionRefused, TooManyOrders.
    """

    def rule(draft: Draft) -> None:
        order = work_order_id(ticket_id, draft.ticket.order_count + 1)
        if len(domain.open_orders(draft.ticket)) >= domain.MOST_OPEN_ORDERS:
            raise TooManyOrders(orders=domain.MOST_OPEN_ORDERS)
        if not domain.request_visit(draft, order, symptom or draft.state.description):
            raise refused(draft.state.status, "visited")

    return await carry_out_by(deps, caller, actions.HANDLE_TICKET, ticket_id, rule, command, if_match)


async def carry_out_by(
    deps: Service,
    caller: Caller,
    action: actions.Action,
    ticket_id: str,
    rule: Callable[[Draft], None],
    command: Command,
    if_match: int | None = None,
) -> Document:
    """A rule in the name of a caller who sees the ticket and may do this with it."""
    return await carry_out(
        deps,
        ticket_id,
        rule,
        cause=cause_of(caller),
        command=command,
        if_match=if_match,
        scope=visible_tickets(caller),
        permit=permitting(caller, action),
    )
