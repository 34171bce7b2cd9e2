"""What the contact centre does on a ticket, on the same page that the customer sees."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.sessions import Session
from services.portal.pages.base.page import FormDep, may
from services.portal.pages.tickets.routes import act, again, decided
from shared.contracts import actions

router = APIRouter(include_in_schema=False)


@router.post("/tickets/{ticket_id}/note")
async def note(
    request: Request, session: Annotated[Session, may(actions.HANDLE_TICKET)], ticket_id: str, form: FormDep
) -> Response:
    return await act(request, session, ticket_id, ("notes",), form, {"text": form.get("text", "")}, written="note")


@router.post("/tickets/{ticket_id}/acknowledge")
async def acknowledge(
    request: Request, session: Annotated[Session, may(actions.HANDLE_TICKET)], ticket_id: str, form: FormDep
) -> Response:
    return await act(request, session, ticket_id, ("acknowledge",), form, decided(form))


@router.post("/tickets/{ticket_id}/wait")
async def wait(
    request: Request, session: Annotated[Session, may(actions.HANDLE_TICKET)], ticket_id: str, form: FormDep
) -> Response:
    if not form.get("text"):
        return await again(request, session, ticket_id, form, "ask-text")
    return await act(request, session, ticket_id, ("wait",), form, decided(form), written="ask")


@router.post("/tickets/{ticket_id}/resolve")
async def resolve(
    request: Request, session: Annotated[Session, may(actions.HANDLE_TICKET)], ticket_id: str, form: FormDep
) -> Response:
    return await act(request, session, ticket_id, ("resolve",), form, decided(form))


@router.post("/tickets/{ticket_id}/close")
async def close(
    request: Request, session: Annotated[Session, may(actions.CLOSE_TICKET)], ticket_id: str, form: FormDep
) -> Response:
    return await act(request, session, ticket_id, ("close",), form, decided(form))
