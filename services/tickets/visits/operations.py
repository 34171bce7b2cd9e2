"""Visits: what parties tell about them, and what the customer answers."""

import logging
from typing import Any

from services.tickets.aggregate import store as tickets
from services.tickets.aggregate.callers import cause_of, permitting, visible_tickets
from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.operations import carry_out, reference_of, refused, silence_of, work_order_id
from services.tickets.aggregate.store import Document
from services.tickets.service import Service
from services.tickets.visits.domain import Ids, customer_replies, marks_wanted, take_message
from shared.access.caller import Caller
from shared.consumers import Refused
from shared.contracts import actions
from shared.contracts.inbound import (
    DispatchVisitMoved,
    DispatchVisitPlanned,
    VisitMessage,
)
from shared.ids import new_id
from shared.outbox import Cause
from shared.outbox.command import Command
from shared.problems import NotFound
from shared.wire.envelope import Envelope

log = logging.getLogger(__name__)


class VisitNotFound(NotFound):
    code = "visit_not_found"
    title = "The ticket has no such visit"


async def take(deps: Service, record: Envelope[Any], party: str) -> None:
    """Take a party's message into its ticket. Raises Refused for an unknown work order or a senseless content."""
    message: VisitMessage = record.event
    _check(message)
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


def _check(message: VisitMessage) -> None:
    if isinstance(message, DispatchVisitPlanned | DispatchVisitMoved) and message.window_to <= message.window_from:
        raise Refused("window_to: must be after window_from")


async def reply(
    deps: Service,
    *,
    caller: Caller,
    ticket_id: str,
    visit_id: str,
    answer: str,
    text: str | None,
    command: Command,
    if_match: int | None,
) -> Document:
    """The customer confirms a planned window or asks for another one.

    Raises TicketNotFound, VisitNotFound, TransitionRefused when the visit is not planned (any more).
    """
    entry_id = new_id()

    def rule(draft: Draft) -> None:
        visit = next((known for known in draft.state.visits if known.visit_id == visit_id), None)
        if visit is None:
            raise VisitNotFound()
        if not customer_replies(draft, visit_id, answer, text, entry_id=entry_id, author_id=caller.id):
            raise refused(draft.state.status, f"answered: the visit is {visit.status}")

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
