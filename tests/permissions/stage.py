"""Two companies on one set of servers. Every text of the foreign one holds a mark that no stranger may ever read.

The first company has an own device, which the managers look after, and a colleague's, which they do not. Its texts
about the colleague hold a second mark. Shared objects are only ever refused; whoever may change something gets a
fresh one (`makers.py`).
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shared.contracts.inbound import (
    DispatchVisitPlanned,
)
from tests.permissions.cast import SIGNED_OUT, Casting, Member
from tests.permissions.expectations import Thing
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import Account, World

OF_A_PERSON = {"user": "user_id", "grants": "user_id", "session": "session_id", "feed": "feed_id"}
TOKEN_SECONDS = 120
LIMITS = httpx.Limits(keepalive_expiry=2)
"""Shorter than the servers keep a connection that nobody uses."""
PLACES = ("own", "colleague", "foreign", "unknown")


@dataclass
class Company:
    """One account with a device, as the back office tells of it; `mark` stands in every text."""

    account: Account
    mark: str
    devices: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.account.account_id


@dataclass
class Stage:
    stack: Stack
    world: World
    casting: Casting
    client: httpx.AsyncClient
    ours: Company
    theirs: Company
    hidden: str
    """The mark of what only a colleague manages."""
    machine: str
    """The token of the machine client that may write everywhere."""
    members: list[Member] = field(default_factory=list)
    colleague: Member = SIGNED_OUT
    stranger: Member = SIGNED_OUT
    things: dict[str, dict[str, Thing]] = field(default_factory=dict)
    signed_in_at: float = field(default_factory=time.monotonic)

    async def keep_signed_in(self) -> None:
        """Tokens last five minutes; on a slow machine these tests may last longer."""
        if time.monotonic() - self.signed_in_at > TOKEN_SECONDS:
            self.signed_in_at = time.monotonic()
            self.machine = await self.stack.machine_token(anew=True)
            members = [*(member for member in self.members if member.token), self.colleague, self.stranger]
            await asyncio.gather(*map(self.casting.renew, members))

    @property
    def root(self) -> Member:
        return Member("root", self.machine)

    async def _fresh_token(self, member: Member) -> str:
        if member.name == self.root.name:
            self.machine = await self.stack.machine_token(anew=True)
            return self.machine
        await self.casting.renew(member)
        return member.token

    def device(self, place: str) -> str:
        company = self.theirs if place.startswith("foreign") else self.ours
        return company.devices[place]

    def account(self, place: str) -> str:
        return self.theirs.id if place == "foreign" else self.ours.id

    def mark(self, place: str) -> str:
        return {"own": self.ours.mark, "colleague": self.hidden, "foreign": self.theirs.mark}[place]

    def thing(self, kind: str, place: str, member: Member) -> Thing | None:
        """The shared object of a kind; None where this caller has none of his own."""
        if place == "unknown":
            some = next(iter(self.things[kind].values()))
            return Thing("unknown", {name: secrets.token_hex(16) for name in some.params})
        if kind in OF_A_PERSON and place == "own":
            accounts = frozenset(right.account_id for right in member.rights)
            own = Thing("own", {OF_A_PERSON[kind]: member.user_id}, accounts, owner=member.user_id)
            return own if member.is_person else None
        return self.things[kind].get(place)

    @property
    def foreign_ids(self) -> list[str]:
        things = (things["foreign"] for things in self.things.values() if "foreign" in things)
        return sorted({self.theirs.id, *(value for thing in things for value in thing.params.values())})

    def put(self, kind: str, thing: Thing) -> None:
        self.things.setdefault(kind, {})[thing.place] = thing

    def named(self, name: str) -> Member:
        return next(member for member in self.members if member.name == name)

    async def ask(self, member: Member, service: str, method: str, path: str, **more: Any) -> httpx.Response:
        """One request of one caller; every write is a command of its own."""
        headers = {"Authorization": f"Bearer {member.token}"} if member.token else {}
        if method != "GET":
            headers["Idempotency-Key"] = secrets.token_hex(12)
        headers |= more.pop("headers", {})
        url = self.stack.url(service) + path
        answer = await self.client.request(method, url, headers=headers, **more)
        if answer.status_code == 401 and "token_too_old" in answer.text:
            # A machine that stood still for seconds: the service takes fresh tokens alone until its views are seen.
            headers["Authorization"] = f"Bearer {await self._fresh_token(member)}"
            answer = await self.client.request(method, url, headers=headers, **more)
        return answer

    async def do(self, service: str, method: str, path: str, **more: Any) -> Any:
        """As the first machine client, which has to be let in."""
        answer = await self.ask(self.root, service, method, path, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def new_ticket(self, place: str, opener: Member | None = None) -> Thing:
        mark, device_id = self.mark(place), self.device(place)
        body = {
            "device_id": device_id,
            "description": f"Jams {mark}",
            "own_reference": f"R-{mark}",
            "location_note": f"Note {mark}",
            "another_ticket_is_open_ok": True,
        }
        made = await self.ask(opener or self.root, "tickets", "POST", "/v1/tickets", json=body)
        assert made.status_code == 201, made.text
        return Thing(place, {"ticket_id": made.json()["ticket_id"]}, frozenset({self.account(place)}), device_id)

    async def with_visit(self, ticket: Thing) -> Thing:
        """The ticket with a visit that dispatch has planned."""
        path, visit_id = f"/v1/tickets/{ticket.id}", f"V-{secrets.token_hex(6)}"
        begins = datetime.now(UTC) + timedelta(days=1)
        message = DispatchVisitPlanned(
            work_order_id=(await self.do("tickets", "GET", path))["work_order_id"],
            visit_id=visit_id,
            sequence=1,
            occurred_at=datetime.now(UTC),
            window_from=begins,
            window_to=begins + timedelta(hours=2),
        )
        await self.stack.wire("dispatch").send(message, message.work_order_id)

        async def planned() -> bool:
            return bool((await self.do("tickets", "GET", path))["visits"])

        await eventually(planned, within=30, what="the planned visit")
        return replace(ticket, params={**ticket.params, "visit_id": visit_id})

    async def until_known(self, user_id: str) -> None:
        """Wait until the catalog knows a user."""

        async def known() -> bool:
            return (await self.ask(self.root, "catalog", "GET", f"/v1/grants/{user_id}")).is_success

        await eventually(known, within=30, what="a user in the catalog")

    def spare(self, thing: Thing) -> Thing:
        """The device for changes at the same place."""
        device_id = self.device(f"{thing.place} spare")
        return replace(thing, params={"device_id": device_id}, device_id=device_id)

    async def new_group(self, place: str, devices: Sequence[str] = ()) -> Thing:
        body = {"account_id": self.account(place), "name": f"Group {self.mark(place)}", "device_ids": list(devices)}
        made = await self.do("catalog", "POST", "/v1/groups", json=body)
        return Thing(place, {"group_id": made["group_id"]}, frozenset({self.account(place)}), group_id=made["group_id"])

    async def new_job(self, place: str) -> Thing:
        """The job that makes a device follow its group, by the time that it has ended."""
        body = {
            "account_id": self.account(place),
            "name": f"Group {self.mark(place)}",
            "device_ids": [self.device(place)],
        }
        made = await self.do("catalog", "POST", "/v1/groups", json=body)
        return Thing(place, {"job_id": made["job_id"]}, frozenset({self.account(place)}))

    async def new_user(self, place: str, *, active: bool = True) -> Thing:
        account_id, mark = self.account(place), self.mark(place)
        body = {
            "first_name": f"Fresh {mark}",
            "last_name": f"User {mark}",
            "email": f"{secrets.token_hex(8)}{mark}@example.com",
            "language": "en",
            "time_zone": "Europe/Helsinki",
            "country": "FI",
            "rights": [{"account_id": account_id, "role": "stock_manager", "whole": True}],
        }
        if active:
            body["password"] = secrets.token_urlsafe(18)
        made = await self.do("identity", "POST", "/v1/users", json=body)
        return Thing(place, {"user_id": made["user_id"]}, frozenset({account_id}), owner=made["user_id"])
