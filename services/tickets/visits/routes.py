"""HTTP of visits: the customer's answer, and the visit as a calendar file (TIC-8)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field, StringConstraints

from services.tickets.aggregate import store
from services.tickets.aggregate.operations import moment
from services.tickets.service import Deps
from services.tickets.tickets import queries
from services.tickets.tickets.routes import shown
from services.tickets.tickets.views import TicketView
from services.tickets.visits import operations
from services.tickets.visits.calendar import visit_calendar
from services.tickets.visits.operations import VisitNotFound
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.tickets import ENTRY_LIMIT
from shared.http.body import Body
from shared.http.caller import may
from shared.http.commands import CommandDep, IfMatch

router = APIRouter(tags=["visits"])


class ReplyToVisit(Body):
    reply: Literal["confirmed", "other_window_wanted"]
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=ENTRY_LIMIT)] | None = None
    window_from: AwareDatetime | None = Field(
        default=None, description="the beginning of the window that is answered; refused when it is another one now"
    )


@router.post("/v1/tickets/{ticket_id}/visits/{visit_id}/reply", response_model=TicketView)
async def answer_visit(
    ticket_id: str,
    visit_id: str,
    body: ReplyToVisit,
    caller: Annotated[Caller, may(actions.REPLY_TO_VISIT)],
    command: CommandDep,
    if_match: IfMatch,
    deps: Deps,
) -> Response:
    """Confirm the window of a planned visit, or ask for another one."""
    document = await operations.reply(
        deps,
        caller=caller,
        ticket_id=ticket_id,
        visit_id=visit_id,
        answer=body.reply,
        text=body.text or None,
        window_from=body.window_from,
        command=command,
        if_match=if_match,
    )
    return await shown(deps, caller, document)


@router.get("/v1/tickets/{ticket_id}/visits/{visit_id}/calendar.ics", response_class=Response)
async def calendar_file(
    ticket_id: str, visit_id: str, caller: Annotated[Caller, may(actions.READ_TICKET)], deps: Deps
) -> Response:
    """The visit for a calendar program (RFC 5545)."""
    document = await queries.ticket_document(deps, caller, ticket_id)
    state = store.ticket_of(document).state
    visits = [(state, visit, document["version"]) for visit in state.visits if visit.visit_id == visit_id]
    if not visits:
        raise VisitNotFound()
    body = visit_calendar(visits, language=caller.language, now=moment(deps))
    name = f"{state.number}.ics"
    return Response(body, media_type="text/calendar", headers={"Content-Disposition": f'attachment; filename="{name}"'})
