"""Calls to the services: time-outs, the person's token and `Seen` marks, and what happens when a service is away."""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.portal.gateway.sessions import Session, Sessions, Tokens, due_for_refresh
from services.portal.settings import Settings
from shared import context
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
    health: dict[str, _Health] = field(default_factory=dict)

    def address(self, name: str) -> str | None:
        found: str | None = self.settings.services.model_dump().get(name)
        return found.rstrip("/") if found else None

    async def ask(
        self, name: str, method: str, path: str, *, headers: Mapping[str, str] = {}, **more: Any
    ) -> httpx.Response:
        """One request. Raises ServiceDown when the service does not answer in time, or says that it cannot."""
        base = self.address(name)
        assert base is not None, f"no address for {name}"
        health = self.health.setdefault(name, _Health())
        if health.paused_until > time.monotonic():
            raise ServiceDown(name)
        patience = self.settings.patience
        limit = httpx.Timeout(patience.read if method == "GET" else patience.write, connect=patience.connect)
        try:
            answer = await self.client.request(
                method, base + path, headers={**trace_headers(), **headers}, timeout=limit, **more
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

    async def call(
        self,
        session: Session,
        name: str,
        method: str,
        path: str,
        *,
        key: str | None = None,
        version: int | None = None,
        **more: Any,
    ) -> Any:
        """One request for a signed-in person; the JSON of the answer.

        `key` is the Idempotency-Key of a write, `version` its If-Match. Raises Refused, ServiceDown or SignedOut.
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
        self, session: Session, name: str, method: str, path: str, *, headers: Mapping[str, str] = {}, **more: Any
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
                "identity", "POST", "/v1/sessions/refresh", json={"refresh_token": session.tokens.refresh}
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
