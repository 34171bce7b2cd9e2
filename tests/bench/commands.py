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


Rows = dict[str, list[dict[str, Any]]]


async def sample_writes(stack: Stack) -> tuple[dict[str, Any], list[dict[str, Any]], Rows]:
    """What the bare drivers have to write and send: a ticket's document, its history rows, the rows beside it."""
    client = stack.store()
    database = stack.database(client, "tickets")

    async def sample() -> tuple[dict[str, Any], list[dict[str, Any]], Rows]:
        document = await database["tickets"].find_one({"version": 3}, sort=[("ticket.opened_at", -1), ("_id", -1)])
        assert document is not None, "no ticket has been opened yet"
        rows = await database["history"].find({"aggregate": f"tickets/{document['_id']}"}).sort("sequence", 1).to_list()
        assert len(rows) == document["version"], "its history is not written yet"
        beside = {
            name: await database[name].find({"ticket_id": document["_id"]}).to_list()
            for name in ("entries", "work_orders")
        }
        return document, rows, beside

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
    """The same writes without a service: insert with outbox, rows beside it, publish, history rows, pull."""
    document, rows, beside = await sample_writes(stack)
    client = stack.store()
    database = client[f"bare_{uuid.uuid4().hex[:8]}"]
    await database["tickets"].create_index([("outbox.at", 1)], sparse=True)
    wire = stack.wire("tickets")
    records = await on_the_wire(wire, rows)
    producer = AIOKafkaProducer(acks="all", enable_idempotence=True, linger_ms=0, **wire.arguments)
    await producer.start()

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
        waiting: Rows = {
            name: [{**row, "_id": str(uuid.uuid4()), "ticket_id": ticket_id} for row in rows_beside]
            for name, rows_beside in beside.items()
        }
        carried = [
            {"id": row["_id"], "at": datetime.now(UTC), "row": {"collection": name, "document": row}}
            for name, rows_beside in waiting.items()
            for row in rows_beside
        ]
        await database["tickets"].insert_one({**document, "_id": ticket_id, "outbox": [*carried, *entries]})
        for name, rows_beside in waiting.items():
            await database[name].insert_many(rows_beside)
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
        await database["history"].insert_many(
            [
                {**row, "_id": entry["id"], "aggregate": f"tickets/{ticket_id}"}
                for row, entry in zip(rows, entries, strict=True)
            ]
        )
        await database["tickets"].update_one(
            {"_id": ticket_id}, {"$pull": {"outbox": {"id": {"$in": [entry["id"] for entry in [*carried, *entries]]}}}}
        )
        return None

    try:
        return await measure(write_one, workers=WORKERS, seconds=SECONDS)
    finally:
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
