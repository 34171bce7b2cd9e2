"""What each party is told about a ticket. Deny by default: every field is put there by hand."""

from collections.abc import Sequence
from datetime import datetime

from services.tickets.aggregate.values import Decision, Signal, Ticket, WorkOrder
from shared.contracts.base import Event
from shared.contracts.outbound import (
    CaseChanged,
    CaseEntry,
    CaseOpened,
    CaseState,
    JobSheetChanged,
    JobSheetIssued,
    JobSheetState,
    JobSheetWithdrawn,
    OnSiteContact,
    WorkOrderChanged,
    WorkOrderDevice,
    WorkOrderRequested,
    WorkOrderState,
    WorkOrderWithdrawn,
)
from shared.contracts.tickets import ClockKind, TicketState


def events_of(decision: Decision, contact: OnSiteContact | None) -> list[Event]:
    """Everything that one decision publishes: the public events, then dispatch's, the engineer's, the case."""
    events: list[Event] = list(decision.public_events)
    events += [told for signal in decision.signals if (told := _told(signal, decision.ticket, contact)) is not None]
    if decision.case_change == "opened":
        events.append(CaseOpened(case=case_state(decision.ticket), occurred_at=decision.ticket.state.opened_at))
    elif decision.case_change is not None:
        at = decision.happened[-1].at if decision.happened else decision.decided_at
        case, entries = case_state(decision.ticket), case_entries(decision)
        events.append(CaseChanged(case=case, occurred_at=at, change=decision.case_change, entries=entries))
    return events


def needs_contact(signals: Sequence[Signal]) -> bool:
    """Whether somebody is told whom to ask for on site."""
    return any(signal.kind not in ("order_withdrawn", "sheet_withdrawn") for signal in signals)


def _told(signal: Signal, ticket: Ticket, contact: OnSiteContact | None) -> Event | None:
    order = next((order for order in ticket.work_orders if order.work_order_id == signal.work_order_id), None)
    if order is None:
        return None
    match signal.kind:
        case "order_requested":
            return WorkOrderRequested(work_order=work_order_state(ticket.state, order, contact))
        case "order_changed":
            return WorkOrderChanged(work_order=work_order_state(ticket.state, order, contact), reason=signal.reason)
        case "order_withdrawn":
            return WorkOrderWithdrawn(work_order=work_order_state(ticket.state, order, None), reason=signal.reason)
        case "sheet_issued":
            return JobSheetIssued(job_sheet=job_sheet_state(ticket.state, order, signal.visit_id or "", contact))
        case "sheet_changed":
            return JobSheetChanged(job_sheet=job_sheet_state(ticket.state, order, signal.visit_id or "", contact))
        case "sheet_withdrawn":
            sheet = job_sheet_state(ticket.state, order, signal.visit_id or "", None)
            return JobSheetWithdrawn(job_sheet=sheet, reason=signal.reason)


def work_order_state(state: TicketState, order: WorkOrder, contact: OnSiteContact | None) -> WorkOrderState:
    return WorkOrderState(
        work_order_id=order.work_order_id,
        ticket_id=state.ticket_id,
        ticket_number=state.number,
        device=_device(state),
        site=state.site,
        location=state.location,
        contact=contact,
        symptom=order.symptom,
        error_code=state.error_code,
        impact=state.impact,
        target_arrival=_due(state, ClockKind.RESPONSE) or _due(state, ClockKind.RESOLVE),
    )


def job_sheet_state(
    state: TicketState, order: WorkOrder, visit_id: str, contact: OnSiteContact | None
) -> JobSheetState:
    visit = next((visit for visit in state.visits if visit.visit_id == visit_id), None)
    return JobSheetState(
        work_order_id=order.work_order_id,
        visit_id=visit_id,
        ticket_number=state.number,
        device=_device(state),
        site=state.site,
        location=state.location,
        contact=contact,
        symptom=order.symptom,
        error_code=state.error_code,
        window_from=visit.window_from if visit else None,
        window_to=visit.window_to if visit else None,
    )


def case_state(ticket: Ticket) -> CaseState:
    """The ticket for the contact centre."""
    state = ticket.state
    return CaseState(
        ticket_id=state.ticket_id,
        ticket_number=state.number,
        account_id=state.account_id,
        status=state.status,
        serial=state.device.serial,
        model_name=state.device.model_name,
        description=state.description,
        error_code=state.error_code,
        engineer_by=_due(state, ClockKind.RESPONSE),
        entry_count=state.entry_count + ticket.note_count,
        flag_count=ticket.flag_count,
        report=state.report,
    )


def case_entries(decision: Decision) -> tuple[CaseEntry, ...]:
    """What was written by one decision, internal notes and flags included."""
    entries = [
        CaseEntry(entry_id=entry.entry_id, at=entry.at, kind="public", author=entry.author, text=entry.text)
        for entry in decision.public_entries
    ]
    entries += [
        CaseEntry(entry_id=note.note_id, at=note.at, kind="internal", author=note.author, text=note.text)
        for note in decision.notes
    ]
    entries += [
        CaseEntry(entry_id=flag.message.record_id, at=flag.at, kind="flag", author=flag.party, text=flag.reason)
        for flag in decision.flags
    ]
    return tuple(entries)


def _device(state: TicketState) -> WorkOrderDevice:
    device = state.device
    return WorkOrderDevice(
        device_id=device.device_id,
        serial=device.serial,
        model_id=device.model_id,
        model_name=device.model_name,
        recent_error_codes=(state.error_code,) if state.error_code else (),
    )


def _due(state: TicketState, kind: ClockKind) -> datetime | None:
    return next((clock.due_at for clock in state.clocks if clock.kind == kind and clock.met_at is None), None)
