"""HTTP of the question why: each deadline with its rule and inputs, the state with its table (TIC-18)."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel

from services.tickets.aggregate import store
from services.tickets.aggregate.callers import is_desk
from services.tickets.aggregate.states import TRANSITIONS
from services.tickets.aggregate.timers import clocks_of
from services.tickets.aggregate.values import FlagInShort, Ticket
from services.tickets.clocks.explanations import Explanation, explain
from services.tickets.service import Deps, Service
from services.tickets.tickets import queries
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.catalog import Entitlement
from shared.contracts.tickets import ClockState, TicketStatus
from shared.http.caller import may

router = APIRouter(tags=["explanations"])


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
    latest_flags: list[FlagInShort]


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
        latest_flags=list(ticket.latest_flags) if is_desk(caller) else [],
    )


async def _deadlines(deps: Service, ticket: Ticket) -> list[ExplainedDeadline]:
    deadlines = []
    for state, clock in zip(ticket.state.clocks, clocks_of(ticket.state), strict=True):
        calendar = await deps.parts.calendars.version(clock.calendar, clock.calendar_version)
        if calendar is not None:
            deadlines.append(ExplainedDeadline(clock=state, why=explain(clock, calendar)))
    return deadlines
