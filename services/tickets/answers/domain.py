"""Holding an answer, taking it back, sending it. Pure."""

from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.states import ENDED, WORK_REMAINS, Action, next_status
from services.tickets.aggregate.values import HeldAnswer, Silence, Then
from services.tickets.tickets import domain
from shared.contracts.tickets import TicketClosed, TicketEvent, TicketResolved, TicketState, TicketStatus

MOST_HELD = 5
"""So many answers of one ticket wait at a time; an agent who is quicker than that is asked to wait."""


def fits(status: TicketStatus, answer: HeldAnswer) -> bool:
    """Whether a ticket in this state takes the answer, with what is to become of it. A note always fits."""
    if answer.kind == "note":
        return True
    match answer.then:
        case "nothing":
            return status not in ENDED
        case "wait_for_customer":
            return next_status(status, Action.WAIT_FOR_CUSTOMER) is not None
        case "wait_for_parts":
            return next_status(status, Action.WAIT_FOR_PARTS) is not None
        case "resolve":
            return status in WORK_REMAINS
        case "close":
            return status in WORK_REMAINS or status is TicketStatus.RESOLVED


def needs_cause(state: TicketState, then: Then) -> bool:
    """Whether the team has to say what it was: of a fault that it ends itself, unless an engineer has reported."""
    ends_here = then in ("resolve", "close") and state.status in WORK_REMAINS
    return ends_here and state.impact != "question" and state.report is None


def hold(draft: Draft, answer: HeldAnswer) -> None:
    draft.keep(held=(*draft.ticket.held, answer))


def leaving(draft: Draft) -> int:
    """How many answers are about to leave."""
    return sum(answer.failed_at is None for answer in draft.ticket.held)


def find(draft: Draft, answer_id: str) -> HeldAnswer | None:
    return next((answer for answer in draft.ticket.held if answer.answer_id == answer_id), None)


def drop(draft: Draft, answer_id: str) -> None:
    draft.keep(held=tuple(answer for answer in draft.ticket.held if answer.answer_id != answer_id))


def send(draft: Draft, answer: HeldAnswer, silence: Silence) -> None:
    """What the agent decided takes effect. What the ticket's state no longer takes stays with its text, as failed."""
    if not fits(draft.state.status, answer):
        _put(draft, answer.model_copy(update={"failed_at": draft.now}))
        return
    drop(draft, answer.answer_id)
    if answer.kind == "note":
        draft.note(answer.answer_id, answer.author, answer.text)
        return
    match answer.then:
        case "nothing":
            domain.team_writes(draft, answer.answer_id, answer.text, answer.language)
        case "wait_for_customer":
            domain.team_writes(draft, answer.answer_id, answer.text, answer.language, waiting=True)
        case "wait_for_parts":
            domain.team_writes(draft, answer.answer_id, answer.text, answer.language)
            domain.wait(draft, "parts", draft.now)
        case "resolve":
            _resolve(draft, answer, silence)
            _say(draft, answer, by=TicketResolved)
        case "close":
            _resolve(draft, answer, silence)
            domain.close_resolved(draft, draft.now)
            _say(draft, answer, by=TicketClosed)


def _resolve(draft: Draft, answer: HeldAnswer, silence: Silence) -> None:
    if draft.state.status not in WORK_REMAINS:
        return
    if answer.cause is not None:
        draft.show(solution_cause=answer.cause)
    domain.resolve(draft, draft.now, silence)


def _say(draft: Draft, answer: HeldAnswer, *, by: type[TicketEvent]) -> None:
    draft.write(answer.answer_id, "team", answer.text, by=by, language=answer.language)


def _put(draft: Draft, changed: HeldAnswer) -> None:
    draft.keep(held=tuple(changed if answer.answer_id == changed.answer_id else answer for answer in draft.ticket.held))


def settle_flags(draft: Draft) -> None:
    """Somebody has looked at all that was flagged so far."""
    draft.keep(flags_settled=draft.ticket.flag_count)
