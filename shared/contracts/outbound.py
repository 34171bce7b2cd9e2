"""What each party receives. Deny by default: a field is there because that party needs it."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.base import Contract, Event
from shared.contracts.catalog import Location, Site
from shared.contracts.tickets import ENTRY_LIMIT, ReportState, TicketStatus


class OnSiteContact(Contract):
    """Whom the engineer asks for. Personal data: only in the topics of parties that travel to him."""

    name: str
    phone: str | None = None


class WorkOrderDevice(Contract):
    device_id: str
    serial: str
    model_id: str
    model_name: str
    recent_error_codes: tuple[str, ...] = ()
    counters: dict[str, int] = Field(default_factory=dict)
    supply_levels: dict[str, int] = Field(default_factory=dict)


class WorkOrderState(Contract):
    """What dispatch plans. Never credit, payment or other tickets."""

    work_order_id: str
    ticket_id: str
    ticket_number: str
    device: WorkOrderDevice
    site: Site
    location: Location
    contact: OnSiteContact | None = None
    symptom: str
    error_code: str | None = None
    impact: Literal["down", "impaired", "question"]
    target_arrival: AwareDatetime | None = None
    skills: tuple[str, ...] = ()


class WorkOrderEvent(Event):
    topic: ClassVar[str] = "outbound.dispatch"
    work_order: WorkOrderState


class WorkOrderRequested(WorkOrderEvent):
    type: ClassVar[str] = "dispatch.work-order.requested.v1"


class WorkOrderChanged(WorkOrderEvent):
    type: ClassVar[str] = "dispatch.work-order.changed.v1"
    reason: str


class WorkOrderWithdrawn(WorkOrderEvent):
    type: ClassVar[str] = "dispatch.work-order.withdrawn.v1"
    reason: str


class JobSheetState(Contract):
    """What the engineer takes along."""

    work_order_id: str
    visit_id: str
    ticket_number: str
    device: WorkOrderDevice
    site: Site
    location: Location
    contact: OnSiteContact | None = None
    symptom: str
    error_code: str | None = None
    window_from: AwareDatetime | None = None
    window_to: AwareDatetime | None = None


class JobSheetEvent(Event):
    topic: ClassVar[str] = "outbound.engineer"
    job_sheet: JobSheetState


class JobSheetIssued(JobSheetEvent):
    type: ClassVar[str] = "engineer.job-sheet.issued.v1"


class JobSheetChanged(JobSheetEvent):
    type: ClassVar[str] = "engineer.job-sheet.changed.v1"


class JobSheetWithdrawn(JobSheetEvent):
    type: ClassVar[str] = "engineer.job-sheet.withdrawn.v1"
    reason: str


class CaseEntry(Contract):
    """An entry of either kind: only staff read cases."""

    entry_id: str
    at: AwareDatetime
    kind: Literal["public", "internal", "flag"]
    author: str
    text: str = Field(max_length=ENTRY_LIMIT)


class CaseState(Contract):
    """The ticket as the contact centre's CRM keeps it; its entries come one by one, with the changes."""

    ticket_id: str
    ticket_number: str
    account_id: str
    status: TicketStatus
    serial: str
    model_name: str
    description: str
    error_code: str | None = None
    engineer_by: AwareDatetime | None = None
    entry_count: int = Field(default=0, description="of public and internal entries")
    flag_count: int = Field(default=0, description="messages that contradicted the ticket")
    report: ReportState | None = None


class CaseEvent(Event):
    topic: ClassVar[str] = "outbound.contact-centre"
    case: CaseState
    occurred_at: AwareDatetime


class CaseOpened(CaseEvent):
    type: ClassVar[str] = "contact-centre.case.opened.v1"


class CaseChanged(CaseEvent):
    type: ClassVar[str] = "contact-centre.case.changed.v1"
    change: str
    entries: tuple[CaseEntry, ...] = Field(default=(), description="those that came with this change, in order")


class ChangeRequested(Event):
    """A customer's change or request for the ERP to take over; it echoes `version` in its next master record."""

    topic: ClassVar[str] = "outbound.back-office"
    type: ClassVar[str] = "back-office.change.requested.v1"
    subject: Literal["account", "device", "ticket"]
    subject_id: str
    version: int
    change: dict[str, str | None]
    occurred_at: AwareDatetime


EVENTS: tuple[type[Event], ...] = (
    WorkOrderRequested,
    WorkOrderChanged,
    WorkOrderWithdrawn,
    JobSheetIssued,
    JobSheetChanged,
    JobSheetWithdrawn,
    CaseOpened,
    CaseChanged,
    ChangeRequested,
)
