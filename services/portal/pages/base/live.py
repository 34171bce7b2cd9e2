"""Live parts: the stream of a person's tickets, renamed so that a page hears only what it shows."""

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.backends import ServiceDown
from services.portal.gateway.paths import v1
from services.portal.gateway.sessions import Session
from services.portal.gateway.streams import HeldStream, Streams
from services.portal.pages.base.page import backends_of, may
from shared.contracts import actions

router = APIRouter(include_in_schema=False)

SILENCE_SECONDS = 60.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/live")
async def live(request: Request, session: Annotated[Session, may(actions.FOLLOW_TICKETS)]) -> Response:
    """Server-sent events `news`: `ticket` for any, `ticket-<id>` for one, `refetch` after a gap.

    Ends when the service ends it, and the browser connects again. Refused, it asks from time to time instead: 204 where
    the service lets nobody in, 429 where too many streams are open.
    """
    backends = backends_of(request)
    streams: Streams = request.app.state.streams
    async with contextlib.AsyncExitStack() as held:
        held.enter_context(streams.place(session.id))
        try:
            answer = await backends.follow("tickets", v1("stream"), session, silence=SILENCE_SECONDS)
        except ServiceDown:
            return Response(status_code=503, headers={"Retry-After": "5"})
        held.push_async_callback(answer.aclose)
        if answer.status_code != 200:
            return Response(status_code=204 if answer.status_code in (401, 403) else 503)
        return HeldStream(_renamed(answer), held.pop_all(), media_type="text/event-stream", headers=HEADERS)


async def _renamed(answer: httpx.Response) -> AsyncIterator[bytes]:
    yield b"retry: 3000\n\n"
    event = ""
    try:
        async for line in answer.aiter_lines():
            if line.startswith(":"):
                yield line.encode() + b"\n\n"
            elif line.startswith("event:"):
                event = line[6:].strip()
            elif line.startswith("data:"):
                for name in names(event, line[5:].strip()):
                    yield f"event: news\ndata: {name}\n\n".encode()
    except httpx.TransportError:
        return  # the service went away: the browser connects again by itself


def names(event: str, data: str) -> list[str]:
    """What a page is told of an event."""
    if event == "refetch":
        return ["refetch"]
    if event != "ticket":
        return []
    try:
        ticket_id = str(orjson.loads(data)["ticket_id"])
    except (ValueError, KeyError, TypeError):
        return ["ticket"]
    return ["ticket", f"ticket-{ticket_id}"] if ticket_id.replace("-", "").isalnum() else ["ticket"]
