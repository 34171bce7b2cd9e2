"""Tickets and messages for the unit tests of services/tickets."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.values import Decision, MessageReference, Silence, Ticket
from services.tickets.clocks.calendars import ALL_WEEK, BusinessCalendar
from services.tickets.tickets.domain import Identity, Request, open_ticket
from services.tickets.visits.conflicts import Told
from services.tickets.visits.domain import Ids
from shared.contracts.catalog import DeviceContract, DeviceState, Entitlement, Location, Site
from shared.contracts.inbound import (
    DispatchVisitCancelled,
    DispatchVisitMoved,
    DispatchVisitPlanned,
    EngineerVisitArrived,
    EngineerVisitReported,
    EngineerVisitTravelling,
    VisitMessage,
)

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SILENCE = Silence(warn_days=5, close_days=7)
REFERENCE = MessageReference(
    record_id="record-1", type="a.message.v1", topic="inbound.a", partition=0, offset=7, excerpt="{"
)
IDS = Ids(follow_up_work_order="order-2", message=REFERENCE)
AROUND_THE_CLOCK = BusinessCalendar(code="24x7", version=3, time_zone="Europe/Helsinki", week=ALL_WEEK)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def entitlement(**changes: object) -> Entitlement:
    given = {
        "level": "premium",
        "calendar": "24x7",
        "acknowledge_minutes": 30,
        "response_minutes": 240,
        "resolve_minutes": 480,
    }
    return Entitlement.model_validate({**given, **changes})


def device(**changes: object) -> DeviceState:
    given = {
        "device_id": "device-1",
        "serial": "LX-1",
        "model_id": "model-1",
        "model_name": "Lumen 40",
        "account_id": "account-1",
        "site": site("one"),
        "location": Location(floor="3"),
        "status_since": NOON - timedelta(days=100),
        "contract": DeviceContract(
            contract_line_id="line-1",
            number="C-1",
            valid_from=(NOON - timedelta(days=100)).date(),
            entitlement=entitlement(),
        ),
    }
    return DeviceState.model_validate({**given, **changes})


def site(name: str) -> Site:
    return Site(
        site_id=name,
        name=name,
        street=f"{name} street 1",
        postcode="00100",
        city="Helsinki",
        country="FI",
        time_zone="Europe/Helsinki",
    )


def opened(level: Entitlement | None = None) -> Decision:
    stands = device()
    assert stands.contract is not None
    contract = stands.contract.model_copy(update={"entitlement": level or entitlement()})
    return open_ticket(
        Request(description="It jams", language="en", error_code="E2-01"),
        identity=Identity("ticket-1", "T-1000100", "order-1", "user-1", None, "user-1", "portal"),
        device=stands,
        contract=contract,
        calendar=AROUND_THE_CLOCK,
        now=NOON,
    )


def draft(
    ticket: Ticket | None = None, *, after: float = 60, marks: Mapping[str, Mapping[str, object]] | None = None
) -> Draft:
    """A decision on a ticket, so many minutes after it was opened, with the marks beside it."""
    return Draft(ticket or opened().ticket, AROUND_THE_CLOCK, NOON + minutes(after), marks)


def message(
    told: Told,
    *,
    sequence: int = 1,
    after: float = 10,
    visit: str = "visit-1",
    order: str = "order-1",
    outcome: str = "resolved",
    window_after: float = 120,
) -> VisitMessage:
    """A message of the party that tells such things, dated so many minutes after the ticket was opened."""
    common = {"work_order_id": order, "visit_id": visit, "sequence": sequence, "occurred_at": NOON + minutes(after)}
    window = {"window_from": NOON + minutes(window_after), "window_to": NOON + minutes(window_after + 120)}
    match told:
        case Told.PLANNED:
            return DispatchVisitPlanned.model_validate({**common, **window, "external_id": "PL-1"})
        case Told.MOVED:
            return DispatchVisitMoved.model_validate({**common, **window})
        case Told.CANCELLED:
            return DispatchVisitCancelled.model_validate(common)
        case Told.TRAVELLING:
            return EngineerVisitTravelling.model_validate(common)
        case Told.ARRIVED:
            return EngineerVisitArrived.model_validate(common)
        case Told.REPORTED:
            words = {"symptom": "jams", "cause": "roller", "action": "replaced", "outcome": outcome}
            return EngineerVisitReported.model_validate({**common, **words})


def party_of(told: Told) -> str:
    return "dispatch" if told in (Told.PLANNED, Told.MOVED, Told.CANCELLED) else "engineer"
