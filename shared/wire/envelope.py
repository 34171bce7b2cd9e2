"""A record as consumers see it: CloudEvents 1.0 headers (Kafka binary mode) around one event of the contracts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from aiokafka import ConsumerRecord

from shared.contracts.base import FIRST_YEAR, LAST_YEAR, Event
from shared.contracts.catalogue import BY_TYPE

E = TypeVar("E", bound=Event)

LONGEST_TEXT = 200  # of a key or a header: they go into the headers of what follows, and into indexes
LARGEST_SEQUENCE = 2**63 - 1
NUL = "\0"
TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Malformed(Exception):
    """The record does not follow the contract; the message says which rule it breaks."""


@dataclass(frozen=True, slots=True)
class Envelope(Generic[E]):
    """One record. `event` is missing only in a tombstone. `sequence` is the aggregate's version, 0 where not told."""

    event: E
    key: str
    sequence: int
    id: str
    type: str
    time: datetime
    source: str
    subject: str
    correlation_id: str | None
    causation_id: str | None
    actor: str | None
    topic: str
    partition: int
    offset: int
    traceparent: str | None = None

    @property
    def is_tombstone(self) -> bool:
        return self.event is None

    @property
    def correlation(self) -> str:
        """What everything that follows from the record is correlated by."""
        return self.correlation_id or self.id


def headers_of(record: ConsumerRecord) -> dict[str, str]:
    """The headers as text; a header that is null or not UTF-8 becomes an empty or a repaired one, never an error."""
    return {str(name): (value or b"").decode("utf-8", "replace") for name, value in record.headers}


def key_of(record: ConsumerRecord) -> str:
    """The key as text, repaired where it is not UTF-8; of one that is too long, the beginning."""
    key = record.key or b""
    return key.decode("utf-8", "replace")[: LONGEST_TEXT + 1]


def sequence_of(headers: Mapping[str, str]) -> int:
    """The aggregate's version. Raises Malformed for what is not a whole number from 0."""
    text = headers.get("ce_sequence", "0")
    if not text.isdecimal() or len(text) > LONGEST_TEXT or int(text) > LARGEST_SEQUENCE:
        raise Malformed("ce_sequence is not a whole number, or too large")
    return int(text)


def parse(record: ConsumerRecord, headers: Mapping[str, str], event_class: type[E] | None) -> Envelope[E]:
    """The envelope of a record whose type is known. Raises Malformed or pydantic's ValidationError."""
    for name in ("ce_id", "ce_type"):
        if not headers.get(name):
            raise Malformed(f"the header {name} is missing")
    for name, text in headers.items():
        if name.startswith("ce_"):
            _check(f"the header {name[:LONGEST_TEXT]}", text)
    key = key_of(record)
    if not key:
        raise Malformed("the record has no key")
    _check("the key", key)
    event: Any = None
    if record.value is not None:
        if event_class is None:
            raise Malformed(f"the type {headers['ce_type']} is not known here")
        event = event_class.model_validate_json(record.value)
    return Envelope(
        event=event,
        key=key,
        sequence=sequence_of(headers),
        id=headers["ce_id"],
        type=headers["ce_type"],
        time=_time_of(record, headers),
        source=headers.get("ce_source", ""),
        subject=headers.get("ce_subject") or key,
        correlation_id=headers.get("ce_correlationid"),
        causation_id=headers.get("ce_causationid"),
        actor=headers.get("ce_actor"),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        traceparent=traceparent_of(headers),
    )


def traceparent_of(headers: Mapping[str, str]) -> str | None:
    """The W3C trace context of the record; None where there is none, or something else."""
    text = headers.get("traceparent", "")
    return text if TRACEPARENT.fullmatch(text) else None


def event_class_of(headers: Mapping[str, str]) -> type[Event] | None:
    return BY_TYPE.get(headers.get("ce_type", ""))


def _check(what: str, text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise Malformed(f"{what} is longer than {LONGEST_TEXT} characters")
    if NUL in text:
        raise Malformed(f"{what} holds a NUL")


def _time_of(record: ConsumerRecord, headers: Mapping[str, str]) -> datetime:
    """What the record says; where that is no moment of these times, what the broker says."""
    try:
        time = datetime.fromisoformat(headers["ce_time"])
    except (KeyError, ValueError):
        return _broker_time_of(record)
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        return _broker_time_of(record)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _broker_time_of(record: ConsumerRecord) -> datetime:
    """The record's timestamp; whoever writes it may choose that freely, too."""
    try:
        return datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, UTC)
