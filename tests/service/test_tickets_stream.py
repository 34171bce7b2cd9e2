"""The stream of tickets: who may see a ticket hears of it as it is now, and nothing twice (TIC-15)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.service.tickets_scene import Scene, key
from tests.support.waiting import eventually
from tests.support.world import Person, World


@contextlib.asynccontextmanager
async def stream_of(world: World, who: Person) -> AsyncIterator[list[dict[str, Any]]]:
    """What a person hears of tickets from now on."""
    heard: list[dict[str, Any]] = []
    begun = asyncio.Event()

    async def listen(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/v1/stream", timeout=60) as answer:
            event = ""
            async for line in answer.aiter_lines():
                if line.startswith("event:"):
                    event = line.removeprefix("event:").strip()
                elif line.startswith("data:") and event == "ticket":
                    heard.append(json.loads(line.removeprefix("data:")))
                if event == "refetch":
                    begun.set()

    async with await world.api("tickets", who) as client:
        listening = asyncio.create_task(listen(client))
        try:
            await asyncio.wait_for(begun.wait(), 15)
            yield heard
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def until(heard: list[dict[str, Any]], number: int) -> None:
    async def check() -> bool:
        assert len(heard) >= number, f"heard {heard}"
        return True

    await eventually(check)


async def test_a_stream_tells_of_visible_tickets_as_they_are_now_and_passes_no_late_duplicate_on(world: World) -> None:
    wire = world.stack.wire("admin")
    async with wire.listening("tickets.tickets") as records, Scene.of(world) as scene:
        opened = await records.until(lambda own: own.of(scene.ticket_id))
        stranger = await world.manager(await world.account(), whole=True)
        async with stream_of(world, scene.manager) as heard, stream_of(world, stranger) as nothing:
            await scene.customer.post(
                f"/v1/tickets/{scene.ticket_id}/updates", json={"text": "It beeps, too"}, headers=key()
            )
            await until(heard, 1)
            assert heard[0]["ticket_id"] == scene.ticket_id and heard[0]["device_id"] == scene.device.device_id
            now = (await scene.ticket())["version"]
            assert heard[0]["version"] == now

            late = opened[0]
            await wire.send_raw(late.topic, scene.ticket_id, late.value, dict(late.headers))
            await scene.customer.post(
                f"/v1/tickets/{scene.ticket_id}/updates", json={"text": "It stopped"}, headers=key()
            )
            await until(heard, 2)
            assert [one["version"] for one in heard] == sorted({one["version"] for one in heard})
            assert all(one["type"] != "tickets.ticket.opened.v1" for one in heard)
            assert nothing == []
