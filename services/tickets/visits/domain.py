"""Messages of dispatch and engineers, taken into a ticket. Pure; the table is in `conflicts.py`."""

from datetime import datetime
from typing import Any, NamedTuple

from services.tickets.aggregate.draft import OVER, Draft
from services.tickets.aggregate.states import ENDED, Action, next_status
from services.tickets.aggregate.values import (
    MessageReference,
    Signal,
    Silence,
    Ticket,
    VisitTrail,
    past_visit_mark,
    taken_mark,
)
from services.tickets.tickets.domain import imply_acknowledgement, request_visit, resolve
from services.tickets.visits.conflicts import Told, Verdict, verdict
from shared.contracts.inbound import (
    DispatchVisitCancelled,
    DispatchVisitMoved,
    DispatchVisitPlanned,
    EngineerVisitArrived,
    EngineerVisitReported,
    EngineerVisitTravelling,
    VisitMessage,
)
from shared.contracts.tickets import (
    ClockKind,
    EngineerArrived,
    EngineerTravelling,
    ReportState,
    TicketStatusChanged,
    VisitAnswered,
    VisitCancelled,
    VisitMoved,
    VisitPlanned,
    VisitReported,
    VisitState,
    VisitStatus,
)

TOLD: dict[type[VisitMessage], Told] = {
    DispatchVisitPlanned: Told.PLANNED,
    DispatchVisitMoved: Told.MOVED,
    DispatchVisitCancelled: Told.CANCELLED,
    EngineerVisitTravelling: Told.TRAVELLING,
    EngineerVisitArrived: Told.ARRIVED,
    EngineerVisitReported: Told.REPORTED,
}

_LEADS_TO = {
    Told.PLANNED: VisitStatus.PLANNED,
    Told.MOVED: VisitStatus.PLANNED,
    Told.CANCELLED: VisitStatus.CANCELLED,
    Told.TRAVELLING: VisitStatus.TRAVELLING,
    Told.ARRIVED: VisitStatus.ARRIVED,
    Told.REPORTED: VisitStatus.DONE,
}

_TAKES = {
    Told.PLANNED: Action.PLAN_VISIT,
    Told.MOVED: Action.PLAN_VISIT,
    Told.TRAVELLING: Action.TRAVEL,
    Told.ARRIVED: Action.ARRIVE,
    Told.REPORTED: Action.END_VISIT,
}
"""What an applied message does to the ticket; a cancellation is judged by the visits that remain."""


SEQUENCES_KEPT = 50
"""So many sequences of a party are remembered for a visit."""

MOST_OPEN_VISITS = 20
"""More visits than that are not planned for a ticket at a time: what makes a further one is flagged."""


class Ids(NamedTuple):
    """What a message brings along besides its content, the same when it is repeated."""

    follow_up_work_order: str
    message: MessageReference


def marks_wanted(ticket: Ticket, message: VisitMessage, party: str) -> list[str]:
    """The marks that decide about a message where the ticket itself does not remember enough."""
    ticket_id = ticket.state.ticket_id
    visit, trail = _known(ticket, message.visit_id)
    if visit is None:
        return [past_visit_mark(ticket_id, message.visit_id), _flag_mark(ticket_id, message, party)]
    seen = trail.sequences.get(party, ()) if trail else ()
    return [_flag_mark(ticket_id, message, party)] if seen and message.sequence < min(seen) else []


def _known(ticket: Ticket, visit_id: str) -> tuple[VisitState | None, VisitTrail | None]:
    visit = next((known for known in ticket.state.visits if known.visit_id == visit_id), None)
    return visit, next((known for known in ticket.visit_trails if known.visit_id == visit_id), None)


def _flag_mark(ticket_id: str, message: VisitMessage, party: str) -> str:
    return taken_mark(ticket_id, f"{party}/flagged", f"{message.visit_id}/{message.sequence}")


def take_message(draft: Draft, message: VisitMessage, party: str, ids: Ids, silence: Silence) -> Verdict:
    """Apply, fill in, or keep and flag one message.

    The message's work order must belong to the ticket, and the draft know the marks of `marks_wanted`. A fact cannot be
    later than its telling: a date ahead of `now` counts as now.
    """
    told = TOLD[type(message)]
    at = min(message.occurred_at, draft.now)
    visit, trail = _known(draft.ticket, message.visit_id)
    seen = trail.sequences.get(party, ()) if trail else ()
    flagged = _flag_mark(draft.state.ticket_id, message, party)
    if message.sequence in seen or flagged in draft.marks:
        return Verdict.KNOWN
    past = draft.marks.get(past_visit_mark(draft.state.ticket_id, message.visit_id))
    if past is not None and message.sequence <= past["highest"].get(party, 0):
        return Verdict.KNOWN
    older = bool(seen) and message.sequence < max(seen)
    if trail is not None and trail.state_by != party:
        older = older or at < trail.state_at
    found = verdict(visit.status if visit else None, told, older=older)
    reason = f"visit_{told}_contradicts"
    if visit is not None and visit.work_order_id != message.work_order_id:
        found, reason = Verdict.FLAG, "visit_belongs_to_another_work_order"
    elif past is not None:
        found, reason = Verdict.FLAG, f"visit_{told}_but_over"
    elif visit is None and len([known for known in draft.state.visits if known.status not in OVER]) >= MOST_OPEN_VISITS:
        found, reason = Verdict.FLAG, "too_many_open_visits"
    elif found is Verdict.APPLY and not _ticket_takes(draft, told):
        found, reason = Verdict.FLAG, f"visit_{told}_for_{draft.state.status}_ticket"
    if visit is not None or found is Verdict.APPLY:
        _remember(draft, message, party, at, moved_on=found is Verdict.APPLY)
    if found is Verdict.APPLY:
        _apply(draft, message, told, at, visit, ids, silence)
    elif found is Verdict.FILL_IN and visit is not None:
        _fill_in(draft, message, at, visit)
    elif found is Verdict.FLAG:
        draft.mark(flagged)
        draft.flag(party, reason, ids.message)
    return found


def _ticket_takes(draft: Draft, told: Told) -> bool:
    """A call-off always fits; on a ticket that has ended or is resolved the table decides about the rest."""
    return told is Told.CANCELLED or next_status(draft.state.status, _TAKES[told]) is not None


def _remember(draft: Draft, message: VisitMessage, party: str, at: datetime, *, moved_on: bool) -> None:
    trails = {trail.visit_id: trail for trail in draft.ticket.visit_trails}
    trail = trails.get(message.visit_id) or VisitTrail(visit_id=message.visit_id, state_at=at, state_by=party)
    sequences = sorted((*trail.sequences.get(party, ()), message.sequence))[-SEQUENCES_KEPT:]
    changes: dict[str, Any] = {"sequences": {**trail.sequences, party: tuple(sequences)}}
    if moved_on:
        changes |= {"state_at": at, "state_by": party}
    trails[message.visit_id] = trail.model_copy(update=changes)
    draft.keep(visit_trails=tuple(trails.values()))


def _apply(
    draft: Draft,
    message: VisitMessage,
    told: Told,
    at: datetime,
    visit: VisitState | None,
    ids: Ids,
    silence: Silence,
) -> None:
    known = visit or VisitState(
        visit_id=message.visit_id, work_order_id=message.work_order_id, status=VisitStatus.PLANNED
    )
    known = known.model_copy(update={"status": _LEADS_TO[told]})
    imply_acknowledgement(draft, at)
    match message:
        case DispatchVisitPlanned() | DispatchVisitMoved():
            _plan(draft, message, at, known, first=visit is None)
        case DispatchVisitCancelled():
            draft.put_visit(known)
            draft.follow_visits(at)
            draft.happened(VisitCancelled, at, visit_id=known.visit_id)
            draft.signal(Signal("sheet_withdrawn", known.work_order_id, known.visit_id, message.reason or "cancelled"))
            draft.tell_contact_centre("visit_cancelled")
        case EngineerVisitTravelling():
            draft.put_visit(known.model_copy(update={"travelling_at": at, "expected_at": message.expected_at}))
            draft.act(Action.TRAVEL, at)
            draft.happened(EngineerTravelling, at, visit_id=known.visit_id)
            draft.tell_contact_centre("engineer_travelling")
        case EngineerVisitArrived():
            draft.put_visit(known.model_copy(update={"arrived_at": at}))
            draft.act(Action.ARRIVE, at)
            draft.meet(ClockKind.RESPONSE, at)
            draft.happened(EngineerArrived, at, visit_id=known.visit_id)
            draft.tell_contact_centre("engineer_arrived")
        case EngineerVisitReported():
            _report(draft, message, at, known, ids, silence)


def _plan(
    draft: Draft, message: DispatchVisitPlanned | DispatchVisitMoved, at: datetime, visit: VisitState, *, first: bool
) -> None:
    window = {"window_from": message.window_from, "window_to": message.window_to}
    moved = not first and (visit.window_from, visit.window_to) != (message.window_from, message.window_to)
    had_window = visit.window_from is not None
    planned = visit.model_copy(
        update={
            **window,
            "moved": visit.moved + (moved and had_window),
            "customer_reply": None if moved else visit.customer_reply,
            # Planned after the site changed, so planned for the new one.
            "old_address": False,
            "travelling_at": None,
            "expected_at": None,
        }
    )
    draft.put_visit(planned)
    _remember_external_id(draft, message)
    if draft.act(Action.PLAN_VISIT, at):
        draft.follow_visits(at)
    if first or not had_window:
        draft.happened(VisitPlanned, at, visit_id=visit.visit_id)
        draft.signal(Signal("sheet_issued", visit.work_order_id, visit.visit_id))
        draft.tell_contact_centre("visit_planned")
    else:
        draft.happened(VisitMoved, at, visit_id=visit.visit_id)
        draft.signal(Signal("sheet_changed", visit.work_order_id, visit.visit_id))
        draft.tell_contact_centre("visit_moved")


def _report(
    draft: Draft, message: EngineerVisitReported, at: datetime, visit: VisitState, ids: Ids, silence: Silence
) -> None:
    draft.put_visit(visit.model_copy(update={"done_at": at}))
    # Who reports has been there; an arrival told later moves this to its own time.
    draft.meet(ClockKind.RESPONSE, visit.arrived_at or at)
    draft.show(
        report=ReportState(
            visit_id=message.visit_id,
            symptom=message.symptom,
            cause=message.cause,
            action=message.action,
            parts=message.parts,
            counters=message.counters,
            outcome=message.outcome,
            advice=message.advice,
            reported_at=at,
        )
    )
    draft.happened(VisitReported, at, visit_id=visit.visit_id)
    draft.tell_contact_centre("visit_reported")
    if message.outcome != "parts_needed":
        _end_order(draft, visit.work_order_id)
    if message.outcome == "resolved":
        resolve(draft, at, silence)
        return
    before = draft.state.status
    if message.outcome == "parts_needed":
        draft.act(Action.WAIT_FOR_PARTS, at)
    else:
        draft.act(Action.END_VISIT, at)
        _follow_up(draft, message, ids)
        _return_to_planned_visits(draft, at)
    if draft.state.status is not before:
        draft.happened(TicketStatusChanged, at)


def _follow_up(draft: Draft, message: EngineerVisitReported, ids: Ids) -> None:
    if all(order.work_order_id != ids.follow_up_work_order for order in draft.ticket.work_orders):
        request_visit(draft, ids.follow_up_work_order, message.symptom)


def _return_to_planned_visits(draft: Draft, at: datetime) -> None:
    if any(visit.status is VisitStatus.PLANNED for visit in draft.state.visits) and draft.act(Action.PLAN_VISIT, at):
        draft.follow_visits(at)


def _end_order(draft: Draft, work_order_id: str) -> None:
    draft.keep(
        work_orders=tuple(
            order.model_copy(update={"status": "done"}) if order.work_order_id == work_order_id else order
            for order in draft.ticket.work_orders
        )
    )


def _fill_in(draft: Draft, message: VisitMessage, at: datetime, visit: VisitState) -> None:
    """Add what is missing; nothing that is there is overwritten."""
    match message:
        case DispatchVisitPlanned() | DispatchVisitMoved():
            if visit.window_from is None:
                visit = visit.model_copy(update={"window_from": message.window_from, "window_to": message.window_to})
            _remember_external_id(draft, message)
        case EngineerVisitTravelling():
            times = {"travelling_at": visit.travelling_at or at}
            if visit.status is VisitStatus.TRAVELLING and message.expected_at is not None:
                times["expected_at"] = message.expected_at
            visit = visit.model_copy(update=times)
        case EngineerVisitArrived():
            visit = visit.model_copy(update={"arrived_at": visit.arrived_at or at})
            draft.meet(ClockKind.RESPONSE, at)
        case _:
            return
    if visit not in draft.state.visits:
        draft.put_visit(visit)


def _remember_external_id(draft: Draft, message: VisitMessage) -> None:
    if isinstance(message, DispatchVisitPlanned) and message.external_id:
        draft.show(external_ids={**draft.state.external_ids, "dispatch": message.external_id})


def customer_replies(
    draft: Draft, visit_id: str, reply: str, text: str | None, *, entry_id: str, author_id: str | None
) -> bool:
    """The customer confirms a planned window or asks for another one. False when the visit is not (only) planned."""
    visit = next((known for known in draft.state.visits if known.visit_id == visit_id), None)
    if visit is None or visit.status is not VisitStatus.PLANNED or draft.state.status in ENDED:
        return False
    draft.put_visit(visit.model_copy(update={"customer_reply": reply}))
    if text:
        draft.write(entry_id, "customer", text, by=VisitAnswered, author_id=author_id)
    draft.happened(VisitAnswered, draft.now, visit_id=visit_id)
    if reply == "other_window_wanted":
        wish = "other_window_wanted" if not text else f"other_window_wanted: {text}"
        draft.signal(Signal("order_changed", visit.work_order_id, visit_id, wish))
        draft.tell_contact_centre("other_window_wanted")
    else:
        draft.tell_contact_centre("visit_confirmed")
    return True
