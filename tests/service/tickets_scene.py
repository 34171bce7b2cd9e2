"""One open ticket with its people and parties, for the service tests of tickets."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shared.contracts.base import Event
from shared.contracts.inbound import (
    DispatchVisitCancelled,
    DispatchVisitMoved,
    DispatchVisitPlanned,
    EngineerVisitArrived,
    EngineerVisitReported,
    EngineerVisitTravelling,
    VisitMessage,
)
from tests.support.waiting import eventually
from tests.support.world import Account, Device, Person, World

MESSAGES: dict[str, type[VisitMessage]] = {
    "planned": DispatchVisitPlanned,
    "moved": DispatchVisitMoved,
    "cancelled": DispatchVisitCancelled,
    "travelling": EngineerVisitTravelling,
    "arrived": EngineerVisitArrived,
    "reported": EngineerVisitReported,
}


@dataclass
class Scene:
    world: World
    account: Account
    device: Device
    manager: Person
    customer: httpx.AsyncClient
    ticket_id: str
    work_order_id: str
    number: str

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, world: World, **changes: Any) -> AsyncIterator["Scene"]:
        account = await world.account()
        device = await world.device(account)
        manager = await world.manager(account, devices=[device])
        ticket = await eventually_open(world, manager, device, **changes)
        async with await world.api("tickets", manager) as customer:
            yield cls(
                world,
                account,
                device,
                manager,
                customer,
                ticket["ticket_id"],
                ticket["work_order_id"],
                ticket["number"],
            )

    @contextlib.asynccontextmanager
    async def desk(self) -> AsyncIterator[httpx.AsyncClient]:
        async with await self.world.api("tickets", await self.world.agent()) as desk:
            yield desk

    async def tell(self, kind: str, sequence: int = 1, **changes: Any) -> str:
        """Send a message of dispatch or the engineer; `minutes_ago` dates it."""
        now = datetime.now(UTC)
        window = now + timedelta(hours=3)
        fields: dict[str, Any] = {
            "work_order_id": self.work_order_id,
            "visit_id": f"V-{self.number}",
            "sequence": sequence,
            "occurred_at": now - timedelta(minutes=changes.pop("minutes_ago", 0)),
        }
        if kind in ("planned", "moved"):
            fields |= {"window_from": window, "window_to": window + timedelta(hours=2)}
        if kind == "reported":
            fields |= {"symptom": "jams", "cause": "roller", "action": "replaced", "outcome": "resolved"}
        message: Event = MESSAGES[kind].model_validate({**fields, **changes})
        party = message.topic.removeprefix("inbound.")
        return await self.world.stack.wire(party).send(message, self.work_order_id)

    async def ticket(self, client: httpx.AsyncClient | None = None) -> dict[str, Any]:
        answer = await (client or self.customer).get(f"/v1/tickets/{self.ticket_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def becomes(self, status: str) -> dict[str, Any]:
        """The ticket once it is in this state."""

        async def check() -> dict[str, Any]:
            ticket = await self.ticket()
            assert ticket["status"] == status, f"{ticket['status']} is not {status}"
            return ticket

        return await eventually(check)

    async def timeline(self, client: httpx.AsyncClient | None = None) -> list[dict[str, Any]]:
        answer = await (client or self.customer).get(f"/v1/tickets/{self.ticket_id}/timeline")
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


async def eventually_open(world: World, who: Person, device: Device, **changes: Any) -> dict[str, Any]:
    """Report a fault as soon as the person's rights have arrived; returns the ticket as answered."""
    body = {"device_id": device.device_id, "description": "Paper jams in tray 2", "error_code": "E602-0001", **changes}
    async with await world.api("tickets", who) as tickets:

        async def post() -> dict[str, Any]:
            answer = await tickets.post("/v1/tickets", json=body)
            assert answer.status_code == 201, answer.text
            found: dict[str, Any] = answer.json()
            return found

        return await eventually(post)


def key() -> dict[str, str]:
    """A header that makes two requests one command."""
    return {"Idempotency-Key": str(uuid.uuid4())}
