"""How far every group is behind, and whether the views that access depends on are fresh."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared import metrics
from shared.consumers.subscription import Subscription
from shared.settings import BrokerSettings
from shared.waiting import within
from shared.wire.connection import client_arguments

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
AFTER_FIRST_SECONDS = 0.1
"""Nothing is known to be fresh before the second round."""

LIMIT_SECONDS = 3.0
UNSEEN_SECONDS = 5.0
LAG_EVERY_ROUNDS = 5


class Watch:
    """Compares what groups have committed with where their topics ended a moment before.

    A group that has committed up to the end of the round before was at the end then: so much is known even while new
    records keep coming. It holds for a group with several members, too.
    """

    def __init__(
        self, settings: BrokerSettings, subscriptions: Sequence[Subscription[Any]], guarding: frozenset[str]
    ) -> None:
        self._settings = settings
        self._subscriptions = subscriptions
        self._guarding = guarding
        self._ends: dict[TopicPartition, int] = {}
        self._ends_at = float("-inf")
        self._rounds = 0
        self._fresh_at: dict[str, float] = {}
        self.lag: dict[str, int] = {}

    def is_behind(self, limit_seconds: float) -> bool:
        """True when a view that access depends on was not seen at the end of its topic for so long."""
        now = time.monotonic()
        return any(now - self._fresh_at.get(group, float("-inf")) > limit_seconds for group in self._guarding)

    @property
    def sees_broker(self) -> bool:
        """Whether the broker has answered lately."""
        return time.monotonic() - self._ends_at < UNSEEN_SECONDS

    async def run(self) -> None:
        while True:
            rounds = self._rounds
            try:
                await self._watch()
            except Exception as error:
                log.warning("cannot see how far the consumers are", extra={"error": repr(error)})
            if self._rounds == rounds:
                await asyncio.sleep(PERIOD_SECONDS)
            # Else a connection that worked is renewed at once: a broker ends each of them every few minutes, so that
            # clients show their credentials anew, and those who come meanwhile must not be turned away for it.

    async def _watch(self) -> None:
        arguments = client_arguments(self._settings)
        consumer = AIOKafkaConsumer(**arguments)
        admin = AIOKafkaAdminClient(request_timeout_ms=int(LIMIT_SECONDS * 1000), **arguments)
        try:
            async with asyncio.timeout(LIMIT_SECONDS * 2):
                await consumer.start()
                await consumer._client.set_topics({one.topic for one in self._subscriptions})
                await admin.start()
            pause = AFTER_FIRST_SECONDS
            while True:
                async with asyncio.timeout(LIMIT_SECONDS):
                    await self._round(consumer, admin)
                await asyncio.sleep(pause)
                pause = PERIOD_SECONDS
        finally:
            for close in (consumer.stop, admin.close):
                with contextlib.suppress(TimeoutError):
                    await within(LIMIT_SECONDS, close())

    async def _round(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        before, before_at, began_at = self._ends, self._ends_at, time.monotonic()
        known = {one.topic: consumer.partitions_for_topic(one.topic) or () for one in self._subscriptions}
        if not all(known.values()):
            # A broker that has just come back knows nothing for a moment, and aiokafka would believe it for minutes.
            await consumer._client.force_metadata_update()
        partitions = [TopicPartition(topic, number) for topic, numbers in known.items() for number in numbers]
        self._ends = await consumer.end_offsets(partitions) if partitions else {}
        self._ends_at = began_at
        for one in self._subscriptions:
            if one.group not in self._guarding and self._rounds % LAG_EVERY_ROUNDS:
                continue
            own = [partition for partition in self._ends if partition.topic == one.topic]
            at = await self._positions(consumer, admin, one.group, own)
            self.lag[one.group] = sum(max(0, self._ends[partition] - at[partition]) for partition in own)
            metrics.LAG.labels(one.group, one.topic).set(self.lag[one.group])
            if own and all(partition in before and at[partition] >= before[partition] for partition in own):
                self._fresh_at[one.group] = before_at
        self._rounds += 1

    async def _positions(
        self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, group: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Where a group goes on reading: at what it has committed, or at the beginning of what is still kept."""
        committed = await admin.list_consumer_group_offsets(group)
        at = {one: committed[one].offset for one in partitions if one in committed and committed[one].offset >= 0}
        untouched = [one for one in partitions if one not in at and self._ends[one] > 0]
        at |= dict.fromkeys((one for one in partitions if one not in at), 0)
        return at | (await consumer.beginning_offsets(untouched) if untouched else {})
