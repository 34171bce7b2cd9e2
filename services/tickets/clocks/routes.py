"""HTTP of service calendars (TIC-5)."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from services.tickets.clocks.calendars import BusinessCalendar, CalendarRules
from services.tickets.service import Deps
from shared.access.caller import Caller
from shared.contracts import actions
from shared.http.caller import may

router = APIRouter(tags=["clocks"])


class CalendarList(BaseModel):
    items: list[BusinessCalendar]


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
