"""What the parties tell us. Nothing here is trusted: each topic has one owner who validates it, and all has a limit."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.contracts.base import FIRST_YEAR, LAST_YEAR, TEXT_BROKEN, Contract, Event, is_broken
from shared.contracts.catalog import Entitlement, Location, Site
from shared.contracts.identity import Link, Role
from shared.contracts.texts import cleaned_all, one_line
from shared.contracts.tickets import ENTRY_LIMIT, Part

MOST_ITEMS = 100


Id = Annotated[str, Field(min_length=1, max_length=64)]
Short = Annotated[str, Field(max_length=200), AfterValidator(one_line)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
Text = Annotated[str, Field(max_length=ENTRY_LIMIT)]
Words = Annotated[str, Field(min_length=1, max_length=ENTRY_LIMIT)]
Language = Annotated[str, Field(min_length=2, max_length=35)]
Count = Annotated[int, Field(ge=1)]
CounterName = Annotated[str, Field(max_length=60, pattern=r"^[^$.\x00-\x1f][^.\x00-\x1f]*$")]
"""A counter's name becomes a field of documents."""

Place = tuple[int | str, ...]

LARGEST_NUMBER = 2**63 - 1
NO_END_YEAR = 9999
"""Master systems write "no end" as a day in the last year of the calendar."""

NUMBER_TOO_LARGE = PydanticCustomError("number_too_large", "must lie between -2^63 and 2^63 - 1")
YEAR_OUT_OF_RANGE = PydanticCustomError(
    "year_out_of_range", f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}, or as a day without end in {NO_END_YEAR}"
)


LONGEST_INSIDE = 1_000
"""Of a text within a part of a message: links, parts, entitlements. Fields of the message itself have their own."""

LONGEST_OF_PLACES, LONGER = 200, {"opening_hours": 500, "access_notes": 1_000}
NAMED = ("site_id", "name", "street", "postcode", "city", "country", "time_zone")
TEXT_TOO_LONG = PydanticCustomError("string_too_long", "is longer than may be kept")
TEXT_MISSING = PydanticCustomError("string_too_short", "must not be empty")


class PartyMessage(Event):
    """What a party tells us can be kept as it is told: numbers, moments and texts at any depth are within bounds.

    Texts are cleaned before they are counted.
    """

    @model_validator(mode="before")
    @classmethod
    def _cleaned(cls, value: Any) -> Any:
        return cleaned_all(value)

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        broken = [InitErrorDetails(type=rule, loc=place, input=None) for place, rule in _broken((), self)]
        if broken:
            raise ValidationError.from_exception_data(type(self).__name__, broken)
        return self


def _broken(place: Place, value: Any) -> Iterator[tuple[Place, PydanticCustomError]]:
    """The rules that a value breaks, with the place of each."""
    match value:
        case str() if is_broken(value):
            yield place, TEXT_BROKEN
        case str() if len(place) > 1 and len(value) > LONGEST_INSIDE:
            yield place, TEXT_TOO_LONG
        case Site() | Location():
            for name, part in value:
                if isinstance(part, str) and len(part) > LONGER.get(name, LONGEST_OF_PLACES):
                    yield (*place, name), TEXT_TOO_LONG
                elif part == "" and name in NAMED:
                    yield (*place, name), TEXT_MISSING
                yield from _broken((*place, name), part)
        case int() if not -LARGEST_NUMBER - 1 <= value <= LARGEST_NUMBER:
            yield place, NUMBER_TOO_LARGE
        case datetime() if not FIRST_YEAR <= value.year <= LAST_YEAR:
            yield place, YEAR_OUT_OF_RANGE
        case date() if not FIRST_YEAR <= value.year <= NO_END_YEAR:
            yield place, YEAR_OUT_OF_RANGE
        case BaseModel():
            for name, part in value:
                yield from _broken((*place, name), part)
        case dict():
            for name, part in value.items():
                yield from _broken(place, name)
                yield from _broken((*place, name), part)
        case tuple():
            for number, part in enumerate(value):
                yield from _broken((*place, number), part)


class VisitMessage(PartyMessage):
    """`sequence` counts per party and visit, from 1; an older one never overwrites a newer state."""

    work_order_id: Id
    visit_id: Id
    sequence: Count
    occurred_at: AwareDatetime


class DispatchMessage(VisitMessage):
    topic: ClassVar[str] = "inbound.dispatch"


class DispatchVisitPlanned(DispatchMessage):
    type: ClassVar[str] = "dispatch.visit.planned.v1"
    window_from: AwareDatetime
    window_to: AwareDatetime
    external_id: Short | None = None


class DispatchVisitMoved(DispatchMessage):
    type: ClassVar[str] = "dispatch.visit.moved.v1"
    window_from: AwareDatetime
    window_to: AwareDatetime
    reason: Text | None = None


class DispatchVisitCancelled(DispatchMessage):
    type: ClassVar[str] = "dispatch.visit.cancelled.v1"
    reason: Text | None = None


class EngineerMessage(VisitMessage):
    topic: ClassVar[str] = "inbound.engineer"


class EngineerVisitTravelling(EngineerMessage):
    type: ClassVar[str] = "engineer.visit.travelling.v1"
    expected_at: AwareDatetime | None = None


class EngineerVisitArrived(EngineerMessage):
    type: ClassVar[str] = "engineer.visit.arrived.v1"


class EngineerVisitReported(EngineerMessage):
    type: ClassVar[str] = "engineer.visit.reported.v1"
    symptom: Text
    cause: Text
    action: Text
    parts: tuple[Part, ...] = Field(default=(), max_length=MOST_ITEMS)
    counters: dict[CounterName, int] = Field(default_factory=dict, max_length=MOST_ITEMS)
    outcome: Literal["resolved", "follow_up", "parts_needed"]
    advice: Text | None = None


class ContactCentreMessage(PartyMessage):
    topic: ClassVar[str] = "inbound.contact-centre"
    occurred_at: AwareDatetime
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


class BackOfficeMessage(PartyMessage):
    """A master record of the ERP, keyed by its `ref`; `revision` grows with each change there."""

    ref: Id
    revision: Count
    occurred_at: AwareDatetime


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
    seen_version: int | None = Field(default=None, ge=0)


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
