"""One topic of a test's own, with the group that reads it, its dead letters and its answers."""

import contextlib
import struct
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import orjson
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c_py
from confluent_kafka.admin import AdminClient, NewTopic
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

    async def send_unreadable(self, *, partition: int = 0) -> None:
        """A record that no client of Java or Python sends, but one in C can: the name of a header is not UTF-8."""
        builder = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=10_000,
        )
        builder.append(0, 1_700_000_000_000, b"strange", b"{}", [("HEADER", b"x")])
        batch = bytearray(builder.build())
        place = batch.index(b"HEADER")
        batch[place : place + 6] = b"\xff\xfe\xfd\xfc\xfb\xfa"
        struct.pack_into(">I", batch, 17, calc_crc32c_py(bytes(batch[21:])))
        request = ProduceRequest(None, -1, 5_000, [(self.topic, [(partition, bytes(batch))])])
        async with self.wire.producer() as producer:

            async def taken() -> bool:
                await producer.partitions_for(self.topic)
                leader = producer.client.cluster.leader_for_partition(TopicPartition(self.topic, partition))
                answer = await producer.client.send(leader or 0, request)
                assert answer.topics[0][1][0][1] == 0, f"the broker did not take it: {answer}"
                return True

            await eventually(taken)

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


def channel_on(wire: Wire, admin: AdminClient) -> Channel:
    """A new channel, with its topics made."""
    mark = uuid.uuid4().hex[:10]
    own = Channel(wire, f"plumbing.channel-{mark}", f"plumbing.group-{mark}")
    for future in admin.create_topics([NewTopic(name, 3, 1) for name in own.names]).values():
        future.result(15)
    return own
