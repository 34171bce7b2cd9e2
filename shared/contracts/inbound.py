"""What the parties tell us. Nothing here is trusted: each topic has one owner who validates it, and all has a limit."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from shared.contracts.base import Contract, Event
from shared.contracts.catalog import Entitlement, Location, Site
from shared.contracts.identity import Link, Role
from shared.contracts.tickets import ENTRY_LIMIT, Part

LARGEST_COUNT = 2**53
"""Beyond it readers of JSON that count in floating point go wrong."""

FIRST_YEAR, LAST_YEAR = 2000, 2199
MOST_ITEMS = 100


def _printable(text: str) -> str:
    if any((sign < " " and sign not in "\t\n\r") or sign == "\x7f" for sign in text):
        raise ValueError("must not hold control characters")
    return text


def _of_our_time(at: datetime) -> datetime:
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"must be between the years {FIRST_YEAR} and {LAST_YEAR}")
    return at


Id = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Short = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Text = Annotated[str, Field(max_length=ENTRY_LIMIT), AfterValidator(_printable)]
Words = Annotated[str, Field(min_length=1, max_length=ENTRY_LIMIT), AfterValidator(_printable)]
Language = Annotated[str, Field(min_length=2, max_length=35), AfterValidator(_printable)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Counter = Annotated[int, Field(ge=-LARGEST_COUNT, le=LARGEST_COUNT)]
Moment = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
CounterName = Annotated[str, Field(max_length=60, pattern=r"^[^$.\x00-\x1f][^.\x00-\x1f]*$")]
"""A counter's name becomes a field of documents."""


class VisitMessage(Event):
    """`sequence` counts per party and visit, from 1; an older one never overwrites a newer state."""

    work_order_id: Id
    visit_id: Id
    sequence: Count
    occurred_at: Moment


class DispatchMessage(VisitMessage):
    topic: ClassVar[str] = "inbound.dispatch"


class DispatchVisitPlanned(DispatchMessage):
    type: ClassVar[str] = "dispatch.visit.planned.v1"
    window_from: Moment
    window_to: Moment
    external_id: Short | None = None


class DispatchVisitMoved(DispatchMessage):
    type: ClassVar[str] = "dispatch.visit.moved.v1"
    window_from: Moment
    window_to: Moment
    reason: Text | None = None


class DispatchVisitCancelled(DispatchMessage):
    type: ClassVar[str] = "dispatch.visit.cancelled.v1"
    reason: Text | None = None


class EngineerMessage(VisitMessage):
    topic: ClassVar[str] = "inbound.engineer"


class EngineerVisitTravelling(EngineerMessage):
    type: ClassVar[str] = "engineer.visit.travelling.v1"
    expected_at: Moment | None = None


class EngineerVisitArrived(EngineerMessage):
    type: ClassVar[str] = "engineer.visit.arrived.v1"


class EngineerVisitReported(EngineerMessage):
    type: ClassVar[str] = "engineer.visit.reported.v1"
    symptom: Text
    cause: Text
    action: Text
    parts: tuple[Part, ...] = Field(default=(), max_length=MOST_ITEMS)
    counters: dict[CounterName, Counter] = Field(default_factory=dict, max_length=MOST_ITEMS)
    outcome: Literal["resolved", "follow_up", "parts_needed"]
    advice: Text | None = None


class ContactCentreMessage(Event):
    topic: ClassVar[str] = "inbound.contact-centre"
    occurred_at: Moment
    agent: Short | None = Field(
        default=None, description="the agent's name in the CRM; not shown where the country wants the team's"
    )


class ContactCentreTicketOpened(ContactCentreMessage):
    """A call, written down by an agent; the key of the record is `case_id`."""

    type: ClassVar[str] = "contact-centre.ticket.opened.v1"
    case_id: Id
    serial: Name
    description: Words
    language: Language = "en"
    error_code: Short | None = None
    impact: Literal["down", "impaired", "question"] = "impaired"
    on_behalf_of: Id | None = Field(default=None, description="user id of the caller, where he has a login")
    own_reference: Short | None = None


class ContactCentreTicketMessage(ContactCentreMessage):
    ticket_id: Id


class ContactCentreTicketAcknowledged(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.acknowledged.v1"
    case_id: Id | None = None


class ContactCentreTicketReplied(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.replied.v1"
    reply_id: Id
    audience: Literal["public", "internal"]
    text: Words
    language: Language | None = None
    waiting_for_customer: bool = False


class ContactCentreTicketDecided(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.decided.v1"
    decision: Literal["accepted", "refused"]
    text: Text | None = None


class ContactCentreTicketResolved(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.resolved.v1"
    text: Text | None = None


class ContactCentreTicketClosed(ContactCentreTicketMessage):
    type: ClassVar[str] = "contact-centre.ticket.closed.v1"
    text: Text | None = None


class RightGiven(Contract):
    account_ref: Id
    role: Role
    whole: bool = True


class BackOfficeMessage(Event):
    """A master record of the ERP, keyed by its `ref`; `revision` grows with each change there."""

    ref: Id
    revision: Count
    occurred_at: Moment


class BackOfficeAccountUpdated(BackOfficeMessage):
    topic: ClassVar[str] = "inbound.back-office.accounts"
    type: ClassVar[str] = "back-office.account.updated.v1"
    name: Name
    parent_ref: Id | None = None
    billing_number: Name
    service_number: Name
    country: str = Field(pattern="^[A-Z]{2}$")
    language: Language


class BackOfficeUserUpdated(BackOfficeMessage):
    topic: ClassVar[str] = "inbound.back-office.accounts"
    type: ClassVar[str] = "back-office.user.updated.v1"
    first_name: Name
    last_name: Name
    email: str = Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")
    phone: Short | None = None
    country: str = Field(pattern="^[A-Z]{2}$")
    language: Language
    time_zone: Name
    rights: tuple[RightGiven, ...] = Field(default=(), max_length=1_000)


class BackOfficeModelUpdated(BackOfficeMessage):
    topic: ClassVar[str] = "inbound.back-office.fleet"
    type: ClassVar[str] = "back-office.model.updated.v1"
    name: Name
    counters: tuple[Name, ...] = Field(default=("total",), max_length=MOST_ITEMS)
    consumables: tuple[Name, ...] = Field(default=(), max_length=MOST_ITEMS)
    error_family: Short | None = None
    links: tuple[Link, ...] = Field(default=(), max_length=MOST_ITEMS)


class BackOfficeDeviceUpdated(BackOfficeMessage):
    """`seen_version` is the device's version that the ERP had seen: a stale record never undoes a newer site."""

    topic: ClassVar[str] = "inbound.back-office.fleet"
    type: ClassVar[str] = "back-office.device.updated.v1"
    serial: Annotated[Name, Field(max_length=40)]
    model_ref: Id
    account_ref: Id
    site: Site
    location: Location = Location()
    own_name: Short | None = None
    own_number: Short | None = None
    status: Literal["installed", "removed"] = "installed"
    seen_version: int | None = Field(default=None, ge=0, le=LARGEST_COUNT)


class BackOfficeContractUpdated(BackOfficeMessage):
    topic: ClassVar[str] = "inbound.back-office.fleet"
    type: ClassVar[str] = "back-office.contract.updated.v1"
    number: Name
    account_ref: Id
    device_ref: Id
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
