"""Live changes of tickets as server-sent events, within the caller's scope (TIC-15)."""

import time
from typing import Annotated, Any

from fastapi import APIRouter
from sse_starlette import EventSourceResponse

from services.tickets.aggregate.store import Sight
from services.tickets.service import Deps, Service
from shared.access.caller import Caller
from shared.access.scope import sees
from shared.contracts import actions
from shared.http.caller import may
from shared.http.live import News

router = APIRouter(tags=["live"])

RIGHTS_REMEMBERED_SECONDS = 1.0


@router.get("/v1/stream", response_class=EventSourceResponse)
async def stream(caller: Annotated[Caller, may(actions.FOLLOW_TICKETS)], deps: Deps) -> EventSourceResponse:
    """`event: ticket` with ticket_id, version, type and device_id; `event: refetch` after a gap.

    Ends within seconds when the caller's session does, or he is no longer active.

    `type` is what happened; all else is the ticket as it is now, and so is the decision who may see it.
    """
    present = _Present(deps, caller)

    async def wanted(news: News[Sight]) -> tuple[str, dict[str, Any]] | None:
        ticket = news.now
        viewer = await present.caller()
        if viewer is None or not sees(
            viewer,
            actions.FOLLOW_TICKETS,
            account_id=ticket.account_id,
            device_id=ticket.device_id,
            group_ids=ticket.group_ids,
        ):
            return None
        return "ticket", {
            "ticket_id": news.key,
            "version": ticket.version,
            "type": news.type,
            "device_id": ticket.device_id,
        }

    async def goes_on() -> bool:
        return await present.caller() is not None

    return deps.parts.live.stream(wanted, goes_on)


class _Present:
    """The caller with the rights that he has now, looked up at most once a second; None from when he has gone."""

    def __init__(self, deps: Service, caller: Caller) -> None:
        self._deps = deps
        self._known: Caller | None = caller
        self._looked_at = time.monotonic()

    async def caller(self) -> Caller | None:
        if self._known is not None and time.monotonic() - self._looked_at > RIGHTS_REMEMBERED_SECONDS:
            self._known = await self._deps.callers.present(self._known)
            self._looked_at = time.monotonic()
        return self._known
