"""Answers of the contact centre in the store: held, taken back, sent when their moment has come."""

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

from services.tickets.aggregate import operations, store
from services.tickets.aggregate.callers import cause_of
from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.operations import carry_out, refused, silence_of
from services.tickets.aggregate.store import Document
from services.tickets.aggregate.values import HeldAnswer, Then
from services.tickets.answers import domain
from services.tickets.service import Service
from services.tickets.tickets.operations import TicketMovedOn, carry_out_by
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.tickets import SolutionCause, TicketStatus
from shared.ids import new_id
from shared.outbox import Cause
from shared.outbox.command import Command
from shared.problems import Conflict, Forbidden, Invalid

log = logging.getLogger(__name__)

PAST = {
    "nothing": "answered",
    "wait_for_customer": "put to wait",
    "wait_for_parts": "put to wait",
    "resolve": "resolved",
    "close": "closed",
}


class AnswerNotHeld(Conflict):
    """It was sent, or taken back before: nothing is left to take back."""

    code = "answer_not_held"
    title = "This answer has been sent already, or was taken back"


class TooManyHeld(Conflict):
    code = "too_many_answers_held"
    title = "Several answers to this ticket are about to leave; write the next one in a moment"


class CauseMissing(Invalid):
    code = "cause_missing"
    title = "Say what the fault was"


class NotYourAnswer(Forbidden):
    code = "not_your_answer"
    title = "Only its author takes an answer back"


class Written(NamedTuple):
    """What an agent has written, and what is to become of the ticket with it."""

    text: str
    kind: str = "reply"
    then: Then = "nothing"
    cause: SolutionCause | None = None
    language: str | None = None
    seen_status: TicketStatus | None = None


async def hold(
    deps: Service, *, caller: Caller, ticket_id: str, written: Written, command: Command, if_match: int | None
) -> Document:
    """Keep an answer until it leaves. What the ticket would not take is refused at once.

    Raises TicketNotFound, Forbidden, TransitionRefused, TicketMovedOn, CauseMissing, TooManyHeld.
    """
    answer_id = new_id()

    def rule(draft: Draft) -> None:
        status = draft.state.status
        if written.seen_status is not None and written.seen_status is not status:
            raise TicketMovedOn(ticket_status=status.value)
        if domain.leaving(draft) >= domain.MOST_HELD:
            raise TooManyHeld()
        if written.cause is None and domain.needs_cause(draft.state, written.then):
            raise CauseMissing(field="cause", rule="cause_missing")
        answer = HeldAnswer(
            answer_id=answer_id,
            kind="note" if written.kind == "note" else "reply",
            text=written.text,
            then=written.then,
            cause=written.cause,
            language=written.language,
            author=caller.id,
            channel=cause_of(caller).channel,
            held_at=draft.now,
            due_at=draft.now + timedelta(seconds=deps.settings.answers.held_seconds),
        )
        if not domain.fits(status, answer):
            raise refused(status, PAST[written.then])
        domain.hold(draft, answer)

    return await carry_out_by(deps, caller, actions.HANDLE_TICKET, ticket_id, rule, command, if_match)


async def take_back(deps: Service, *, caller: Caller, ticket_id: str, answer_id: str, command: Command) -> Document:
    """Drop an answer that has not left: nobody ever hears of it. One that could not leave is anybody's to clear away.

    Raises TicketNotFound, Forbidden, NotYourAnswer, AnswerNotHeld.
    """

    def rule(draft: Draft) -> None:
        answer = domain.find(draft, answer_id)
        if answer is None:
            raise AnswerNotHeld()
        if answer.failed_at is None and answer.author != caller.id:
            raise NotYourAnswer()
        domain.drop(draft, answer_id)

    return await carry_out_by(deps, caller, actions.HANDLE_TICKET, ticket_id, rule, command)


async def settle_flags(deps: Service, *, caller: Caller, ticket_id: str, command: Command) -> Document:
    """All that was flagged so far has been looked at. Raises TicketNotFound, Forbidden."""
    return await carry_out_by(deps, caller, actions.HANDLE_TICKET, ticket_id, domain.settle_flags, command)


async def fire(deps: Service, document: Document, now: datetime) -> None:
    """What a ticket's moment has come for: an answer leaves in its author's name, else its clocks speak."""
    ticket = store.ticket_of(document)
    due = next((answer for answer in ticket.held if answer.failed_at is None and answer.due_at <= now), None)
    if due is None:
        await operations.fire(deps, document, now)
        return
    answer_id, silence = due.answer_id, silence_of(deps)

    def rule(draft: Draft) -> None:
        answer = domain.find(draft, answer_id)
        if answer is not None and answer.failed_at is None:
            domain.send(draft, answer, silence)
            log.info("an answer has left", extra={"ticket": ticket.state.ticket_id, "then": answer.then})

    await carry_out(deps, ticket.state.ticket_id, rule, cause=Cause(due.author, channel=due.channel))
