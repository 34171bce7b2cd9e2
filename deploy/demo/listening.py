"""The parties' own consumers: each notes when it heard what, and commits, so that the product shows the receipt."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from deploy.simulators.wire import Record, connection, consuming, producing, record_of


@dataclass(frozen=True)
class Heard:
    """A record and the moment it came, by `time.monotonic`."""

    record: Record
    at: float


@dataclass
class Ear:
    """One party at the line: what it has heard, newest last, and the producer with which it speaks."""

    producer: AIOKafkaProducer
    heard: list[Heard] = field(default_factory=list)

    async def first(self, kind: str, *, ticket: str, after: int = 0) -> Heard | None:
        """The first record of a type about a ticket; `after` skips so many earlier records of that party."""
        for heard in self.heard[after:]:
            if heard.record.type == kind and _is_about(heard.record, ticket):
                return heard
        return None


def _is_about(record: Record, ticket: str) -> bool:
    return record.key == ticket or any(
        isinstance(part, dict) and part.get("ticket_id") == ticket for part in record.value.values()
    )


@asynccontextmanager
async def ear(environment: Mapping[str, str], topic: str, group: str) -> AsyncIterator[Ear]:
    """Listen as a party with its own principal and group; records from earlier runs are taken notice of, too."""
    access = connection(environment)
    async with producing(access) as producer, consuming(access, [topic], group) as consumer:
        listening = Ear(producer)

        async def listen() -> None:
            async for raw in consumer:
                listening.heard.append(Heard(record_of(raw), time.monotonic()))
                await consumer.commit({TopicPartition(raw.topic, raw.partition): raw.offset + 1})

        task: asyncio.Task[Any] = asyncio.create_task(listen())
        try:
            yield listening
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
