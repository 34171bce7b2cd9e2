"""The lines of a ticket's timeline: one for each public event, note and flag, written with the change that made it.

They stand beside the ticket, without end. A line's id follows from the ticket's version, so that one write has one set
of lines however often it is moved, and lines of one moment keep their order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.tickets.aggregate.values import Decision
from shared.contracts.base import Event
from shared.contracts.tickets import TicketEvent, TicketFlagged, VisitReported
from shared.outbox import Cause, Row

ENTRIES = "entries"
MARKS = "marks"
WORK_ORDERS = "work_orders"

OUTBOUND = "outbound."
CONTACT_CENTRE = "contact-centre"

NOTE = "note"
FLAG = "flag"

Line = dict[str, Any]


def rows_of(decision: Decision, events: Sequence[Event], *, version: int, cause: Cause) -> list[Row]:
    """What a decision keeps beside the ticket, which is at `version` before it: lines, marks, places of orders."""
    ticket_id = decision.ticket.state.ticket_id
    told = {party: place["sequence"] for party, place in told_to(events, version=version).items()}
    common = {"ticket_id": ticket_id, "told": told, "own": own_party(cause)}
    rows = [
        Row(ENTRIES, f"{ticket_id}/{version:010d}.{number:02d}", {**common, **line})
        for number, line in enumerate(_lines(decision, cause))
    ]
    rows += [
        Row(MARKS, mark.mark_id, {"ticket_id": ticket_id, "at": decision.decided_at, **mark.facts})
        for mark in decision.marks
    ]
    rows += [Row(WORK_ORDERS, order_id, {"ticket_id": ticket_id}) for order_id in decision.new_orders]
    return rows


def told_to(
    events: Sequence[Event], *, version: int, own: str | None = None, at: datetime | None = None
) -> dict[str, dict[str, Any]]:
    """The last event for each party among those that follow a version: its type and its sequence.

    To the party whose own act it is, it is no news: it has seen it at that moment.
    """
    told: dict[str, dict[str, Any]] = {
        event.topic.removeprefix(OUTBOUND): {"type": event.type, "sequence": sequence}
        for sequence, event in enumerate(events, start=version + 1)
        if event.topic.startswith(OUTBOUND)
    }
    if own in told:
        told[own]["own_at"] = at
    return told


def own_party(cause: Cause) -> str | None:
    """The party whose act a change is: who sent the message, and the contact centre for the desk and for calls."""
    if cause.channel in ("desk", "phone"):
        return CONTACT_CENTRE
    return cause.actor if cause.channel == "event" else None


def _lines(decision: Decision, cause: Cause) -> list[Line]:
    by = {"actor": cause.actor, "channel": cause.channel}
    lines: list[Line] = [
        {
            "at": event.occurred_at,
            "type": event.type,
            "internal": False,
            **by,
            "text": event.entry.text if event.entry else None,
            "data": _data(event),
        }
        for event in decision.public_events
        # Who is told of a contradiction is the desk: by the flag below.
        if not isinstance(event, TicketFlagged)
    ]
    lines += [
        {"at": note.at, "type": NOTE, "internal": True, **by, "actor": note.author, "text": note.text, "data": {}}
        for note in decision.notes
    ]
    lines += [
        {
            "at": flag.at,
            "type": FLAG,
            "internal": True,
            **by,
            "actor": flag.party,
            "text": flag.reason,
            "data": flag.message.model_dump(),
        }
        for flag in decision.flags
    ]
    return lines


def _data(event: TicketEvent) -> Mapping[str, Any]:
    """What the event is about, as it was then."""
    state = event.ticket
    data: dict[str, Any] = {"status": state.status}
    visit_id = getattr(event, "visit_id", None)
    if visit_id is not None:
        visit = next((visit for visit in state.visits if visit.visit_id == visit_id), None)
        data["visit"] = visit.model_dump() if visit else None
    kind = getattr(event, "clock", None)
    if kind is not None:
        clock = next((clock for clock in state.clocks if clock.kind is kind), None)
        data["clock"] = clock.model_dump(exclude={"pauses"}) if clock else None
    if isinstance(event, VisitReported) and state.report:
        data["report"] = state.report.model_dump()
    return data
