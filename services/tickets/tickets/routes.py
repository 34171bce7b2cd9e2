"""HTTP of tickets: open, read, write."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from services.tickets.aggregate import store
from services.tickets.aggregate.callers import is_desk
from services.tickets.aggregate.store import Document
from services.tickets.receipts import queries as receipts
from services.tickets.receipts.queries import PartyView
from services.tickets.service import Deps, Service
from services.tickets.tickets import domain, opening, operations, queries
from services.tickets.tickets.views import TicketView, json_of, view_of
from services.tickets.timeline.queries import TimelineItem, timeline
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.tickets import ENTRY_LIMIT, PromiseState, TicketStatus
from shared.http.body import Body
from shared.http.caller import may
from shared.http.commands import CommandDep, IfMatch, with_etag
from shared.http.paging import Cursor, Limit, Page
from shared.http.seen import seen
from shared.outbox.command import Command

router = APIRouter(tags=["tickets"])

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=ENTRY_LIMIT)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Language = Annotated[str, StringConstraints(pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class OpenTicket(Body):
    device_id: Short
    description: Text
    language: Language | None = Field(default=None, description="of the text; else the caller's own")
    error_code: Short | None = None
    impact: domain.Impact = "impaired"
    own_reference: Short | None = None
    location_note: Short | None = None
    another_ticket_is_open_ok: bool = False
    on_behalf_of: Short | None = Field(default=None, description="user id of a customer; the contact centre only")


class WriteUpdate(Body):
    text: Text
    language: Language | None = None


class WriteNote(Body):
    text: Text


class ActOnTicket(Body):
    text: Text | None = Field(default=None, description="a public entry that goes with it")
    reason: Literal["customer", "parts"] | None = Field(default=None, description="of waiting; else the customer")
    seen_status: TicketStatus | None = Field(
        default=None, description="on which whoever acts has decided; when it is another by now, he is asked again"
    )


class RequestVisit(Body):
    symptom: Text | None = None


class OpenTicketHint(BaseModel):
    ticket_id: str
    number: str


class OutlookView(BaseModel):
    entitled: bool
    reason: str | None = None
    promise: PromiseState | None = None
    open_ticket: OpenTicketHint | None = None


@router.get("/v1/devices/{device_id}/outlook")
async def outlook(
    device_id: str,
    caller: Annotated[Caller, may(actions.READ_OUTLOOK)],
    deps: Deps,
    impact: Annotated[
        domain.Impact, Query(description="a question is promised an answer, not an engineer")
    ] = "impaired",
) -> OutlookView:
    """What a report for this device would bring: whether a contract covers it, the promise, an open ticket."""
    found = await opening.outlook(deps, caller=caller, device_id=device_id, impact=impact)
    other = found.open_ticket
    return OutlookView(
        entitled=found.refusal is None,
        reason=None if found.refusal is None else found.refusal.extra.get("reason", found.refusal.code),
        promise=found.promise,
        open_ticket=OpenTicketHint(ticket_id=other["_id"], number=other["ticket"]["number"]) if other else None,
    )


@router.post("/v1/tickets", status_code=201, response_model=TicketView)
async def open_ticket(
    body: OpenTicket, caller: Annotated[Caller, may(actions.OPEN_TICKET)], command: CommandDep, deps: Deps
) -> Response:
    """Report a fault. Repeating the request answers with the same ticket."""
    ticket, version = await opening.report_fault(
        deps,
        caller=caller,
        device_id=body.device_id,
        request=domain.Request(
            description=body.description,
            language=body.language or caller.language,
            error_code=body.error_code,
            impact=body.impact,
            own_reference=body.own_reference,
            location_note=body.location_note,
        ),
        on_behalf_of=body.on_behalf_of,
        another_ticket_is_open_ok=body.another_ticket_is_open_ok,
        command=command,
    )
    desk = is_desk(caller)
    told = [PartyView(party="contact-centre", what="contact-centre.case.opened.v1")]
    if ticket.state.work_order_id:
        told.append(PartyView(party="dispatch", what="dispatch.work-order.requested.v1"))
    answer = json_of(view_of(ticket, version, caller=caller, parties=told), desk=desk)
    return _answer(answer, ticket.state.ticket_id, version, status=201)


@router.get("/v1/tickets/{ticket_id}", response_model=TicketView)
async def read_ticket(ticket_id: str, caller: Annotated[Caller, may(actions.READ_TICKET)], deps: Deps) -> Response:
    """A ticket with its visits, deadlines and the last few entries; `ETag` is its version."""
    return await shown(deps, caller, await queries.ticket_document(deps, caller, ticket_id))


@router.get("/v1/tickets/{ticket_id}/timeline")
async def read_timeline(
    ticket_id: str,
    caller: Annotated[Caller, may(actions.READ_TICKET)],
    deps: Deps,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TimelineItem]:
    """What happened and what was written, newest first; notes and flags for the desk alone."""
    document = await queries.ticket_document(deps, caller, ticket_id)
    return await timeline(deps, document, desk=is_desk(caller), limit=limit, cursor=cursor)


@router.post("/v1/tickets/{ticket_id}/updates", status_code=201, response_model=TicketView)
async def write_update(
    ticket_id: str,
    body: WriteUpdate,
    caller: Annotated[Caller, may(actions.UPDATE_TICKET)],
    command: CommandDep,
    if_match: IfMatch,
    deps: Deps,
) -> Response:
    """Write to the other side; a reply to a resolved ticket opens it again."""
    document = await operations.write_update(
        deps,
        caller=caller,
        ticket_id=ticket_id,
        text=body.text,
        language=body.language,
        command=command,
        if_match=if_match,
    )
    return await shown(deps, caller, document, status=201)


@router.post("/v1/tickets/{ticket_id}/notes", status_code=201, response_model=TicketView)
async def write_note(
    ticket_id: str,
    body: WriteNote,
    caller: Annotated[Caller, may(actions.HANDLE_TICKET)],
    command: CommandDep,
    if_match: IfMatch,
    deps: Deps,
) -> Response:
    """Write an internal note, which the customer never sees."""
    document = await operations.write_note(
        deps, caller=caller, ticket_id=ticket_id, text=body.text, command=command, if_match=if_match
    )
    return await shown(deps, caller, document, status=201)


@router.post("/v1/tickets/{ticket_id}/work-orders", status_code=201, response_model=TicketView)
async def request_visit(
    ticket_id: str,
    body: RequestVisit,
    caller: Annotated[Caller, may(actions.HANDLE_TICKET)],
    command: CommandDep,
    if_match: IfMatch,
    deps: Deps,
) -> Response:
    """Ask dispatch for a visit by another work order."""
    document = await operations.request_visit(
        deps, caller=caller, ticket_id=ticket_id, symptom=body.symptom, command=command, if_match=if_match
    )
    return await shown(deps, caller, document, status=201)


@router.post("/v1/tickets/{ticket_id}/close", response_model=TicketView)
async def close_ticket(
    ticket_id: str,
    caller: Annotated[Caller, may(actions.CLOSE_TICKET)],
    command: CommandDep,
    if_match: IfMatch,
    deps: Deps,
    body: ActOnTicket | None = None,
) -> Response:
    """Close a ticket for good."""
    return await _act(deps, caller, ticket_id, "close", body, command, if_match)


@router.post("/v1/tickets/{ticket_id}/cancel", response_model=TicketView)
async def cancel_ticket(
    ticket_id: str,
    caller: Annotated[Caller, may(actions.CANCEL_TICKET)],
    command: CommandDep,
    if_match: IfMatch,
    deps: Deps,
    body: ActOnTicket | None = None,
) -> Response:
    """Withdraw a ticket: nobody comes."""
    return await _act(deps, caller, ticket_id, "cancel", body, command, if_match)


@router.post("/v1/tickets/{ticket_id}/{action}", response_model=TicketView)
async def handle_ticket(
    ticket_id: str,
    action: Literal["acknowledge", "resolve", "wait"],
    caller: Annotated[Caller, may(actions.HANDLE_TICKET)],
    command: CommandDep,
    if_match: IfMatch,
    deps: Deps,
    body: ActOnTicket | None = None,
) -> Response:
    """Take a ticket up, wait for the customer or for parts, or mark it as solved."""
    return await _act(deps, caller, ticket_id, action, body, command, if_match)


async def _act(
    deps: Service,
    caller: Caller,
    ticket_id: str,
    action: str,
    body: ActOnTicket | None,
    command: Command,
    if_match: int | None,
) -> Response:
    given = body or ActOnTicket()
    document = await operations.act(
        deps,
        caller=caller,
        ticket_id=ticket_id,
        action=action,
        text=given.text,
        wait_for=given.reason or "customer",
        seen_status=given.seen_status,
        command=command,
        if_match=if_match,
    )
    return await shown(deps, caller, document)


async def shown(deps: Service, caller: Caller, document: Document, *, status: int = 200) -> Response:
    ticket = store.ticket_of(document)
    desk = is_desk(caller)
    view = view_of(
        ticket,
        document["version"],
        caller=caller,
        account=await queries.account_of(deps, ticket),
        parties=await receipts.parties_of(deps, document),
        contact=await queries.contact_of(deps, ticket) if desk else None,
    )
    return _answer(json_of(view, desk=desk), ticket.state.ticket_id, document["version"], status=status)


def _answer(body: str, ticket_id: str, version: int, *, status: int) -> Response:
    response = Response(body, status_code=status, media_type="application/json")
    with_etag(response, version)
    seen(response, "tickets", ticket_id, version)
    return response
