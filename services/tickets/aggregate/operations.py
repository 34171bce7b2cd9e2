"""Carrying a rule out on a ticket: read, decide, one atomic write; and what its timers say."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from services.tickets.aggregate import store
from services.tickets.aggregate.closing import let_silence_act
from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.lines import own_party, rows_of, told_to
from services.tickets.aggregate.parties import events_of, needs_contact
from services.tickets.aggregate.store import Document
from services.tickets.aggregate.timers import let_clocks_speak
from services.tickets.aggregate.values import Decision, MessageReference, Silence, Ticket, in_short
from services.tickets.clocks.calendars import BusinessCalendar
from services.tickets.service import Service
from shared.access.scope import EVERYTHING, Scope
from shared.contracts.tickets import TicketStatus
from shared.ids import derived_id
from shared.outbox import Cause, Change, Source, Stale
from shared.outbox.command import Command
from shared.problems import Conflict, NotFound
from shared.wire.envelope import Envelope

log = logging.getLogger(__name__)


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


def reference_of(record: Envelope[Any]) -> MessageReference:
    """Where a party's message stands, and its beginning."""
    beginning, _ = in_short(record.event.model_dump_json())
    return MessageReference(
        record_id=record.id,
        type=record.type,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        excerpt=beginning,
    )


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
    permit: Callable[[Document], None] | None = None,
    marks: Callable[[Ticket], Sequence[str]] | None = None,
) -> Document:
    """Apply a rule to a ticket and store what it decides; the document after it.

    `marks` names the marks that the rule asks about. They are read after the document and the write holds only for the
    document as read, so that what set a mark is never done a second time. A rule refuses by raising. Raises
    TicketNotFound, VersionConflict, TooManyWriters.
    """

    async def decide(document: Document) -> Change | None:
        ticket = store.ticket_of(document)
        known = await store.marks(deps.db, document, marks(ticket) if marks else ())
        draft = Draft(ticket, await _calendar_of(deps, ticket), moment(deps), known)
        rule(draft)
        decision = draft.decision()
        return None if decision is None else await _change(deps, decision, document["version"], cause)

    return await deps.outbox.change(
        store.TICKETS,
        ticket_id,
        decide,
        cause=cause,
        command=command,
        if_match=if_match,
        source=source,
        scope=scope,
        permit=permit,
        not_found=TicketNotFound(),
    )


async def _calendar_of(deps: Service, ticket: Ticket) -> BusinessCalendar | None:
    """The calendar version that the ticket's deadlines name; without deadlines, the newest of its contract."""
    if not ticket.state.clocks:
        return await deps.parts.calendars.newest(ticket.state.entitlement.calendar)
    clock = ticket.state.clocks[0]
    return await deps.parts.calendars.version(clock.calendar, clock.calendar_version)


async def _change(deps: Service, decision: Decision, version: int, cause: Cause) -> Change:
    contact = None
    if needs_contact(decision.signals):
        contact = await deps.parts.views.on_site_contact(decision.ticket.state.contact_user_id)
    fields, dropped = store.fields_of(decision.ticket)
    events = events_of(decision, contact)
    told = told_to(events, version=version, own=own_party(cause), at=decision.decided_at)
    fields |= {f"told.{party}": place for party, place in told.items()}
    return Change(
        set=fields,
        unset=dropped,
        events=events,
        rows=rows_of(decision, events, version=version, cause=cause),
    )


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
    cause = Cause.by_itself("tickets")
    change = await _change(deps, decision, document["version"], cause)
    try:
        await deps.outbox.update(
            store.TICKETS, document, change.set, change.events, cause=cause, unset=change.unset, rows=change.rows
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


def refused(status: TicketStatus, what: str) -> TransitionRefused:
    """The refusal of an action by the state machine, with the state that decided."""
    return TransitionRefused(f"A ticket that is {status.replace('_', ' ')} cannot be {what}.", ticket_status=status)
