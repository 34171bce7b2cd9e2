"""A view of ours against bare getmany + bulk_write on the same records."""

import asyncio
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastapi import FastAPI
from pymongo import UpdateOne

from deploy.local.environment import store_url
from shared.application import create_service_app
from shared.consumers import ViewRow, view, views
from shared.contracts.catalog import DeviceChanged, DeviceEvent, DeviceState, Location, Site
from shared.service import Service
from shared.settings import BrokerSettings, ServiceSettings, StoreSettings, TokenSettings
from shared.wire.envelope import Envelope
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import headers_for

RECORDS = 30_000
TOPIC = "catalog.devices"


def device_event(number: int, prefix: str) -> tuple[str, bytes]:
    site = Site(
        site_id=f"{prefix}-site",
        name="Head office",
        street="Satamakatu 4",
        postcode="33200",
        city="Tampere",
        country="FI",
        time_zone="Europe/Helsinki",
    )
    device_id = f"{prefix}-{number}"
    state = DeviceState(
        device_id=device_id,
        serial=f"SN{number:08}",
        model_id="bench",
        model_name="Aurora C3020",
        account_id=f"{prefix}-account",
        own_name=f"Corridor {number}",
        site=site,
        location=Location(floor="2", room=str(number % 400)),
        status_since=datetime.now(UTC),
    )
    return device_id, DeviceChanged(device=state, occurred_at=datetime.now(UTC)).model_dump_json().encode()


async def fill(stack: Stack, prefix: str) -> dict[TopicPartition, int]:
    """Publish the records once; returns where they begin, so that both sides read exactly these."""
    wire = stack.wire("catalog")
    consumer = AIOKafkaConsumer(**wire.arguments)
    await consumer.start()
    await consumer._client.set_topics({TOPIC})
    begins = await consumer.end_offsets([TopicPartition(TOPIC, n) for n in consumer.partitions_for_topic(TOPIC) or ()])
    await consumer.stop()
    producer = AIOKafkaProducer(acks="all", enable_idempotence=True, linger_ms=5, **wire.arguments)
    await producer.start()
    pending = []
    for number in range(RECORDS):
        device_id, value = device_event(number, prefix)
        headers = list(headers_for(DeviceChanged.type, str(uuid.uuid4()), {"ce_sequence": "1"}).items())
        pending.append(await producer.send(TOPIC, value, key=device_id.encode(), headers=headers))
    await asyncio.gather(*pending)
    await producer.stop()
    return dict(begins)


async def _start_at(stack: Stack, group: str, begins: dict[TopicPartition, int]) -> None:
    consumer = AIOKafkaConsumer(group_id=group, enable_auto_commit=False, **stack.wire("admin").arguments)
    await consumer.start()
    consumer.assign(list(begins))
    await consumer.commit(begins)
    await consumer.stop()


async def ours(stack: Stack, begins: dict[TopicPartition, int]) -> float:
    """View updates per second of a subscription as services declare it."""
    database, group = f"bench_{uuid.uuid4().hex[:8]}", f"bench.{uuid.uuid4().hex[:8]}"
    await _start_at(stack, group, begins)
    finished = asyncio.Event()
    seen = 0
    first = 0.0

    @view(TOPIC, group=group, events=(DeviceEvent,))
    async def follow(records: list[Envelope[DeviceEvent]], service: Service[Any, Any]) -> None:
        nonlocal seen, first
        first = first or time.perf_counter()
        await views.upsert(
            service.db["view"],
            [ViewRow(r.key, r.sequence, r.event.device.model_dump(mode="json")) for r in records],
        )
        seen += len(records)
        if seen >= RECORDS:
            finished.set()

    admin = stack.wire("admin")
    app: FastAPI = create_service_app(
        ServiceSettings(
            service="bench",
            store=StoreSettings(url=store_url(stack.profile), database=database),
            broker=BrokerSettings(bootstrap=admin.bootstrap, username=admin.username, password=admin.password),
            tokens=TokenSettings(key_set_url=f"{stack.url('identity')}/v1/keys"),
            log_level="ERROR",
        ),
        build_parts=lambda _db, _settings: None,
        title="bench",
        about="Measurements.",
        routers=(),
        subscriptions=[follow],
        load_user=_nobody,
        load_grants=_nobody,
        load_revocation=_nobody,
    )
    async with app.router.lifespan_context(app):
        await asyncio.wait_for(finished.wait(), 120)
        seconds = time.perf_counter() - first
        await app.state.service.db.client.drop_database(database)
    return RECORDS / seconds


async def bare(stack: Stack, begins: dict[TopicPartition, int]) -> float:
    """The same with nothing in between."""
    database, group = f"bench_{uuid.uuid4().hex[:8]}", f"bench.{uuid.uuid4().hex[:8]}"
    await _start_at(stack, group, begins)
    client = stack.store()
    collection = client[database]["view"]
    await collection.create_index([("version", 1)])
    consumer = AIOKafkaConsumer(
        TOPIC, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest", **stack.wire("admin").arguments
    )
    await consumer.start()
    seen, first = 0, 0.0

    async def batch() -> bool:
        nonlocal seen, first
        records = [r for part in (await consumer.getmany(timeout_ms=200, max_records=500)).values() for r in part]
        if not records:
            return seen >= RECORDS
        first = first or time.perf_counter()
        writes = []
        for record in records:
            device = orjson.loads(record.value)["device"]
            sequence = int(next(value for name, value in record.headers if name == "ce_sequence"))
            key = record.key.decode()
            writes.append(
                UpdateOne(
                    {"_id": key, "version": {"$lt": sequence}}, {"$set": {**device, "version": sequence}}, upsert=True
                )
            )
        await collection.bulk_write(writes, ordered=False)
        await consumer.commit()
        seen += len(records)
        return seen >= RECORDS

    await eventually(batch, within=120, every=0.0)
    seconds = time.perf_counter() - first
    await consumer.stop()
    await client.drop_database(database)
    await client.close()
    return RECORDS / seconds


async def _nobody(*_: object) -> None:
    return None
