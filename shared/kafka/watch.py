"""How far every group is behind, and whether the views that access depends on are fresh."""

import asyncio
import logging
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared import metrics
from shared.kafka.connection import client_arguments
from shared.kafka.subscription import Subscription
from shared.settings import BrokerSettings

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
LIMIT_SECONDS = 3.0


class Watch:
    """Compares what groups have committed with where their topics ended a moment before.

    A group that has committed up to the end of the round before was at the end then: so much is known even while new
    records keep coming. It holds for a group with several members, too.
    """

    def __init__(
        self, settings: BrokerSettings, subscriptions: Sequence[Subscription], guarding: frozenset[str]
    ) -> None:
        self._settings = settings
        self._subscriptions = subscriptions
        self._guarding = guarding
        self._ends: dict[TopicPartition, int] = {}
        self._ends_at = 0.0
        self._fresh_at: dict[str, float] = {}
        self.lag: dict[str, int] = {}

    def is_behind(self, limit_seconds: float) -> bool:
        """True when a view that access depends on was not seen at the end of its topic for so long."""
        now = time.monotonic()
        return any(now - self._fresh_at.get(group, float("-inf")) > limit_seconds for group in self._guarding)

    async def run(self) -> None:
        while True:
            try:
                await self._watch()
            except Exception as error:
                log.warning("cannot see how far the consumers are", extra={"error": repr(error)})
            await asyncio.sleep(PERIOD_SECONDS)

    async def _watch(self) -> None:
        arguments = client_arguments(self._settings)
        consumer = AIOKafkaConsumer(**arguments)
        admin = AIOKafkaAdminClient(request_timeout_ms=int(LIMIT_SECONDS * 1000), **arguments)
        try:
            async with asyncio.timeout(LIMIT_SECONDS * 2):
                await consumer.start()
                await admin.start()
            await self._know_topics(consumer)
            while True:
                async with asyncio.timeout(LIMIT_SECONDS):
                    await self._round(consumer, admin)
                await asyncio.sleep(PERIOD_SECONDS)
        finally:
            async with asyncio.timeout(LIMIT_SECONDS):
                await consumer.stop()
                await admin.close()

    async def _know_topics(self, consumer: AIOKafkaConsumer) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            await consumer._client.set_topics({one.topic for one in self._subscriptions})

    async def _round(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        before, before_at = self._ends, self._ends_at
        self._ends_at = time.monotonic()
        partitions = [
            TopicPartition(one.topic, number)
            for one in self._subscriptions
            for number in consumer.partitions_for_topic(one.topic) or ()
        ]
        self._ends = await consumer.end_offsets(partitions) if partitions else {}
        for one in self._subscriptions:
            committed = await admin.list_consumer_group_offsets(one.group)
            own = [partition for partition in self._ends if partition.topic == one.topic]
            at = {partition: committed[partition].offset if partition in committed else 0 for partition in own}
            self.lag[one.group] = sum(max(0, self._ends[partition] - at[partition]) for partition in own)
            metrics.LAG.labels(one.group, one.topic).set(self.lag[one.group])
            if own and before and all(at[partition] >= before.get(partition, 0) for partition in own):
                self._fresh_at[one.group] = before_at
