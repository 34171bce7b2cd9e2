"""What the parties tell us. Nothing here is trusted: each topic has one owner who validates it."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.base import Contract, Event
from shared.contracts.catalog import Entitlement, Location, Site
from shared.contracts.identity import Link, Role
from shared.contracts.tickets import Part


class VisitMessage(Event):
    """`sequence` counts per party and visit, from 1; an older one never overwrites a newer state."""

    work_order_id: str = Field(min_length=1)
    visit_id: str = Field(min_length=1, max_length=64)
    sequence: int = Field(ge=1)
    occurred_at: AwareDatetime


class DispatchMessage(VisitMessage):
    topic: ClassVar[str] = "inbound.dispatch"


class DispatchVisitPlanned(DispatchMessage):
    type: ClassVar[str] = "dispatch.visit.planned.v1"
    window_from: AwareDatetime
    window_to: AwareDatetime
    external_id: str | None = None


class DispatchVisitMoved(DispatchMessage):
    type: ClassVar[str] = "dispatch.visit.moved.v1"
    window_from: AwareDatetime
    window_to: AwareDatetime
    reason: str | None = None


class DispatchVisitCancelled(DispatchMessage):
    type: ClassVar[str] = "dispatch.visit.cancelled.v1"
    reason: str | None = None


class EngineerMessage(VisitMessage):
    topic: ClassVar[str] = "inbound.engineer"


class EngineerVisitTravelling(EngineerMessage):
    type: ClassVar[str] = "engineer.visit.travelling.v1"
    expected_at: AwareDatetime | None = None


class EngineerVisitArrived(EngineerMessage):
    type: ClassVar[str] = "engineer.visit.arrived.v1"


class EngineerVisitReported(EngineerMessage):
    type: ClassVar[str] = "engineer.visit.reported.v1"
    symptom: str
    cause: str
    action: str
    parts: tuple[Part, ...] = ()
    counters: dict[str, int] = Field(default_factory=dict)
    outcome: Literal["resolved", "follow_up", "parts_needed"]
    advice: str | None = None


class ContactCentreMessage(Event):
    topic: ClassVar[str] = "inbound.contact-centre"
    occurred_at: AwareDatetime
    agent: str | None = Field(
        default=None, description="the agent's name in the CRM; not shown where the country wants the team's"
    )


class ContactCentreTicketOpened(ContactCentreMessage):
    """A call, written down by an agent; the key of the record is `case_id`."""

    type: ClassVar[str] = "contact-centre.ticket.opened.v1"
    case_id: str = Field(min_length=1, max_length=64)
    serial: str = Field(min_length=1)
    description: str = Field(min_length=1, max_length=10_000)
    language: str = "en"
    error_code: str | None = None
    impact: Literal["down", "impaired", "question"] = "impaired"
    on_behalf_of: str | None = Field(default=None, description="user id of the caller, where he has a login")
    own_reference: str | None = None


class ContactCentreTicketMessage(ContactCentreMessage):
    ticket_id: str = Field(min_length=1)


class ContactCentreTicketAcknowledged(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.acknowledged.v1"
    case_id: str | None = None


class ContactCentreTicketReplied(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.replied.v1"
    reply_id: str = Field(min_length=1, max_length=64)
    audience: Literal["public", "internal"]
    text: str = Field(min_length=1, max_length=10_000)
    language: str | None = None
    waiting_for_customer: bool = False


class ContactCentreTicketDecided(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.decided.v1"
    decision: Literal["accepted", "refused"]
    text: str | None = None


class ContactCentreTicketResolved(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.resolved.v1"
    text: str | None = None


class ContactCentreTicketClosed(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.closed.v1"
    text: str | None = None


class RightGiven(Contract):
    account_ref: str
    role: Role
    whole: bool = True


class BackOfficeMessage(Event):
    """A master record of the ERP, keyed by its `ref`; `revision` grows with each change there."""

    ref: str = Field(min_length=1, max_length=64)
    revision: int = Field(ge=1)
    occurred_at: AwareDatetime


class BackOfficeAccountUpdated(BackOfficeMessage):
    topic: ClassVar[str] = "inbound.back-office.accounts"
    type: ClassVar[str] = "back-office.account.updated.v1"
    name: str = Field(min_length=1)
    parent_ref: str | None = None
    billing_number: str = Field(min_length=1)
    service_number: str = Field(min_length=1)
    country: str = Field(pattern="^[A-Z]{2}$")
    language: str


class BackOfficeUserUpdated(BackOfficeMessage):
    topic: ClassVar[str] = "inbound.back-office.accounts"
    type: ClassVar[str] = "back-office.user.updated.v1"
    first_name: str
    last_name: str
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    phone: str | None = None
    country: str = Field(pattern="^[A-Z]{2}$")
    language: str
    time_zone: str
    rights: tuple[RightGiven, ...] = ()


class BackOfficeModelUpdated(BackOfficeMessage):
    topic: ClassVar[str] = "inbound.back-office.fleet"
    type: ClassVar[str] = "back-office.model.updated.v1"
    name: str
    counters: tuple[str, ...] = ("total",)
    consumables: tuple[str, ...] = ()
    error_family: str | None = None
    links: tuple[Link, ...] = ()


class BackOfficeDeviceUpdated(BackOfficeMessage):
    """`seen_version` is the device's version that the ERP had seen: a stale record never undoes a newer site."""

    topic: ClassVar[str] = "inbound.back-office.fleet"
    type: ClassVar[str] = "back-office.device.updated.v1"
    serial: str = Field(min_length=1, max_length=40)
    model_ref: str
    account_ref: str
    site: Site
    location: Location = Location()
    own_name: str | None = None
    own_number: str | None = None
    status: Literal["installed", "removed"] = "installed"
    seen_version: int | None = None


class BackOfficeContractUpdated(BackOfficeMessage):
    topic: ClassVar[str] = "inbound.back-office.fleet"
    type: ClassVar[str] = "back-office.contract.updated.v1"
    number: str
    account_ref: str
    device_ref: str
    valid_from: date
    valid_until: date | None = None
    entitlement: Entitlement


EVENTS: tuple[type[Event], ...] = (
    DispatchVisitPlanned,
    DispatchVisitMoved,
    DispatchVisitCancelled,
    EngineerVisitTravelling,
    EngineerVisitArrived,
    EngineerVisitReported,
    ContactCentreTicketOpened,
    ContactCentreTicketAcknowledged,
    ContactCentreTicketReplied,
    ContactCentreTicketDecided,
    ContactCentreTicketResolved,
    ContactCentreTicketClosed,
    BackOfficeAccountUpdated,
    BackOfficeUserUpdated,
    BackOfficeModelUpdated,
    BackOfficeDeviceUpdated,
    BackOfficeContractUpdated,
)
