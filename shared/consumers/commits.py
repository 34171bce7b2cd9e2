"""Commits what a group has carried out a few times a second: handlers are repeatable, and each commit is a write."""

import asyncio
import logging
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)

PERIOD_SECONDS = 0.2


class Commits:
    """The offsets of one group in one process that are carried out and not committed yet.

    The first batch after a pause is committed at once, those that follow it together. Offsets are named one by one, so
    that a batch in hand is never covered.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._pending: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._flushed_at = float("-inf")
        self._later: asyncio.Task[None] | None = None

    async def carried_out(self, consumer: AIOKafkaConsumer, records: Sequence[ConsumerRecord]) -> None:
        """Note a batch that is done; it is committed now, or with others within a moment."""
        self._consumer = consumer
        for record in records:
            place = TopicPartition(record.topic, record.partition)
            self._pending[place] = max(record.offset + 1, self._pending.get(place, 0))
        if time.monotonic() - self._flushed_at > PERIOD_SECONDS:
            await self.flush()
        elif self._later is None or self._later.done():
            self._later = asyncio.create_task(self._flush_later(), name=f"commits of {self._group}")

    async def flush(self) -> None:
        """Commit what is noted. Where that fails the work is done all the same, and at worst done once more."""
        self._flushed_at = time.monotonic()
        if not self._pending or self._consumer is None:
            return
        pending, self._pending = self._pending, {}
        try:
            await self._consumer.commit(pending)
        except KafkaError as error:
            log.warning("a commit failed", extra={"group": self._group, "error": repr(error)})

    async def _flush_later(self) -> None:
        await asyncio.sleep(PERIOD_SECONDS)
        await self.flush()
