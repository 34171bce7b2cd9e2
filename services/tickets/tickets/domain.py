"""Opening a ticket, and what people do to it. Pure: ids and the time are passed in."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from services.tickets.aggregate.closing import close, scheduled
from services.tickets.aggregate.draft import Draft, clock_state
from services.tickets.aggregate.states import ENDED, WORK_REMAINS, Action, next_status
from services.tickets.aggregate.values import Decision, Happened, Signal, Silence, Ticket, WorkOrder
from services.tickets.clocks import domain as clocks
from services.tickets.clocks.business_time import next_open
from services.tickets.clocks.calendars import BusinessCalendar
from shared.contracts.catalog import DeviceContract, DeviceState, DeviceStatus, Location
from shared.contracts.tickets import (
    ClockKind,
    PromiseState,
    TicketAcknowledged,
    TicketCancelled,
    TicketDevice,
    TicketOpened,
    TicketReopened,
    TicketResolved,
    TicketState,
    TicketStatus,
    TicketStatusChanged,
    TicketUpdated,
    VisitCancelled,
    VisitStatus,
)

Channel = Literal["portal", "phone", "api", "remote_link"]
Impact = Literal["down", "impaired", "question"]

MOST_OPEN_ORDERS = 20
"""More visits than that are not asked for at a time."""


class Request(NamedTuple):
    """What the customer writes; everything else the server adds."""

    description: str
    language: str
    error_code: str | None = None
    impact: Impact = "impaired"
    own_reference: str | None = None
    location_note: str | None = None


class Identity(NamedTuple):
    """Who a new ticket is and who opened it."""

    ticket_id: str
    number: str
    work_order_id: str
    opened_by: str | None
    on_behalf_of: str | None
    contact_user_id: str | None
    channel: Channel


class Refusal(NamedTuple):
    """Why a device is not served: the rule, and the date that decided."""

    reason: Literal["device_removed", "no_contract", "contract_not_yet_valid", "contract_ended"]
    on: date | None = None


def entitlement_refusal(device: DeviceState, now: datetime) -> Refusal | None:
    """None when a contract line is valid today, judged on the local day of the site (CAT-7)."""
    today = now.astimezone(ZoneInfo(device.site.time_zone)).date()
    contract = device.contract
    if device.status is DeviceStatus.REMOVED:
        return Refusal("device_removed", device.status_since.date())
    if contract is None:
        return Refusal("no_contract")
    if today < contract.valid_from:
        return Refusal("contract_not_yet_valid", contract.valid_from)
    if contract.valid_until is not None and today > contract.valid_until:
        return Refusal("contract_ended", contract.valid_until)
    return None


CLOCKS_OF_A_QUESTION: frozenset[clocks.ClockKind] = frozenset({"acknowledge", "resolve"})
"""Nobody sets off for a question: it is taken up and answered within the same times as a fault."""


def clocks_of(impact: Impact) -> frozenset[clocks.ClockKind]:
    return CLOCKS_OF_A_QUESTION if impact == "question" else clocks.CLOCK_KINDS


def promise(
    contract: DeviceContract, calendar: BusinessCalendar, site_zone: str, now: datetime, impact: Impact = "impaired"
) -> PromiseState:
    """What a customer who reports this now is told, to be read in the site's time zone. Raises CalendarNeverOpens."""
    told = clocks.promise(contract.entitlement, calendar, now, clocks_of(impact))
    return PromiseState(
        work_starts_at=told.work_starts_at,
        acknowledge_by=told.acknowledge_by,
        engineer_by=told.engineer_by,
        resolve_by=told.resolve_by,
        time_zone=site_zone,
    )


def open_ticket(
    request: Request,
    *,
    identity: Identity,
    device: DeviceState,
    contract: DeviceContract,
    calendar: BusinessCalendar,
    now: datetime,
    external_ids: dict[str, str] | None = None,
) -> Decision:
    """A fault on an entitled device: the ticket with its promise, and the order for a visit (TIC-2, TIC-3).

    A question is answered by the contact centre; nobody is sent. Raises CalendarNeverOpens.
    """
    running = clocks.start_clocks(contract.entitlement, calendar, now, clocks_of(request.impact))
    is_visited = request.impact != "question"
    due = {clock.kind: clock.due_at for clock in running}
    location = device.location
    if request.location_note:
        location = Location(**{**location.model_dump(), "note": request.location_note})
    state = TicketState(
        ticket_id=identity.ticket_id,
        number=identity.number,
        status=TicketStatus.RECEIVED,
        account_id=device.account_id,
        device=TicketDevice(
            device_id=device.device_id,
            serial=device.serial,
            model_id=device.model_id,
            model_name=device.model_name,
            own_name=device.own_name,
        ),
        group_ids=device.group_ids,
        site=device.site,
        location=location,
        contact_user_id=identity.contact_user_id,
        opened_by=identity.opened_by,
        on_behalf_of=identity.on_behalf_of,
        channel=identity.channel,
        own_reference=request.own_reference,
        description=request.description,
        language=request.language,
        error_code=request.error_code,
        impact=request.impact,
        entitlement=contract.entitlement,
        contract_line_id=contract.contract_line_id,
        promise=PromiseState(
            work_starts_at=next_open(calendar, now),
            acknowledge_by=due.get("acknowledge"),
            engineer_by=due.get("response"),
            resolve_by=due.get("resolve"),
            time_zone=device.site.time_zone,
        ),
        clocks=tuple(clock_state(clock) for clock in running),
        work_order_id=identity.work_order_id if is_visited else None,
        external_ids=external_ids or {},
        opened_at=now,
        status_since=now,
    )
    happened = [Happened(TicketOpened, now, {})]
    if not is_visited:
        return Decision(Ticket(state=state), now, happened, case_change="opened")
    order = WorkOrder(work_order_id=identity.work_order_id, requested_at=now, symptom=request.description)
    return Decision(
        Ticket(state=state, work_orders=(order,), order_count=1),
        now,
        happened,
        [Signal("order_requested", identity.work_order_id)],
        "opened",
        new_orders=[identity.work_order_id],
    )


def acknowledge(draft: Draft, at: datetime) -> None:
    """Somebody took notice. Told late, it still counts from its own time."""
    draft.meet(ClockKind.ACKNOWLEDGE, at)
    if draft.act(Action.ACKNOWLEDGE, at):
        draft.happened(TicketAcknowledged, at)
        draft.tell_contact_centre("acknowledged")


def imply_acknowledgement(draft: Draft, at: datetime) -> None:
    """Whoever acts on a ticket has taken notice of it."""
    draft.meet(ClockKind.ACKNOWLEDGE, at)


def customer_writes(draft: Draft, entry_id: str, author_id: str | None, text: str, language: str | None) -> bool:
    """A customer's entry: it reopens a resolved ticket and ends waiting for him. False on a ticket that has ended."""
    if draft.state.status in ENDED:
        return False
    draft.write(entry_id, "customer", text, author_id=author_id, language=language)
    draft.happened(TicketUpdated, draft.now)
    if draft.state.status is TicketStatus.RESOLVED:
        reopen(draft)
        draft.tell_contact_centre("reopened")
    elif draft.state.status is TicketStatus.WAITING_FOR_CUSTOMER and draft.act(Action.CONTINUE, draft.now):
        draft.happened(TicketStatusChanged, draft.now)
    draft.tell_contact_centre("customer_wrote")
    return True


def team_writes(draft: Draft, entry_id: str, text: str, language: str | None, *, waiting: bool = False) -> bool:
    """The team's public entry, without the agent's name. False on a ticket that has ended."""
    if draft.state.status in ENDED:
        return False
    imply_acknowledgement(draft, draft.now)
    draft.write(entry_id, "team", text, language=language)
    draft.happened(TicketUpdated, draft.now)
    if waiting and draft.act(Action.WAIT_FOR_CUSTOMER, draft.now):
        draft.happened(TicketStatusChanged, draft.now)
    draft.tell_contact_centre("team_wrote")
    return True


def wait(draft: Draft, for_what: Literal["customer", "parts"], at: datetime) -> bool:
    """The ticket waits; the contract says which clocks stand still meanwhile."""
    action = Action.WAIT_FOR_CUSTOMER if for_what == "customer" else Action.WAIT_FOR_PARTS
    if not draft.act(action, at):
        return False
    imply_acknowledgement(draft, at)
    draft.happened(TicketStatusChanged, at)
    draft.tell_contact_centre(f"waiting_for_{for_what}")
    return True


def resolve(draft: Draft, at: datetime, silence: Silence) -> bool:
    """The fault is gone since `at`. Visits nobody has set off for are called off, their order is withdrawn."""
    if draft.state.status is TicketStatus.RESOLVED or not draft.act(Action.RESOLVE, at):
        return False
    imply_acknowledgement(draft, at)
    draft.meet(ClockKind.RESOLVE, at)
    # Nobody comes any more: a visit that was contracted no longer matters, unless it is told late.
    draft.stop(at, ClockKind.RESPONSE)
    draft.show(resolved_at=at)
    draft.keep(closing=scheduled(draft.now, silence))
    withdraw_orders(draft, at, "resolved")
    draft.happened(TicketResolved, at)
    draft.tell_contact_centre("resolved")
    return True


def reopen(draft: Draft) -> bool:
    """The fault is back: work goes on, and the clocks that the solution had ended run on."""
    if not draft.act(Action.REOPEN, draft.now):
        return False
    stopped = {clock.kind for clock in draft.state.clocks if clock.state == "stopped"}
    again = frozenset({ClockKind.RESOLVE, *stopped})
    draft.each_clock(lambda clock, calendar: clocks.reopen(clock, calendar, draft.now), again)
    draft.show(resolved_at=None)
    draft.keep(closing=None)
    draft.happened(TicketReopened, draft.now)
    draft.tell_contact_centre("reopened")
    return True


def close_resolved(draft: Draft, at: datetime) -> bool:
    """End a resolved ticket for good."""
    if not draft.act(Action.CLOSE, at):
        return False
    close(draft, at)
    return True


def cancel(draft: Draft, at: datetime) -> bool:
    """The ticket is not wanted any more; not while an engineer is under way or on site."""
    if not draft.act(Action.CANCEL, at):
        return False
    draft.stop(at)
    draft.show(closed_at=at)
    draft.keep(closing=None)
    withdraw_orders(draft, at, "cancelled")
    draft.happened(TicketCancelled, at)
    draft.tell_contact_centre("cancelled")
    return True


def request_visit(draft: Draft, work_order_id: str, symptom: str) -> bool:
    """One more order to dispatch: after a report that asks for it, or because an agent does.

    A question that turns out to be a fault becomes one: an engineer is promised, counted from now. False where no work
    remains, or where too many orders are open already.
    """
    if draft.state.status not in WORK_REMAINS or len(open_orders(draft.ticket)) >= MOST_OPEN_ORDERS:
        return False
    if draft.state.impact == "question":
        engineer_by = draft.start(ClockKind.RESPONSE)
        draft.show(impact="impaired", promise=draft.state.promise.model_copy(update={"engineer_by": engineer_by}))
        draft.happened(TicketUpdated, draft.now)
    draft.order(WorkOrder(work_order_id=work_order_id, requested_at=draft.now, symptom=symptom))
    draft.show(work_order_id=work_order_id)
    draft.signal(Signal("order_requested", work_order_id))
    draft.tell_contact_centre("visit_requested")
    return True


def withdraw_orders(draft: Draft, at: datetime, reason: str) -> None:
    """Call off planned visits, and the open orders that no engineer is under way for."""
    under_way = {
        visit.work_order_id
        for visit in draft.state.visits
        if visit.status in (VisitStatus.TRAVELLING, VisitStatus.ARRIVED)
    }
    for visit in draft.state.visits:
        if visit.status is VisitStatus.PLANNED:
            draft.put_visit(visit.model_copy(update={"status": VisitStatus.CANCELLED}))
            draft.happened(VisitCancelled, at, visit_id=visit.visit_id)
            draft.signal(Signal("sheet_withdrawn", visit.work_order_id, visit.visit_id, reason))
    orders = []
    for order in draft.ticket.work_orders:
        if order.status == "open" and order.work_order_id not in under_way:
            order = order.model_copy(update={"status": "withdrawn"})
            draft.signal(Signal("order_withdrawn", order.work_order_id, reason=reason))
        orders.append(order)
    draft.keep(work_orders=tuple(orders))


def open_orders(ticket: Ticket) -> Sequence[WorkOrder]:
    return [order for order in ticket.work_orders if order.status == "open"]


def site_changed(draft: Draft, device: DeviceState) -> None:
    """The device stands elsewhere now: the parties learn it, and visits planned before it need a look (CAT-4)."""
    if draft.state.status in ENDED or (device.site, device.location) == (draft.state.site, draft.state.location):
        return
    moved_house = device.site != draft.state.site
    draft.show(site=device.site, location=device.location)
    for order in open_orders(draft.ticket):
        draft.signal(Signal("order_changed", order.work_order_id, reason="site_changed"))
    for visit in draft.state.visits:
        if visit.status in (VisitStatus.PLANNED, VisitStatus.TRAVELLING):
            if moved_house:
                draft.put_visit(visit.model_copy(update={"old_address": True}))
            draft.signal(Signal("sheet_changed", visit.work_order_id, visit.visit_id))
    draft.happened(TicketUpdated, draft.now)
    draft.tell_contact_centre("site_changed")


def allowed_actions(status: TicketStatus, *, staff: bool) -> list[str]:
    """Codes of what the viewer may do now, for buttons."""
    if status in ENDED:
        return ["note"] if staff else []
    checks = {
        "update": True,
        "cancel": next_status(status, Action.CANCEL) is not None,
        "close": next_status(status, Action.CLOSE) is not None,
        "reply_to_visit": status is TicketStatus.VISIT_PLANNED and not staff,
        "note": staff,
        "acknowledge": staff and next_status(status, Action.ACKNOWLEDGE) is not None,
        "wait": staff and next_status(status, Action.WAIT_FOR_CUSTOMER) is not None,
        "resolve": staff and status in WORK_REMAINS,
        "request_visit": staff and status in WORK_REMAINS,
    }
    return [action for action, allowed in checks.items() if allowed]
