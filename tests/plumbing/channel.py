"""One topic of a test's own, with the group that reads it, its dead letters and its answers."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from prometheus_client import REGISTRY

from tests.support.waiting import eventually
from tests.support.wire import Wire, headers_for

CHANGED = "plumbing.thing.changed.v1"


@dataclass(frozen=True, slots=True)
class Sent:
    """One record as somebody sends it. Headers replace those of a good record; None leaves one out."""

    key: str | None
    sequence: int = 1
    name: str = "thing"
    type: str = CHANGED
    value: bytes | None = b"good"
    headers: Mapping[str, bytes | None] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    @property
    def content(self) -> bytes | None:
        if self.value != b"good":
            return self.value
        return orjson.dumps({"thing": {"name": self.name, "count": self.sequence}, "name": self.name})

    @property
    def all_headers(self) -> list[tuple[str, bytes | None]]:
        own = headers_for(self.type, f"{self.key}-{self.sequence}"[-100:], {"ce_sequence": str(self.sequence)})
        return [(name, value) for name, value in {**own, **self.headers}.items() if name not in self.without]


@dataclass(frozen=True)
class Channel:
    wire: Wire
    topic: str
    group: str

    @property
    def dead_letters(self) -> str:
        return f"{self.topic}.{self.group}.dlq"

    @property
    def rejected(self) -> str:
        return f"{self.topic}.rejected"

    @property
    def names(self) -> list[str]:
        return [self.topic, self.dead_letters, self.rejected]

    async def send(self, *records: Sent, partition: int | None = 0) -> None:
        """Send records in this order, all to one partition, so that a consumer gets them as one batch."""
        async with self.wire.producer() as producer:
            pending = [
                await producer.send(
                    self.topic,
                    record.content,
                    key=record.key.encode() if record.key is not None else None,
                    headers=record.all_headers,
                    partition=partition,
                )
                for record in records
            ]
            for one in pending:
                await one

    async def committed(self) -> int:
        """How many records the group has acknowledged."""
        async with self._observer() as observer:
            return await self._at(observer)

    async def acknowledges(self, records: int) -> None:
        """Wait until the group has acknowledged so many records, and not more."""
        async with self._observer() as observer:

            async def check() -> bool:
                at = await self._at(observer)
                assert at == records, f"{at} acknowledged"
                return True

            await eventually(check)

    @contextlib.asynccontextmanager
    async def _observer(self) -> AsyncIterator[AIOKafkaAdminClient]:
        observer = AIOKafkaAdminClient(**self.wire.arguments)
        await observer.start()
        try:
            yield observer
        finally:
            await observer.close()

    async def _at(self, observer: AIOKafkaAdminClient) -> int:
        try:
            found = await observer.list_consumer_group_offsets(self.group)
        except GroupCoordinatorNotAvailableError:
            return 0
        return sum(max(0, one.offset) for partition, one in found.items() if partition.topic == self.topic)

    def metric(self, name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, {"group": self.group, **labels}) or 0.0


def names(records: Sequence[Any]) -> list[str]:
    return [record.event.thing.name for record in records]
