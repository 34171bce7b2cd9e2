"""CloudEvents 1.0 over Kafka in binary mode: the attributes are headers (`ce_…`), the value is JSON.

Everything a party needs to talk to the product: `connection()` from the environment, `Message` for what it says,
`Record` for what it hears, and the clock that a development installation can move.
"""

import json
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

Value = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One thing a party says. `value` is bytes only where somebody wants to send what is not JSON."""

    topic: str
    key: str
    type: str
    value: Value | bytes
    source: str
    sequence: int = 1
    correlation_id: str | None = None
    causation_id: str | None = None

    @property
    def body(self) -> bytes:
        if isinstance(self.value, bytes):
            return self.value
        return json.dumps(self.value, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def id(self) -> str:
        """The same message has the same id however often it is sent, so that a receiver can tell a repeat."""
        content = self.body.decode(errors="replace")
        return str(uuid5(NAMESPACE_URL, f"{self.source}/{self.topic}/{self.key}/{self.type}/{content}"))

    def headers(self) -> list[tuple[str, bytes]]:
        happened = self.value.get("occurred_at") if isinstance(self.value, dict) else None
        attributes = {
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_time": happened or datetime.now(UTC).isoformat(),
            "ce_subject": self.key,
            "ce_partitionkey": self.key,
            "ce_sequence": str(self.sequence),
            "ce_correlationid": self.correlation_id,
            "ce_causationid": self.causation_id,
            "content-type": "application/json",
        }
        return [(name, str(text).encode()) for name, text in attributes.items() if text is not None]


@dataclass(frozen=True)
class Record:
    """One thing a party hears. `value` is empty for a record without a value."""

    topic: str
    partition: int
    offset: int
    key: str
    type: str
    value: Value
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.headers.get("ce_id", f"{self.topic}/{self.partition}/{self.offset}")

    @property
    def correlation_id(self) -> str | None:
        return self.headers.get("ce_correlationid")

    @property
    def sequence(self) -> int:
        return int(self.headers.get("ce_sequence", "0"))


def record_of(raw: Any) -> Record:
    """Read a consumer's record. Raises ValueError where the value is not a JSON object."""
    headers = {name: value.decode(errors="replace") for name, value in raw.headers if value is not None}
    value = json.loads(raw.value) if raw.value else {}
    if not isinstance(value, dict):
        raise ValueError(f"{raw.topic}/{raw.partition}/{raw.offset}: the value is not a JSON object")
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=(raw.key or b"").decode(errors="replace"),
        type=headers.get("ce_type", ""),
        value=value,
        headers=headers,
    )


def connection(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Where the broker is and who we are, from KAFKA_BOOTSTRAP, KAFKA_USERNAME and KAFKA_PASSWORD.

    Raises KeyError naming the variable that is missing.
    """
    options: dict[str, Any] = {"bootstrap_servers": environment["KAFKA_BOOTSTRAP"]}
    if environment.get("KAFKA_USERNAME"):
        options |= {
            "security_protocol": environment.get("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": environment["KAFKA_USERNAME"],
            "sasl_plain_password": environment["KAFKA_PASSWORD"],
        }
    return options


@asynccontextmanager
async def producing(options: Mapping[str, Any]) -> AsyncIterator[AIOKafkaProducer]:
    """A producer whose records are neither lost nor swapped by its own retries."""
    producer = AIOKafkaProducer(acks="all", enable_idempotence=True, linger_ms=5, **options)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def consuming(options: Mapping[str, Any], topics: Iterable[str], group: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that commits only when told: the committed offset is the receipt that the product shows."""
    consumer = AIOKafkaConsumer(
        *topics,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        **options,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def send(producer: AIOKafkaProducer, message: Message) -> Message:
    """Send and wait until every in-sync replica has it."""
    await producer.send_and_wait(message.topic, value=message.body, key=message.key.encode(), headers=message.headers())
    return message


def product_time(environment: Mapping[str, str] = os.environ) -> datetime:
    """Now, in UTC. In development CLOCK_OFFSET_FILE holds the seconds by which everybody's clock is off."""
    path = environment.get("CLOCK_OFFSET_FILE")
    if not path or not Path(path).exists():
        return datetime.now(UTC)
    return datetime.now(UTC) + timedelta(seconds=float(Path(path).read_text().strip() or 0))


def timestamp(moment: datetime | str) -> str:
    """RFC 3339 in UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
