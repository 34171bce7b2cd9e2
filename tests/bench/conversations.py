"""A ticket of 2,000 entries against young ones: the same words written, the newest line read."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from tests.bench.commands import request_body
from tests.bench.load import Connection, Measured, as_json, measure
from tests.support.stack import Stack

ENTRIES = 2_000
YOUNG = 40
SECONDS = 8.0
WORD = as_json({"text": "It still jams whenever it prints on both sides. " * 20})


async def open_one(connection: Connection, device_id: str) -> str:
    status, body = await connection.request("POST", "/v1/tickets", request_body(device_id), key=str(uuid.uuid4()))
    if status != 201:
        raise RuntimeError(f"{status} {body[:200]!r}")
    ticket: dict[str, Any] = orjson.loads(body)
    return str(ticket["ticket_id"])


async def write(connection: Connection, ticket_id: str) -> str | None:
    status, body = await connection.request("POST", f"/v1/tickets/{ticket_id}/updates", WORD, key=str(uuid.uuid4()))
    return None if status == 201 else f"{status} {body[:200]!r}"


async def measured(stack: Stack, token: str, devices: Sequence[str]) -> tuple[Measured, Measured]:
    """Writing an entry and reading the newest line, one after the other: on young tickets, and on the old one."""
    connection = Connection(stack.url("tickets"), token)
    young = [await open_one(connection, devices[number % len(devices)]) for number in range(YOUNG)]
    old = await open_one(connection, devices[0])
    for _ in range(ENTRIES):
        failure = await write(connection, old)
        if failure is not None:
            raise RuntimeError(failure)
    await asyncio.sleep(2)  # what was written has left the outbox

    async def work_on(ticket_id: str) -> str | None:
        failure = await write(connection, ticket_id)
        if failure is not None:
            return failure
        status, body = await connection.request("GET", f"/v1/tickets/{ticket_id}/timeline?limit=1")
        return None if status == 200 else f"{status} {body[:200]!r}"

    async def on_young(_: int, number: int) -> str | None:
        return await work_on(young[number % len(young)])

    async def on_old(_: int, __: int) -> str | None:
        return await work_on(old)

    try:
        few = await measure(on_young, workers=1, seconds=SECONDS)
        return few, await measure(on_old, workers=1, seconds=SECONDS)
    finally:
        connection.close()
