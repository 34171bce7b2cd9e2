"""One topic of a test's own, with the group that reads it, its dead letters and its answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient
from prometheus_client import REGISTRY

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
        own = headers_for(self.type, f"{self.key}-{self.sequence}", {"ce_sequence": str(self.sequence)})
        return [(name, value) for name, value in {**own, **self.headers}.items() if name not in self.without]


@dataclass(frozen=True)
class Channel:
    wire: Wire
    admin: AdminClient
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

    def committed(self) -> int:
        """How many records the group has acknowledged."""
        asked = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self.group)])
        found = asked[self.group].result(15).topic_partitions
        return sum(max(0, one.offset) for one in found if one.topic == self.topic)

    def metric(self, name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, {"group": self.group, **labels}) or 0.0


def names(records: Sequence[Any]) -> list[str]:
    return [record.event.thing.name for record in records]
