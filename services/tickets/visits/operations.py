"""Visits: what parties tell about them, and what the customer answers."""

import logging
from datetime import datetime, timedelta
from typing import Any

from services.tickets.aggregate import store as tickets
from services.tickets.aggregate.callers import cause_of, permitting, visible_tickets
from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.operations import carry_out, reference_of, silence_of, work_order_id
from services.tickets.aggregate.store import Document
from services.tickets.service import Service
from services.tickets.visits.domain import Ids, customer_replies, marks_wanted, take_message
from shared.access.caller import Caller
from shared.consumers import Refused
from shared.contracts import actions
from shared.contracts.inbound import (
    DispatchVisitMoved,
    DispatchVisitPlanned,
    EngineerVisitTravelling,
    VisitMessage,
)
from shared.ids import new_id
from shared.outbox import Cause
from shared.outbox.command import Command
from shared.problems import Conflict, NotFound
from shared.wire.envelope import Envelope

log = logging.getLogger(__name__)

CLOCKS_DIFFER = timedelta(days=1)
LONGEST_TRAVEL = timedelta(days=7)
LONGEST_WINDOW = timedelta(days=31)
FARTHEST_WINDOW = timedelta(days=730)


class VisitNotFound(NotFound):
    code = "visit_not_found"
    title = "The ticket has no such visit"


class VisitNotPlanned(Conflict):
    code = "visit_not_planned"
    title = "Only a planned visit of an open ticket can be answered"


class WindowChanged(Conflict):
    """The answer is to another window than the visit has now."""

    code = "window_changed"
    title = "The visit was moved meanwhile"


async def take(deps: Service, record: Envelope[Any], party: str) -> None:
    """Take a party's message into its ticket. Raises Refused for an unknown work order or a senseless content."""
    message: VisitMessage = record.event
    check(message, deps.clock())
    ticket_id = await tickets.ticket_id_of_order(deps.db, message.work_order_id)
    if ticket_id is None:
        raise Refused(f"work order {message.work_order_id} is not known")
    reference, silence = reference_of(record), silence_of(deps)

    def rule(draft: Draft) -> None:
        ids = Ids(work_order_id(ticket_id, draft.ticket.order_count + 1), reference)
        verdict = take_message(draft, message, party, ids, silence)
        log.info(
            "visit message",
            extra={"ticket": ticket_id, "type": message.type, "sequence": message.sequence, "verdict": verdict},
        )

    await carry_out(
        deps,
        ticket_id,
        rule,
        cause=Cause.following(record, actor=party),
        marks=lambda ticket: marks_wanted(ticket, message, party),
    )


def check(message: VisitMessage, now: datetime) -> None:
    """Raise Refused for what planning systems write for "not known yet", or by mistake: nobody could keep to it."""
    if message.occurred_at > now + CLOCKS_DIFFER:
        raise Refused("occurred_at: must be in the past")
    if isinstance(message, EngineerVisitTravelling) and message.expected_at is not None:
        _require_near("expected_at", message.expected_at, now + LONGEST_TRAVEL)
    if isinstance(message, DispatchVisitPlanned | DispatchVisitMoved):
        if message.window_to <= message.window_from:
            raise Refused("window_to: must be after window_from")
        if message.window_to - message.window_from > LONGEST_WINDOW:
            raise Refused(f"window_to: must be at most {LONGEST_WINDOW.days} days after window_from")
        _require_near("window_from", message.window_from, now + FARTHEST_WINDOW)


def _require_near(field: str, moment: datetime, latest: datetime) -> None:
    if moment > latest:
        raise Refused(f"{field}: must be before {latest:%Y-%m-%d}")


async def reply(
    deps: Service,
    *,
    caller: Caller,
    ticket_id: str,
    visit_id: str,
    answer: str,
    text: str | None,
    window_from: datetime | None,
    command: Command,
    if_match: int | None,
) -> Document:
    """The customer confirms a planned window or asks for another one; `window_from` is the one that he saw.

    Raises TicketNotFound, VisitNotFound, WindowChanged when the visit stands at another time by now, and
    VisitNotPlanned when it is not planned (any more).
    """
    entry_id = new_id()

    def rule(draft: Draft) -> None:
        visit = next((known for known in draft.state.visits if known.visit_id == visit_id), None)
        if visit is None:
            raise VisitNotFound()
        if window_from is not None and visit.window_from not in (None, window_from):
            raise WindowChanged(window_from=visit.window_from, window_to=visit.window_to)
        if not customer_replies(draft, visit_id, answer, text, entry_id=entry_id, author_id=caller.id):
            raise VisitNotPlanned(f"The visit is {visit.status.replace('_', ' ')}.", visit_status=visit.status)

    return await carry_out(
        deps,
        ticket_id,
        rule,
        cause=cause_of(caller),
        command=command,
        if_match=if_match,
        scope=visible_tickets(caller),
        permit=permitting(caller, actions.REPLY_TO_VISIT),
    )
