"""Tickets opened over HTTP against the same writes and publishes by the bare drivers; and the lag behind a 201."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from tests.bench.load import Connection, Measured, as_json, measure
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import Wire, header

WORKERS = 16
SECONDS = 12.0
CLEARED_AT_ONCE = 64


def request_body(device_id: str) -> bytes:
    return as_json(
        {
            "device_id": device_id,
            "description": "Paper jams in tray 2 whenever it prints on both sides",
            "error_code": "E602-0001",
            "another_ticket_is_open_ok": True,
        }
    )


async def over_http(
    stack: Stack, token: str, devices: Sequence[str], *, seconds: float = SECONDS, pace: float = 0.0
) -> tuple[Measured, dict[str, float]]:
    """Open tickets; returns what was measured and the moment of each 201 by ticket id."""
    connections = [Connection(stack.url("tickets"), token) for _ in range(WORKERS)]
    answered: dict[str, float] = {}

    async def open_one(worker: int, number: int) -> str | None:
        device = devices[(worker * 7919 + number) % len(devices)]
        status, body = await connections[worker].request(
            "POST", "/v1/tickets", request_body(device), key=str(uuid.uuid4())
        )
        if status != 201:
            return f"{status} {body[:200]!r}"
        answered[orjson.loads(body)["ticket_id"]] = time.perf_counter()
        return None

    try:
        return await measure(open_one, workers=WORKERS, seconds=seconds, pace_per_second=pace), answered
    finally:
        for connection in connections:
            connection.close()


async def sample_rows(stack: Stack) -> list[dict[str, Any]]:
    """The history rows of a ticket that was opened: they say where its records stand."""
    client = stack.store()
    database = stack.database(client, "tickets")

    async def sample() -> list[dict[str, Any]]:
        document = await database["tickets"].find_one({"version": 3}, sort=[("_id", -1)])
        assert document is not None, "no ticket has been opened yet"
        rows = await database["history"].find({"aggregate": f"tickets/{document['_id']}"}).sort("sequence", 1).to_list()
        assert len(rows) == document["version"], "its history is not written yet"
        return rows

    try:
        return await eventually(sample)
    finally:
        await client.close()


async def on_the_wire(wire: Wire, rows: Sequence[dict[str, Any]]) -> list[ConsumerRecord]:
    """The records behind some history rows, which do not keep all of them."""
    consumer = AIOKafkaConsumer(**wire.arguments)
    await consumer.start()
    records = []
    try:
        for row in rows:
            place = TopicPartition(row["topic"], row["partition"])
            consumer.assign([place])
            consumer.seek(place, row["offset"])
            records.append(await consumer.getone(place))
    finally:
        await consumer.stop()
    return records


async def bare(stack: Stack) -> Measured:
    """The leanest with the same guarantee: one insert that holds the events, sends with acks=all, clearing in bulk."""
    rows = await sample_rows(stack)
    client = stack.store()
    database = client[f"bare_{uuid.uuid4().hex[:8]}"]
    tickets = database["tickets"]
    await tickets.create_index([("outbox.at", 1)], sparse=True)
    wire = stack.wire("tickets")
    records = await on_the_wire(wire, rows)
    producer = AIOKafkaProducer(acks="all", enable_idempotence=True, linger_ms=2, **wire.arguments)
    await producer.start()
    sent: asyncio.Queue[str] = asyncio.Queue()

    async def write_one(_: int, __: int) -> str | None:
        ticket_id = str(uuid.uuid4())
        entries = [
            {
                "id": str(uuid.uuid4()),
                "at": datetime.now(UTC),
                "sequence": row["sequence"],
                "topic": record.topic,
                "headers": {name: value.decode() for name, value in record.headers},
                "value": record.value.decode(),
                "key": ticket_id,
            }
            for row, record in zip(rows, records, strict=True)
        ]
        await tickets.insert_one({"_id": ticket_id, "outbox": entries})
        acknowledgements = [
            await producer.send(
                entry["topic"],
                entry["value"].encode(),
                key=ticket_id.encode(),
                headers=[(name, text.encode()) for name, text in entry["headers"].items()],
            )
            for entry in entries
        ]
        await asyncio.gather(*acknowledgements)
        sent.put_nowait(ticket_id)
        return None

    async def clear() -> None:
        while True:
            ids = [await sent.get()]
            while len(ids) < CLEARED_AT_ONCE and not sent.empty():
                ids.append(sent.get_nowait())
            await tickets.update_many({"_id": {"$in": ids}}, {"$set": {"outbox": []}})

    clearing = asyncio.create_task(clear())
    try:
        return await measure(write_one, workers=WORKERS, seconds=SECONDS)
    finally:
        clearing.cancel()
        await producer.stop()
        await client.drop_database(database.name)
        await client.close()


async def lag(stack: Stack, token: str, devices: Sequence[str], *, pace: float) -> Measured:
    """From the 201 in the client's hand to the record in an outside consumer's, at a steady pace."""
    measured = Measured()
    arrived: dict[str, float] = {}
    done = asyncio.Event()
    async with stack.wire("dispatch").listening("outbound.dispatch") as heard:

        async def listen() -> None:
            while not done.is_set():
                seen = len(heard.records)
                await heard.more()
                now = time.perf_counter()
                for record in heard.records[seen:]:
                    arrived.setdefault(header(record, "ce_subject"), now)

        listening = asyncio.create_task(listen())
        opened, answered = await over_http(stack, token, devices, seconds=SECONDS, pace=pace)
        await asyncio.sleep(2)  # the last ones are still on their way
        done.set()
        await listening
    measured.seconds = opened.seconds
    measured.failures = opened.failures + [f"{ticket} never arrived" for ticket in answered if ticket not in arrived]
    measured.durations = [max(0.0, arrived[ticket] - at) for ticket, at in answered.items() if ticket in arrived]
    return measured
