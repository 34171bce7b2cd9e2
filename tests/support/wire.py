"""Topics as an outside program sees them: plain aiokafka, own principal, records with CloudEvents headers."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from shared.contracts.base import Event
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Wire:
    """One principal's way to the broker."""

    bootstrap: str
    username: str
    password: str

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    @contextlib.asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **self.arguments)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def send_all(self, events: Iterable[tuple[Event, str]]) -> None:
        """Send several messages (event, key) in order over one connection."""
        async with self.producer() as producer:
            pending = []
            for event, key in events:
                headers = list(headers_for(event.type, str(uuid.uuid4())).items())
                value = event.model_dump_json().encode()
                pending.append(await producer.send(event.topic, value, key=key.encode(), headers=headers))
            await asyncio.gather(*pending)

    async def send(self, event: Event, key: str, **headers: str) -> str:
        """Send one message of the contract as a party does; returns its id."""
        message_id = headers.pop("ce_id", str(uuid.uuid4()))
        await self.send_raw(
            event.topic, key, event.model_dump_json().encode(), headers_for(event.type, message_id, headers)
        )
        return message_id

    async def send_raw(
        self, topic: str, key: str | None, value: bytes | None, headers: Mapping[str, bytes | None]
    ) -> None:
        async with self.producer() as producer:
            await producer.send_and_wait(
                topic, value, key=key.encode() if key is not None else None, headers=list(headers.items())
            )

    @contextlib.asynccontextmanager
    async def listening(self, *topics: str, group: str | None = None) -> AsyncIterator["Listener"]:
        """Everything that arrives on some topics from now on."""
        consumer = AIOKafkaConsumer(
            *topics,
            group_id=group,
            auto_offset_reset="latest" if group is None else "earliest",
            enable_auto_commit=group is not None,
            auto_commit_interval_ms=200,
            **self.arguments,
        )
        await consumer.start()
        if group is None:
            await consumer.seek_to_end()
            for partition in consumer.assignment():
                await consumer.position(partition)
        try:
            yield Listener(consumer)
        finally:
            await consumer.stop()


class Listener:
    """The records that a consumer has received so far."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.records: list[ConsumerRecord] = []

    async def more(self) -> None:
        for batch in (await self._consumer.getmany(timeout_ms=50)).values():
            self.records.extend(batch)

    def of(self, key: str) -> list[ConsumerRecord]:
        return [record for record in self.records if record.key == key.encode()]

    async def until(self, wanted: Callable[["Listener"], Any], *, within: float = 15.0, what: str = "") -> Any:
        """Read on until `wanted(self)` is truthy; returns that."""

        async def check() -> Any:
            await self.more()
            return wanted(self)

        return await eventually(
            check, within=within, every=0.0, what=what or f"{len(self.records)} records, not the wanted"
        )

    async def types_of(self, key: str, *wanted: str, within: float = 15.0) -> list[str]:
        """Read on until all wanted types have arrived under a key; returns all types of it in order."""
        await self.until(lambda own: set(wanted) <= {type_of(r) for r in own.of(key)}, within=within, what=f"{wanted}")
        return [type_of(record) for record in self.of(key)]


def headers_for(event_type: str, message_id: str, more: Mapping[str, str] | None = None) -> dict[str, bytes | None]:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": message_id,
        "ce_source": "/outside",
        "ce_type": event_type,
        "ce_time": datetime.now(UTC).isoformat(),
        "content-type": "application/json",
        **(more or {}),
    }
    return {name: text.encode() for name, text in headers.items()}


def header(record: ConsumerRecord, name: str) -> str:
    return next(((value or b"").decode() for key, value in record.headers if key == name), "")


def type_of(record: ConsumerRecord) -> str:
    return header(record, "ce_type")


def value_of(record: ConsumerRecord) -> Any:
    return json.loads(record.value or b"null")
