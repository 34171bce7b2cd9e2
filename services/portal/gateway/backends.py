"""Calls to the services: time-outs, the person's token and `Seen` marks, and what happens when a service is away."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.portal.gateway.paths import NOWHERE, Path, v1
from services.portal.gateway.sessions import Session, Sessions, Tokens, due_for_refresh
from services.portal.settings import Settings
from shared import context
from shared.http.client_address import HEADER, stated
from shared.problems import Problem, Unauthenticated

log = logging.getLogger(__name__)

FAILURES_UNTIL_PAUSE = 3
PAUSE_SECONDS = 3.0
SEEN = "seen"


class ServiceDown(Problem):
    status = 503
    code = "service_down"
    title = "A part of the service does not answer"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not answer.", headers={"Retry-After": "2"}, service=name)
        self.name = name


class Unsendable(Problem):
    """What was asked for cannot be written as a request. It never left, so it says nothing about the service."""

    code = "unsendable"
    title = "The request holds what cannot be sent on"


class SignedOut(Unauthenticated):
    """The session has ended: by the person, by an administrator, or by time."""


class Refused(Problem):
    """A service's own answer, passed on: its status, code, words and fields."""

    code = "refused"

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("detail") or body.get("title") or ""))
        self.answered = status
        self.reason = str(body.get("code") or "refused")
        self.values = dict(body)

    @property
    def fields(self) -> dict[str, str]:
        """What is wrong, by field."""
        return {str(e.get("field")): str(e.get("message", "")) for e in self.values.get("errors", [])}


@dataclass(slots=True)
class _Health:
    failures: int = 0
    paused_until: float = 0.0


@dataclass(slots=True)
class Backends:
    """The services, by name. `call` speaks for a session, `ask` for nobody."""

    settings: Settings
    sessions: Sessions
    client: httpx.AsyncClient
    streaming: httpx.AsyncClient
    """For streams alone: however many are open, calls find connections of their own."""
    key: bytes | None = None
    """What the portal's word on a client's address is signed with."""
    health: dict[str, _Health] = field(default_factory=dict)

    def address(self, name: str) -> str | None:
        found: str | None = self.settings.services.model_dump().get(name)
        return found.rstrip("/") if found else None

    def stating(self, address: str) -> dict[str, str]:
        """The header that tells a service the address of the client for whom it is asked."""
        return {HEADER.lower(): stated(self.key, address)} if self.key else {}

    async def ask(
        self, name: str, method: str, path: Path, *, headers: Mapping[str, str] = {}, **more: Any
    ) -> httpx.Response:
        """One request. Raises ServiceDown when the service does not answer in time, Unsendable when it cannot be asked.

        Only what fails on the way or at the service counts as its failure. NOWHERE is Refused with 404, unasked.
        """
        if path == NOWHERE:
            raise Refused(404, {})
        base = self.address(name)
        assert base is not None, f"no address for {name}"
        health = self.health.setdefault(name, _Health())
        if health.paused_until > time.monotonic():
            raise ServiceDown(name)
        patience = self.settings.patience
        limit = httpx.Timeout(patience.read if method == "GET" else patience.write, connect=patience.connect)
        try:
            with _written_by_us():
                answer = await self.client.request(
                    method, base + path, headers=_as_bytes({**trace_headers(), **headers}), timeout=limit, **more
                )
        except httpx.TransportError as error:
            health.failures += 1
            if health.failures >= FAILURES_UNTIL_PAUSE:
                health.paused_until = time.monotonic() + PAUSE_SECONDS
                health.failures = FAILURES_UNTIL_PAUSE - 1
            log.warning("a service does not answer", extra={"backend": name, "error": repr(error)})
            raise ServiceDown(name) from error
        health.failures = 0
        return answer

    async def follow(
        self, name: str, path: Path, session: Session | None, *, headers: Mapping[str, str] = {}, silence: float
    ) -> httpx.Response:
        """A service's event stream, open; whoever takes it closes it. `silence` in seconds ends it.

        Raises ServiceDown, Unsendable or SignedOut.
        """
        sent = {**trace_headers(), **headers, "accept": "text/event-stream", "accept-encoding": "identity"}
        if session is not None:
            session = await self.fresh(session)
            sent["authorization"] = f"Bearer {session.tokens.access}"
        try:
            with _written_by_us():
                request = self.streaming.build_request(
                    "GET",
                    f"{self.address(name)}{path}",
                    headers=_as_bytes(sent),
                    timeout=httpx.Timeout(silence, connect=self.settings.patience.connect),
                )
                return await self.streaming.send(request, stream=True)
        except httpx.TransportError as error:
            raise ServiceDown(name) from error

    async def call(
        self,
        session: Session,
        name: str,
        method: str,
        path: Path,
        *,
        key: str | None = None,
        version: int | None = None,
        **more: Any,
    ) -> Any:
        """One request for a signed-in person; the JSON of the answer.

        `key` is the Idempotency-Key of a write, `version` its If-Match. Raises Refused, ServiceDown, Unsendable or
        SignedOut.
        """
        headers: dict[str, str] = {}
        if key or method == "POST":
            headers["Idempotency-Key"] = key or secrets.token_urlsafe(16)
        if version is not None:
            headers["If-Match"] = f'"v{version}"'
        answer = await self.send(session, name, method, path, headers=headers, **more)
        if answer.status_code == 503 and "waiting_for" in _problem(answer):
            answer = await self.send(session, name, method, path, headers=headers, **more)  # his own change is coming
        if answer.status_code == 503:
            raise ServiceDown(name)
        if answer.status_code >= 400:
            raise Refused(answer.status_code, _problem(answer))
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else answer.content

    async def send(
        self, session: Session, name: str, method: str, path: Path, *, headers: Mapping[str, str] = {}, **more: Any
    ) -> httpx.Response:
        """The raw answer, with a fresh token, with the person's `Seen` marks, and with his new marks remembered."""
        session = await self.fresh(session)
        answer = await self.ask(name, method, path, headers={**headers, **_speaks_for(session)}, **more)
        if answer.status_code == 401:
            session = await self.refresh(session)
            answer = await self.ask(name, method, path, headers={**headers, **_speaks_for(session)}, **more)
        if SEEN in answer.headers:
            await self.sessions.remember_seen(session, answer.headers[SEEN])
        return answer

    async def fresh(self, session: Session) -> Session:
        return await self.refresh(session) if due_for_refresh(session.tokens) else session

    async def refresh(self, session: Session) -> Session:
        """New tokens for a session; many at once lead to one request. Raises SignedOut when identity says no."""
        if not await self.sessions.claim_refresh(session):
            waited = await self.sessions.wait_for_refresh(session)
            if waited is None:
                raise SignedOut()
            return waited
        try:
            answer = await self.ask(
                "identity", "POST", v1("sessions", "refresh"), json={"refresh_token": session.tokens.refresh}
            )
        except ServiceDown:
            await self.sessions.release_refresh(session)
            if session.tokens.expires_at > time.time():
                return session
            raise
        if answer.status_code >= 500:
            await self.sessions.release_refresh(session)
            raise ServiceDown("identity")
        if answer.status_code != 200 and answer.status_code != 201:
            await self.sessions.close(session)
            raise SignedOut()
        renewed = await self.sessions.store_tokens(session, tokens_of(answer.json()))
        if renewed is None:
            raise SignedOut()
        return renewed


def tokens_of(answer: Mapping[str, Any]) -> Tokens:
    return Tokens(
        access=answer["access_token"],
        refresh=answer["refresh_token"],
        expires_at=time.time() + float(answer["expires_in"]),
    )


def trace_headers() -> dict[str, str]:
    """The ids that tie a request to what it causes: passed on where they came in, made here where not."""
    headers = {"traceparent": context.traceparent.get() or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
    if request := context.request_id.get():
        headers["X-Request-Id"] = request
    if correlation := context.correlation_id.get():
        headers["X-Correlation-Id"] = correlation
    return headers


@contextlib.contextmanager
def _written_by_us() -> Iterator[None]:
    """Around the sending of a request: tells apart what is wrong with it from a service that does not answer."""
    try:
        yield
    except (httpx.LocalProtocolError, httpx.InvalidURL, UnicodeEncodeError) as error:
        log.info("a request that cannot be sent", extra={"error": repr(error)})
        raise Unsendable() from error


def _as_bytes(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as the bytes that came in: HTTP hands them over as Latin-1, whatever the client meant by them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _speaks_for(session: Session) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {session.tokens.access}"}
    if session.seen:
        headers["Seen"] = ", ".join(session.seen)
    return headers


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page: its value, or the fact that its service is away."""

    value: Any = None
    down: bool = False


async def parts(**calls: Any) -> dict[str, Part]:
    """Ask several services at once. One that is away, or that finds nothing, costs its part alone."""

    async def one(call: Any) -> Part:
        try:
            return Part(await call)
        except ServiceDown:
            return Part(down=True)
        except Refused as refusal:
            if refusal.answered in (403, 404):
                return Part()
            raise

    values = await asyncio.gather(*(one(call) for call in calls.values()))
    return dict(zip(calls, values, strict=True))
