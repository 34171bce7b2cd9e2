"""HTTP of the ticket list: pages, counts and export of one and the same view."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from services.tickets.aggregate import store
from services.tickets.aggregate.callers import is_desk
from services.tickets.aggregate.rows import Queue
from services.tickets.aggregate.store import Document
from services.tickets.lists import queries
from services.tickets.lists.queries import ORDERS, Wanted
from services.tickets.service import Deps
from services.tickets.tickets.views import DESK_ONLY, TicketView, view_of
from shared.access.caller import Caller
from shared.access.permissions import refusal
from shared.contracts import actions
from shared.contracts.tickets import TicketStatus
from shared.http.caller import may
from shared.http.csv_file import Cell, Form, Layout, csv_answer, csv_lines
from shared.http.paging import Cursor, Limit, Page

router = APIRouter(tags=["ticket list"])

Sort = Annotated[
    Literal["opened", "-opened", "due"],
    Query(description="by the time of opening, `-`: the newest first; or by the next deadline, for the desk"),
]
Text = Annotated[str | None, Query(max_length=100)]

COLUMNS = (
    "number",
    "status",
    "impact",
    "opened_at",
    "resolved_at",
    "closed_at",
    "serial",
    "model",
    "own_name",
    "account",
    "service_number",
    "site",
    "city",
    "own_reference",
    "error_code",
    "engineer_by",
    "resolve_by",
    "description",
)


async def _wanted(
    state: Literal["open", "closed", "all"] = "all",
    status: TicketStatus | None = None,
    device_id: Text = None,
    account_id: Text = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    queue: Annotated[Queue | None, Query(description="what the contact centre has to look at; for the desk")] = None,
) -> Wanted:
    return Wanted(state, status, device_id, account_id, q, queue)


WantedDep = Annotated[Wanted, Depends(_wanted)]


class TicketFacets(BaseModel):
    """What the list holds, to choose a filter from."""

    statuses: dict[TicketStatus, int] = Field(
        description=f"how many of each; {queries.MOST_OF_A_STATUS} stands for as many or more in a long list"
    )
    queues: dict[Queue, int] | None = Field(
        default=None, description="how many stand in each queue, whatever the list is narrowed to; for the desk"
    )


@router.get("/v1/tickets", response_model=Page[TicketView])
async def list_tickets(
    caller: Annotated[Caller, may(actions.LIST_TICKETS)],
    deps: Deps,
    wanted: WantedDep,
    sort: Sort = "-opened",
    limit: Limit = 50,
    cursor: Cursor = None,
    total: bool = False,
) -> Response:
    """Tickets that the caller sees; `q` searches number, serial, names, places, codes and words.

    For the desk it finds companies and people, too. `queue` and the order `due` are the desk's (403).
    """
    _require_desk_for(caller, wanted, sort)
    found = await queries.find_tickets(
        deps, caller, wanted, order=ORDERS[sort], limit=limit, cursor=cursor, with_total=total
    )
    desk = is_desk(caller)
    views = [
        view_of(
            ticket := store.ticket_of(document),
            document["version"],
            caller=caller,
            account=found.accounts.get(ticket.state.account_id),
        )
        for document in found.documents
    ]
    page = Page[TicketView].model_construct(items=views, next=found.next, previous=found.previous, total=found.total)
    hidden = {"latest_entries", "report"} if desk else {"latest_entries", "report", *DESK_ONLY}
    body = page.model_dump_json(exclude={"items": {"__all__": hidden}})
    return Response(body, media_type="application/json")


@router.get("/v1/tickets/facets", response_model_exclude_none=True)
async def ticket_facets(
    caller: Annotated[Caller, may(actions.LIST_TICKETS)], deps: Deps, wanted: WantedDep
) -> TicketFacets:
    """How many tickets of each status the list has, whatever status it is narrowed to."""
    _require_desk_for(caller, wanted)
    if not is_desk(caller):
        return TicketFacets(statuses=await queries.by_status(deps, caller, wanted))
    statuses, queues = await asyncio.gather(queries.by_status(deps, caller, wanted), queries.by_queue(deps, caller))
    return TicketFacets(statuses=statuses, queues=queues)


@router.get("/v1/tickets/export.csv", response_class=StreamingResponse)
async def export_tickets(
    caller: Annotated[Caller, may(actions.LIST_TICKETS)],
    deps: Deps,
    wanted: WantedDep,
    sort: Sort = "-opened",
    layout: Layout = "data",
) -> StreamingResponse:
    """The whole list as CSV (UTF-8), page by page while it is read; moments in UTC.

    `data` is for programs: comma, no byte order mark. `spreadsheet` opens with a double click in the caller's language.
    """
    _require_desk_for(caller, wanted, sort)
    form = Form.of(layout, caller.language)

    async def lines() -> AsyncIterator[bytes]:
        yield form.mark + csv_lines([COLUMNS], form)
        async for documents, accounts in queries.all_tickets(deps, caller, wanted, order=ORDERS[sort]):
            yield csv_lines([_cells(one, accounts.get(one["account_id"], {})) for one in documents], form)

    return csv_answer(lines(), "tickets")


def _require_desk_for(caller: Caller, wanted: Wanted, sort: str = "") -> None:
    """Queues tell what only staff see of a ticket, such as that it was flagged."""
    if (wanted.queue is not None or sort == "due") and not is_desk(caller):
        raise refusal(actions.HANDLE_TICKET)


def _cells(row: Document, account: dict[str, Any]) -> tuple[Cell, ...]:
    ticket = store.ticket_of(row).state
    return (
        ticket.number,
        ticket.status.value,
        ticket.impact,
        _moment(ticket.opened_at),
        _moment(ticket.resolved_at),
        _moment(ticket.closed_at),
        ticket.device.serial,
        ticket.device.model_name,
        ticket.device.own_name,
        account.get("name"),
        account.get("service_number"),
        ticket.site.name,
        ticket.site.city,
        ticket.own_reference,
        ticket.error_code,
        _moment(ticket.promise.engineer_by),
        _moment(ticket.promise.resolve_by),
        ticket.description,
    )


def _moment(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%MZ") if at else None
