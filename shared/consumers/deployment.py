"""Where a new reaction starts: at its deployment, not with years of records that were dealt with before it was there.

A group's committed offsets are the mark that it has begun; they count for good, also after a long stop, and partitions
added later are read from their beginning. Only a group without any of them is given its first ones here, before its
first join: where each partition stood when the service first started with this reaction. That moment is kept in the
service's store, so that it is the same however long the broker was away at that start, and so that a broker that has
forgotten the offsets of a group (`offsets.retention.minutes`) costs a repetition and never a record.
"""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from shared.consumers.subscription import Kind, Subscription
from shared.service import Service
from shared.waiting import within
from shared.wire.connection import client_arguments

log = logging.getLogger(__name__)

COLLECTION = "deployed_groups"
STOP_LIMIT_SECONDS = 3.0


class TopicUnknown(Exception):
    """The broker does not know the topic, or does not show it to us yet."""


async def remember(db: AsyncDatabase[dict[str, Any]], subscriptions: Iterable[Subscription[Any]]) -> None:
    """Write down since when the reactions are there, by real time. To be called before the service does anything."""
    for one in subscriptions:
        if one.kind is Kind.REACTION:
            await _deployed_at(db, one.group)


async def _deployed_at(db: AsyncDatabase[dict[str, Any]], group: str) -> datetime:
    """The moment that is written down for a group; now, where none is."""
    try:
        await db[COLLECTION].update_one({"_id": group}, {"$setOnInsert": {"at": datetime.now(UTC)}}, upsert=True)
    except DuplicateKeyError:
        log.debug("another replica was first", extra={"group": group})
    found = await db[COLLECTION].find_one({"_id": group})
    assert found is not None, "nobody takes it away"
    at: datetime = found["at"]
    return at


async def begin(service: Service[Any, Any], subscription: Subscription[Any]) -> None:
    """Commit where a reaction's group begins, if it has not begun. Views and inbound groups begin at the beginning.

    The broker refuses the commit of a process that is not in a group that others have joined meanwhile. Raises
    KafkaError, TopicUnknown.
    """
    if subscription.kind is not Kind.REACTION:
        return
    consumer = AIOKafkaConsumer(
        group_id=subscription.group, enable_auto_commit=False, **client_arguments(service.settings.broker)
    )
    try:
        await consumer.start()
        partitions = await _partitions(consumer, subscription.topic)
        for partition in partitions:
            if await consumer.committed(partition) is not None:
                return
        at = await _deployed_at(service.db, subscription.group)
        begins = await _positions_at(consumer, partitions, at)
        consumer.assign(partitions)
        await consumer.commit(begins)
        log.info(
            "a new reaction begins where its topic stood at its deployment",
            extra={"group": subscription.group, "deployed_at": at.isoformat()},
        )
    finally:
        await within(STOP_LIMIT_SECONDS, consumer.stop())


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    await consumer._client.set_topics([topic])
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise TopicUnknown(topic)
    return [TopicPartition(topic, number) for number in sorted(numbers)]


async def _positions_at(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], at: datetime
) -> dict[TopicPartition, int]:
    """The first record of each partition since a moment; the end, known before the look, where there is none."""
    ends = await consumer.end_offsets(partitions)
    since = await consumer.offsets_for_times(dict.fromkeys(partitions, int(at.timestamp() * 1000)))
    return {one: since[one].offset if since[one] is not None else ends[one] for one in partitions}
