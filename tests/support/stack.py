"""The running system as tests see it: addresses, credentials and clients for each party and each service."""

import base64
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import orjson
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local import keys
from deploy.local.environment import broker_bootstrap, service_url, store_url
from deploy.local.layout import Profile
from deploy.local.servers import Servers
from tests.support.wire import Wire

SOON_SECONDS = 90
MACHINE = "bootstrap"


class SignsIn(Protocol):
    """Somebody who can sign in."""

    @property
    def user_id(self) -> str: ...

    @property
    def email(self) -> str: ...

    @property
    def password(self) -> str: ...


@dataclass
class Stack:
    """One profile's servers and services, with the ways to talk to them."""

    servers: Servers
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def profile(self) -> Profile:
        return self.servers.profile

    def url(self, service: str) -> str:
        return service_url(self.profile, service)

    @property
    def mail_url(self) -> str:
        return self.servers.addresses.mail_url

    @property
    def clock_offset_file(self) -> Path:
        return self.profile.clock_offset_file

    def wire(self, principal: str) -> Wire:
        """The broker as one principal: a service, a party or `admin`."""
        return Wire(broker_bootstrap(self.profile), principal, keys.broker_password(self.profile, principal))

    def store(self) -> AsyncMongoClient[dict[str, Any]]:
        """A client of the store, to be closed by the caller."""
        return AsyncMongoClient(store_url(self.profile), tz_aware=True)

    def database(self, client: AsyncMongoClient[dict[str, Any]], service: str) -> AsyncDatabase[dict[str, Any]]:
        return client[f"lockstep_{service}"]

    async def client(self, service: str, token: str | None = None, *, url: str | None = None) -> httpx.AsyncClient:
        """An HTTP client of a service; each write gets an Idempotency-Key unless the test brings one."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}

        async def with_key(request: httpx.Request) -> None:
            if request.method not in ("GET", "HEAD") and "Idempotency-Key" not in request.headers:
                request.headers["Idempotency-Key"] = str(uuid.uuid4())

        return httpx.AsyncClient(
            base_url=url or self.url(service), headers=headers, timeout=15, event_hooks={"request": [with_key]}
        )

    async def machine_token(self, *, anew: bool = False) -> str:
        """A token of the first machine client, which may write everywhere; another one shortly before its end."""
        kept = self._tokens.get(MACHINE)
        if kept is None or anew or _ends_soon(kept):
            secret = keys.client_secret_file(self.profile).read_text()
            async with await self.client("identity") as identity:
                asked = {"client_id": MACHINE, "client_secret": secret}
                answer = await identity.post("/v1/clients/token", json=asked)
                answer.raise_for_status()
                kept = self._tokens[MACHINE] = str(answer.json()["access_token"])
        return kept

    async def sign_in(self, email: str, password: str) -> str:
        async with await self.client("identity") as identity:
            answer = await identity.post("/v1/sessions", json={"email": email, "password": password})
            answer.raise_for_status()
            return str(answer.json()["access_token"])

    async def lasting(self, token: str, who: "SignsIn") -> str:
        """A person's token; another one shortly before its end, for tests that take long on a slow machine."""
        kept = self._tokens.get(who.user_id, token)
        if _ends_soon(kept) and who.password:
            kept = self._tokens[who.user_id] = await self.sign_in(who.email, who.password)
        return kept

    async def mails_to(self, address: str) -> list[Mapping[str, Any]]:
        """The mails that the catcher got for one address, oldest first."""
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.get(f"{self.mail_url}/api/messages")
            answer.raise_for_status()
            found = [mail for mail in answer.json() if address in str(mail["to"])]
        return list(reversed(found))


def _ends_soon(token: str) -> bool:
    claims = orjson.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return bool(claims["exp"] - time.time() < SOON_SECONDS)
