"""HTTP of service calendars, and of the question why (TIC-5, TIC-18)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel

from services.tickets.clocks.calendars import BusinessCalendar, CalendarRules
from services.tickets.clocks.explanations import Explanation, explain
from services.tickets.clocks.timers import clocks_of
from services.tickets.service import Deps, Service
from services.tickets.tickets import queries, store
from services.tickets.tickets.callers import is_desk
from services.tickets.tickets.states import TRANSITIONS
from services.tickets.tickets.values import Flag, Ticket
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.catalog import Entitlement
from shared.contracts.tickets import ClockState, TicketStatus
from shared.http.caller import may

router = APIRouter(tags=["clocks"])


class CalendarList(BaseModel):
    items: list[BusinessCalendar]


class StatusExplanation(BaseModel):
    """The state, since when, and where the table leads from it."""

    status: TicketStatus
    since: AwareDatetime
    leads_to: dict[str, TicketStatus]


class ExplainedDeadline(BaseModel):
    clock: ClockState
    why: Explanation


class TicketExplanation(BaseModel):
    ticket_id: str
    number: str
    version: int
    contract_line_id: str
    entitlement: Entitlement
    status: StatusExplanation
    deadlines: list[ExplainedDeadline]
    work_orders: list[dict[str, Any]]
    flags: list[Flag]


@router.put("/v1/calendars/{code}")
async def publish_calendar(
    body: CalendarRules,
    caller: Annotated[Caller, may(actions.PUBLISH_CALENDAR)],
    deps: Deps,
    response: Response,
    code: str = Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
) -> BusinessCalendar:
    """A new version, from which on promises are made; deadlines already given keep theirs."""
    calendar, is_new = await deps.parts.calendars.publish(code, body)
    response.status_code = 201 if is_new else 200
    return calendar


@router.get("/v1/calendars")
async def list_calendars(caller: Annotated[Caller, may(actions.LIST_CALENDARS)], deps: Deps) -> CalendarList:
    """The newest version of each calendar."""
    return CalendarList(items=await deps.parts.calendars.all_newest())


@router.get("/v1/tickets/{ticket_id}/explain")
async def explain_ticket(
    ticket_id: str, caller: Annotated[Caller, may(actions.READ_TICKET)], deps: Deps
) -> TicketExplanation:
    """Why each deadline is what it is, and why the ticket is in its state."""
    document = await queries.ticket_document(deps, caller, ticket_id)
    ticket = store.ticket_of(document)
    state = ticket.state
    return TicketExplanation(
        ticket_id=state.ticket_id,
        number=state.number,
        version=document["version"],
        contract_line_id=state.contract_line_id,
        entitlement=state.entitlement,
        status=StatusExplanation(
            status=state.status,
            since=state.status_since,
            leads_to={action.value: target for action, target in TRANSITIONS[state.status].items()},
        ),
        deadlines=await _deadlines(deps, ticket),
        work_orders=[order.model_dump() for order in ticket.work_orders],
        flags=list(ticket.flags) if is_desk(caller) else [],
    )


async def _deadlines(deps: Service, ticket: Ticket) -> list[ExplainedDeadline]:
    deadlines = []
    for state, clock in zip(ticket.state.clocks, clocks_of(ticket.state), strict=True):
        calendar = await deps.parts.calendars.version(clock.calendar, clock.calendar_version)
        if calendar is not None:
            deadlines.append(ExplainedDeadline(clock=state, why=explain(clock, calendar)))
    return deadlines
