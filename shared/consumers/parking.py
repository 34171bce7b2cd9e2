"""Dead letters: records that cannot be handled are parked in order per key, with the reason, until requeued.

The record goes to `<topic>.<group>.dlq` for whoever watches, and whole into the service's own store, from which it is
requeued; it is never sent to the source topic again.
"""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from aiokafka import ConsumerRecord
from aiokafka.errors import MessageSizeTooLargeError
from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared import context, metrics
from shared.consumers.patience import reason_of
from shared.consumers.subscription import Subscription
from shared.ids import new_id
from shared.service import Service
from shared.wire.envelope import LONGEST_TEXT, event_class_of, headers_of, key_of, parse, traceparent_of
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)

COLLECTION = "parked"
ORDER = [("partition", ASCENDING), ("offset", ASCENDING)]
"""Of the records of one key."""


async def prepare(db: AsyncDatabase[dict[str, Any]]) -> None:
    await db[COLLECTION].create_index([("group", ASCENDING), ("key", ASCENDING), ("offset", ASCENDING)])


async def parked_among(db: AsyncDatabase[dict[str, Any]], group: str, keys: Iterable[str]) -> set[str]:
    """Those of some keys of a group that wait for a requeue; however many others do, this looks up only these."""
    query = {"group": group, "key": {"$in": list(keys)}}
    return {document["key"] async for document in db[COLLECTION].find(query, {"_id": 0, "key": 1})}


async def _parked_keys(db: AsyncDatabase[dict[str, Any]], group: str) -> list[str]:
    found = {document["key"] async for document in db[COLLECTION].find({"group": group}, {"_id": 0, "key": 1})}
    return sorted(found)


async def park(
    db: AsyncDatabase[dict[str, Any]],
    producer: ProducerHolder,
    subscription: Subscription[Any],
    record: ConsumerRecord,
    *,
    reason: str,
    attempts: int,
) -> None:
    """Park one record. Parking it twice leaves one."""
    why = {
        "lockstep_reason": reason,
        "lockstep_handler": subscription.handler_name,
        "lockstep_attempts": str(attempts),
        "lockstep_origin": f"{record.topic}/{record.partition}/{record.offset}",
    }
    headers = [*record.headers, *_encoded(why)]
    value = b"" if record.key is None and record.value is None else record.value  # aiokafka sends no empty record
    try:
        await producer.send(subscription.dead_letter_topic, value, key=record.key, headers=headers)
    except MessageSizeTooLargeError:  # as large as the broker takes, and the reason on top: the store holds it whole
        await producer.send(subscription.dead_letter_topic, b"", key=None, headers=_encoded(why))
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
                "headers": [[name.encode(), value] for name, value in record.headers],
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
    producer: ProducerHolder, subscription: Subscription[Any], record: ConsumerRecord, *, reason: str
) -> None:
    """Tell the party on `<topic>.rejected` which record was refused and why."""
    headers = headers_of(record)
    record_id = headers.get("ce_id", "")[:LONGEST_TEXT]
    answer = {
        "reason": reason,
        "record_id": record_id or None,
        "record_type": headers.get("ce_type", "")[:LONGEST_TEXT] or None,
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
        "ce_causationid": record_id,
        "content-type": "application/json",
    }
    if (trace := traceparent_of(headers)) is not None:
        answer_headers["traceparent"] = trace
    key = record.key if record.key and len(record.key) <= LONGEST_TEXT else None
    await producer.send(subscription.rejected_topic, orjson.dumps(answer), key=key, headers=_encoded(answer_headers))


@dataclass(slots=True)
class Requeued:
    """How many records were carried out; which keys stay parked because their first record failed again, and why."""

    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)


async def requeue(
    service: Service[Any, Any], subscription: Subscription[Any], key: str | None = None, *, most: int | None = None
) -> Requeued:
    """Run the handler on the parked records of a group (or of one of its keys) in order, and unpark each.

    A record that fails again stays, now with the new reason, and so does what is behind it under the same key; other
    keys go on. After `most` records it ends.
    """
    outcome = Requeued()
    keys = [key] if key is not None else await _parked_keys(service.db, subscription.group)
    for one in keys:
        try:
            async for parked in _in_order(service.db, subscription.group, one):
                if outcome.done == most:
                    return outcome
                record = _record_of(parked)
                headers = headers_of(record)
                envelope = parse(record, headers, event_class_of(headers))
                with context.of_record(correlation=envelope.correlation, trace=envelope.traceparent):
                    await subscription.handle(envelope, service)
                await service.db[COLLECTION].delete_one({"_id": parked["_id"]})
                outcome.done += 1
        except Exception as error:
            log.warning("requeue failed", extra={"group": subscription.group, "key": one}, exc_info=True)
            outcome.failed[one] = reason_of(error)
            await _note_failure(service.db, subscription.group, one, outcome.failed[one])
    return outcome


async def discard_first(service: Service[Any, Any], subscription: Subscription[Any], key: str) -> bool:
    """Give up the first parked record of a key, so that a requeue can go on behind it; False when there is none."""
    async for parked in _in_order(service.db, subscription.group, key):
        await service.db[COLLECTION].delete_one({"_id": parked["_id"]})
        return True
    return False


async def _in_order(db: AsyncDatabase[dict[str, Any]], group: str, key: str) -> AsyncIterator[dict[str, Any]]:
    """The parked records of a key, also those that are parked meanwhile. The caller takes each away before the next."""
    while (parked := await db[COLLECTION].find_one({"group": group, "key": key}, sort=ORDER)) is not None:
        yield parked


async def _note_failure(db: AsyncDatabase[dict[str, Any]], group: str, key: str, reason: str) -> None:
    async for parked in _in_order(db, group, key):
        await db[COLLECTION].update_one({"_id": parked["_id"]}, {"$set": {"reason": reason}, "$inc": {"attempts": 1}})
        return


def _record_of(parked: Mapping[str, Any]) -> ConsumerRecord:
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
        headers=tuple((name.decode(), value) for name, value in parked["headers"]),
    )


def _encoded(headers: Mapping[str, str]) -> list[tuple[str, bytes | None]]:
    return [(name, text.encode()) for name, text in headers.items()]
