"""Dead letters: records that cannot be handled are parked in order per key, with the reason, until requeued.

The record goes to `<topic>.<group>.dlq` for whoever watches, and whole into the service's own store, from which it is
requeued; it is never sent to the source topic again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from aiokafka import ConsumerRecord
from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared import metrics
from shared.ids import new_id
from shared.kafka.envelope import event_class_of, headers_of, key_of, parse
from shared.kafka.producer import ProducerHolder
from shared.kafka.subscription import Subscription

if TYPE_CHECKING:
    from shared.service import Service

COLLECTION = "parked"


async def prepare(db: AsyncDatabase[dict[str, Any]]) -> None:
    await db[COLLECTION].create_index([("group", ASCENDING), ("key", ASCENDING), ("offset", ASCENDING)])


async def parked_keys(db: AsyncDatabase[dict[str, Any]], group: str) -> set[str]:
    """The keys of a group that wait for a requeue."""
    return {document["key"] async for document in db[COLLECTION].find({"group": group}, {"key": 1})}


async def park(
    db: AsyncDatabase[dict[str, Any]],
    producer: ProducerHolder,
    subscription: Subscription,
    record: ConsumerRecord,
    *,
    reason: str,
    attempts: int,
) -> None:
    """Park one record. Parking it twice leaves one."""
    headers = headers_of(record)
    await _publish(
        producer,
        subscription.dead_letter_topic,
        record,
        {
            **headers,
            "lockstep_reason": reason,
            "lockstep_handler": subscription.handler_name,
            "lockstep_attempts": str(attempts),
            "lockstep_origin": f"{record.topic}/{record.partition}/{record.offset}",
        },
    )
    await db[COLLECTION].update_one(
        {"_id": f"{subscription.group}/{record.topic}/{record.partition}/{record.offset}"},
        {
            "$setOnInsert": {
                "group": subscription.group,
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "timestamp": record.timestamp,
                "key": key_of(record),
                "headers": headers,
                "value": record.value,
                "reason": reason,
                "attempts": attempts,
                "handler": subscription.handler_name,
                "at": datetime.now(UTC),
            }
        },
        upsert=True,
    )
    metrics.PARKED.labels(subscription.group).inc()


async def answer_rejected(
    producer: ProducerHolder, subscription: Subscription, record: ConsumerRecord, *, reason: str
) -> None:
    """Tell the party on `<topic>.rejected` which record was refused and why."""
    headers = headers_of(record)
    answer = {
        "reason": reason,
        "record_id": headers.get("ce_id"),
        "record_type": headers.get("ce_type"),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }
    answer_headers = {
        "ce_specversion": "1.0",
        "ce_id": new_id(),
        "ce_source": f"/lockstep/{subscription.group}",
        "ce_type": "lockstep.record.rejected.v1",
        "ce_time": datetime.now(UTC).isoformat(),
        "ce_causationid": headers.get("ce_id", ""),
        "content-type": "application/json",
    }
    ready = await producer.ready()
    await ready.send_and_wait(
        subscription.rejected_topic,
        orjson.dumps(answer),
        key=record.key,
        headers=[(name, text.encode()) for name, text in answer_headers.items()],
    )


async def requeue(service: "Service", subscription: Subscription, key: str | None = None) -> int:
    """Run the handler on the parked records of a group (or of one of its keys) in order, and unpark each.

    Stops at the first record that fails again, whose error it raises; what is behind it stays parked.
    """
    done = 0
    query: dict[str, Any] = {"group": subscription.group} | ({"key": key} if key is not None else {})
    while True:
        parked = await service.db[COLLECTION].find_one(query, sort=[("partition", ASCENDING), ("offset", ASCENDING)])
        if parked is None:
            return done
        record = _record_of(parked)
        headers = headers_of(record)
        await subscription.handle(parse(record, headers, event_class_of(headers)), service)
        await service.db[COLLECTION].delete_one({"_id": parked["_id"]})
        done += 1


def _record_of(parked: Mapping[str, Any]) -> ConsumerRecord:
    headers = tuple((name, text.encode()) for name, text in parked["headers"].items())
    return ConsumerRecord(
        topic=parked["topic"],
        partition=parked["partition"],
        offset=parked["offset"],
        timestamp=parked["timestamp"],
        timestamp_type=0,
        key=parked["key"].encode(),
        value=parked["value"],
        checksum=None,
        serialized_key_size=len(parked["key"]),
        serialized_value_size=len(parked["value"] or b""),
        headers=headers,
    )


async def _publish(producer: ProducerHolder, topic: str, record: ConsumerRecord, headers: Mapping[str, str]) -> None:
    ready = await producer.ready()
    await ready.send_and_wait(
        topic, record.value, key=record.key, headers=[(name, text.encode()) for name, text in headers.items()]
    )
