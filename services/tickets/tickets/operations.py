"""Changing tickets: read, decide, one atomic write."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from services.tickets.clocks.calendars import BusinessCalendar
from services.tickets.clocks.timers import let_clocks_speak
from services.tickets.closing.domain import let_silence_act
from services.tickets.devices import store as devices
from services.tickets.parties.domain import events_of, needs_contact
from services.tickets.service import Service
from services.tickets.tickets import domain, store
from services.tickets.tickets.callers import cause_of, is_desk, require_desk, require_writer, visible_tickets
from services.tickets.tickets.draft import Draft
from services.tickets.tickets.states import Action, next_status
from services.tickets.tickets.values import Decision, Silence, Ticket
from shared.access.caller import Caller
from shared.access.scope import EVERYTHING, Scope
from shared.contracts.catalog import DeviceSiteChanged
from shared.contracts.tickets import TicketStatus
from shared.ids import derived_id, new_id
from shared.outbox import Cause, Change, Source, Stale
from shared.outbox.command import Command
from shared.problems import Conflict, NotFound
from shared.wire.envelope import Envelope

log = logging.getLogger(__name__)

Document = dict[str, Any]


class TicketNotFound(NotFound):
    code = "ticket_not_found"
    title = "There is no such ticket, or none that you may see"


class TransitionRefused(Conflict):
    code = "transition_refused"
    title = "The ticket's state does not allow this"


def moment(deps: Service) -> datetime:
    """Product time as the store keeps it: whole milliseconds."""
    now = deps.clock()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def silence_of(deps: Service) -> Silence:
    return Silence(deps.settings.silence.warn_days, deps.settings.silence.close_days)


def work_order_id(ticket_id: str, number: int) -> str:
    """The id of a ticket's first, second, ... order."""
    return derived_id("work-order", ticket_id, str(number))


async def carry_out(
    deps: Service,
    ticket_id: str,
    rule: Callable[[Draft], None],
    *,
    cause: Cause,
    command: Command | None = None,
    if_match: int | None = None,
    source: Source | None = None,
    scope: Scope = EVERYTHING,
) -> Document:
    """Apply a rule to a ticket and store what it decides; the document after it.

    A rule refuses by raising. Raises TicketNotFound, VersionConflict, TooManyWriters.
    """

    async def decide(document: Document) -> Change | None:
        ticket = store.ticket_of(document)
        draft = Draft(ticket, await _calendar_of(deps, ticket), moment(deps))
        rule(draft)
        decision = draft.decision()
        return None if decision is None else await _change(deps, decision)

    return await deps.outbox.change(
        store.TICKETS,
        ticket_id,
        decide,
        cause=cause,
        command=command,
        if_match=if_match,
        source=source,
        scope=scope,
        not_found=TicketNotFound(),
    )


async def _calendar_of(deps: Service, ticket: Ticket) -> BusinessCalendar | None:
    """The calendar version that the ticket's deadlines name."""
    if not ticket.state.clocks:
        return None
    clock = ticket.state.clocks[0]
    return await deps.parts.calendars.version(clock.calendar, clock.calendar_version)


async def _change(deps: Service, decision: Decision) -> Change:
    contact = None
    if needs_contact(decision.signals):
        contact = await devices.on_site_contact(deps.db, decision.ticket.state.contact_user_id)
    fields, dropped = store.fields_of(decision.ticket)
    return Change(set=fields, unset=dropped, events=events_of(decision, contact))


async def fire(deps: Service, document: Document, now: datetime) -> None:
    """Let the due timers of one ticket speak. Somebody who was first has set the next moment himself."""
    ticket = store.ticket_of(document)
    draft = Draft(ticket, await _calendar_of(deps, ticket), now)
    let_clocks_speak(draft)
    let_silence_act(draft, derived_id("closing-warning", ticket.state.ticket_id, str(document["version"])))
    decision = draft.decision()
    if decision is None:
        await _sleep_on(deps, document, ticket)
        return
    change = await _change(deps, decision)
    try:
        await deps.outbox.update(
            store.TICKETS, document, change.set, change.events, cause=Cause.by_itself("tickets"), unset=change.unset
        )
    except Stale:
        log.debug("a timer met a newer version", extra={"ticket": document["_id"]})


async def _sleep_on(deps: Service, document: Document, ticket: Ticket) -> None:
    """Nothing to say: put the claimed moment back to what the ticket itself says."""
    at = store.next_at(ticket)
    change = {"$set": {"next_at": at}} if at else {"$unset": {"next_at": ""}}
    await deps.db[store.TICKETS.collection].update_one(
        {"_id": document["_id"], "revision": document["revision"], "claimed_by": document["claimed_by"]}, change
    )


async def site_changed(deps: Service, record: Envelope[DeviceSiteChanged]) -> None:
    """A device stands elsewhere: its open tickets, their orders and visits learn it (CAT-4)."""
    device = record.event.device
    for ticket_id in await store.open_ticket_ids(deps.db, device):
        await carry_out(
            deps,
            ticket_id,
            lambda draft: domain.site_changed(draft, device),
            cause=Cause.following(record),
            source=Source(record.topic, record.key, record.sequence),
        )


def refused(status: TicketStatus, what: str) -> TransitionRefused:
    """The refusal of an action by the state machine, with the state that decided."""
    return TransitionRefused(f"A ticket that is {status.replace('_', ' ')} cannot be {what}.", status=status)


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
    require_writer(caller)
    update_id = new_id()

    def rule(draft: Draft) -> None:
        if is_desk(caller):
            done = domain.team_writes(draft, update_id, text, language)
        else:
            done = domain.customer_writes(draft, update_id, caller.id, text, language)
        if not done:
            raise refused(draft.state.status, "updated")

    return await _by(deps, caller, ticket_id, rule, command, if_match)


async def write_note(
    deps: Service, *, caller: Caller, ticket_id: str, text: str, command: Command, if_match: int | None
) -> Document:
    """An internal entry, for staff alone. Raises TicketNotFound, Forbidden."""
    note_id = new_id()

    def rule(draft: Draft) -> None:
        require_desk(caller)
        draft.note(note_id, caller.id, text)
        draft.tell_contact_centre("noted")

    return await _by(deps, caller, ticket_id, rule, command, if_match)


async def act(
    deps: Service,
    *,
    caller: Caller,
    ticket_id: str,
    action: str,
    text: str | None,
    wait_for: Literal["customer", "parts"],
    command: Command,
    if_match: int | None,
) -> Document:
    """Acknowledge, wait, resolve, close or cancel, with an optional word to the other side.

    Customers may close what is resolved and cancel what nobody is under way for; the rest is the desk's. Raises
    TicketNotFound, Forbidden, TransitionRefused.
    """
    require_writer(caller)
    silence = silence_of(deps)
    update_id = new_id()
    author: Literal["customer", "team"] = "team" if is_desk(caller) else "customer"

    def rule(draft: Draft) -> None:
        if action in ("acknowledge", "wait", "resolve"):
            require_desk(caller)
        status = draft.state.status
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
            draft.update(update_id, author, text, author_id=caller.id if author == "customer" else None)

    return await _by(deps, caller, ticket_id, rule, command, if_match)


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
    """The desk asks dispatch for (another) visit. Raises TicketNotFound, Forbidden, TransitionRefused."""

    def rule(draft: Draft) -> None:
        require_desk(caller)
        order = work_order_id(ticket_id, len(draft.ticket.work_orders) + 1)
        if not domain.request_visit(draft, order, symptom or draft.state.description):
            raise refused(draft.state.status, "visited")

    return await _by(deps, caller, ticket_id, rule, command, if_match)


async def _by(
    deps: Service,
    caller: Caller,
    ticket_id: str,
    rule: Callable[[Draft], None],
    command: Command,
    if_match: int | None,
) -> Document:
    return await carry_out(
        deps,
        ticket_id,
        rule,
        cause=cause_of(caller),
        command=command,
        if_match=if_match,
        scope=visible_tickets(caller),
    )
