"""The product's front doors as a machine client uses them: HTTP with a token, and waiting until views have followed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
CLIENT_ID = "bootstrap"
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 60.0


class DoorClosed(Exception):
    """A service refused a request for good; the text says which, and why."""

    def __init__(self, method: str, url: str, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.problem: Mapping[str, Any] = problem_of(answer)
        self.code = str(self.problem.get("code", ""))
        reason = self.problem.get("detail") or self.problem.get("title") or answer.text[:300]
        errors = "".join(f"; {item['field']}: {item['message']}" for item in self.problem.get("errors") or ())
        super().__init__(f"{method} {url}: {answer.status_code} {self.code} {reason}{errors}")


class NotInTime(Exception):
    """Something that should have followed did not; the text says what."""


@dataclass
class Doors:
    """Open doors to the services. `urls` by service name; the token is renewed when it expires."""

    http: httpx.AsyncClient
    urls: Mapping[str, str]
    secret: str
    token: str = ""
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)


@asynccontextmanager
async def doors(urls: Mapping[str, str], secret: str) -> AsyncIterator[Doors]:
    """Doors for the bootstrap client. Raises DoorClosed when its secret is refused."""
    limits = httpx.Limits(max_connections=16)
    async with httpx.AsyncClient(timeout=15.0, limits=limits) as http:
        yield Doors(http=http, urls=urls, secret=secret)


async def call(
    door: Doors,
    method: str,
    service: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = None,
    patience: float = PATIENCE_SECONDS,
) -> Any:
    """Call a service and return its JSON. A service that is not there yet, or behind, is asked again for `patience`.

    Raises DoorClosed for any other refusal.
    """
    url = f"{door.urls[service]}{path}"
    limit = time.monotonic() + patience
    while True:
        token = door.token or await _renew(door, "")
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        try:
            answer = await door.http.request(method, url, json=body, headers=headers)
        except httpx.TransportError as error:
            if time.monotonic() > limit:
                raise NotInTime(f"{method} {url}: {error!r}") from error
            await asyncio.sleep(POLL_SECONDS)
            continue
        if answer.status_code == httpx.codes.UNAUTHORIZED and time.monotonic() < limit:
            await _renew(door, token)
        elif answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and time.monotonic() < limit:
            await asyncio.sleep(POLL_SECONDS)
        elif answer.is_success:
            return answer.json() if answer.content else None
        else:
            raise DoorClosed(method, url, answer)


async def _renew(door: Doors, old: str) -> str:
    async with door.renewing:
        if door.token == old:
            url = f"{door.urls['identity']}/v1/clients/token"
            body = {"client_id": CLIENT_ID, "client_secret": door.secret}
            answer = await door.http.post(url, json=body)
            if not answer.is_success:
                raise DoorClosed("POST", url, answer)
            door.token = answer.json()["access_token"]
        return door.token


async def eventually(what: str, look: Callable[[], Awaitable[T]], *, patience: float = PATIENCE_SECONDS) -> T:
    """Look until something is there (truthy) and return it; 404, 409 and 422 count as "not yet".

    Raises NotInTime, naming `what` and the last refusal.
    """
    limit = time.monotonic() + patience
    last: object = None
    while True:
        try:
            found = await look()
            if found:
                return found
            last = found
        except DoorClosed as closed:
            if closed.status not in (404, 409, 422):
                raise
            last = closed
        if time.monotonic() > limit:
            raise NotInTime(f"{what}: not within {patience:.0f} s ({last})")
        await asyncio.sleep(POLL_SECONDS)


def problem_of(answer: httpx.Response) -> Mapping[str, Any]:
    """The problem details of an answer; empty where it has none."""
    if "json" not in answer.headers.get("content-type", ""):
        return {}
    body = answer.json()
    return body if isinstance(body, dict) else {}
