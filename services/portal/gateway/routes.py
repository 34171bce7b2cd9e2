"""`/api/<service>/v1/…`: the services as API users and scripts of pages reach them."""

import contextlib
import hmac
from collections.abc import AsyncIterator, Mapping
from urllib.parse import unquote

import httpx
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.addresses import client_address, counted_as
from services.portal.gateway.backends import SEEN, Backends
from services.portal.gateway.cookies import session_cookie
from services.portal.gateway.paths import Path, passed_on
from services.portal.gateway.rates import RateLimit
from services.portal.gateway.sessions import Session, Sessions
from services.portal.gateway.streams import HeldStream, Streams
from shared.contracts import actions
from shared.http.caller import public
from shared.problems import Forbidden, NotFound

router = APIRouter()

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
WITH_SECRETS = {("identity", "/v1/sessions"), ("identity", "/v1/clients/token"), ("identity", "/v1/me/password")}
"""Where secrets can be tried out: limited by where it is tried from, as the page of sign-in is."""
STREAM_SECONDS = 3600.0
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
}
OURS = {
    "cookie",
    "forwarded",
    "x-real-ip",
    "x-request-id",
    "x-correlation-id",
    "traceparent",
    "tracestate",
    "x-csrf-token",
    "client-address",
}


def passed_headers(headers: Mapping[str, str], *, browser: bool) -> dict[str, str]:
    """The headers of a request that may reach a service.

    Nobody may forge what the portal says itself: X-Forwarded-*, ce_*, trace ids. A browser with a session may neither
    bring a token nor `Seen` marks of its own: both come from the session.
    """
    kept = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in HOP_BY_HOP or lower in OURS or lower.startswith(("x-forwarded-", "ce_", "ce-")):
            continue
        if browser and lower in ("authorization", SEEN):
            continue
        kept[lower] = value
    return kept


@router.api_route(
    "/api/{name}/v1/{path:path}", methods=METHODS, include_in_schema=False, dependencies=[public(actions.LOOK_AROUND)]
)
async def pass_on(request: Request, name: str) -> Response:
    """Pass a request on to the service that owns it, and its answer back as it comes.

    Not so where the service sends elsewhere: its redirects name an address that only the portal reaches.
    """
    backends: Backends = request.app.state.backends
    rates: Mapping[str, RateLimit] = request.app.state.rates
    if backends.address(name) is None:
        raise NotFound("There is no such service.")
    session = await _session(request)
    if session is not None and request.method != "GET":
        _check_csrf(request, session)
    address = client_address(request)
    source = counted_as(address)
    if session is not None:
        rates["session"].take(session.id)
    else:
        rates["address"].take(source)
    target = passed_on(name, request.scope["raw_path"], request.scope["query_string"])
    if (name, unquote(target.partition("?")[0])) in WITH_SECRETS:
        rates["sign_in"].take(source)
    body = await request.body()
    headers = passed_headers(request.headers, browser=session is not None) | backends.stating(address)
    if request.method == "GET" and _is_stream(request, target):
        holder = session.id if session is not None else source
        return await stream(request, name, target, headers, session, holder=holder)
    if session is not None:
        answer = await backends.send(session, name, request.method, target, headers=headers, content=body)
    else:
        answer = await backends.ask(name, request.method, target, headers=headers, content=body)
    if answer.has_redirect_location:
        raise NotFound()
    return Response(answer.content, answer.status_code, headers=_answer_headers(answer))


def _is_stream(request: Request, target: Path) -> bool:
    """By its address, whatever answer is wanted: a stream that were passed on as an answer would never end."""
    return "text/event-stream" in request.headers.get("accept", "") or target.partition("?")[0] == "/v1/stream"


async def stream(
    request: Request, name: str, target: Path, headers: Mapping[str, str], session: Session | None, *, holder: str
) -> HeldStream:
    """A service's event stream, for as long as both ends hold. Raises TooManyStreams."""
    backends: Backends = request.app.state.backends
    streams: Streams = request.app.state.streams
    async with contextlib.AsyncExitStack() as held:
        held.enter_context(streams.place(holder))
        answer = await backends.follow(name, target, session, headers=headers, silence=STREAM_SECONDS)
        held.push_async_callback(answer.aclose)
        if answer.has_redirect_location:
            raise NotFound()
        return HeldStream(
            _chunks(answer),
            held.pop_all(),
            status_code=answer.status_code,
            headers=_answer_headers(answer) | {"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


async def _chunks(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    except httpx.TransportError:
        return  # the service went away: the browser connects again by itself


async def _session(request: Request) -> Session | None:
    sessions: Sessions = request.app.state.sessions
    cookie = session_cookie(request)
    return await sessions.find(cookie) if cookie else None


def _check_csrf(request: Request, session: Session) -> None:
    if not hmac.compare_digest(request.headers.get("x-csrf-token", "").encode(), session.csrf.encode()):
        raise Forbidden("The form's token is missing or old. Load the page again.")


def _answer_headers(answer: httpx.Response) -> dict[str, str]:
    skipped = HOP_BY_HOP | {"content-encoding", "set-cookie", "server", "date", "x-request-id"}
    return {name: value for name, value in answer.headers.items() if name.lower() not in skipped}
