"""The outbox of one document on its way to the broker: what was acknowledged, and what became of the rest.

Entries of one topic go in order, each topic for itself: consumers compare sequences within a topic only. The first one
is waited for before the others follow; a broker that refuses one then refuses all behind it, so that no later event
overtakes an earlier one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    InvalidProducerIdMapping,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownError,
)

from shared import metrics
from shared.wire.producer import ProducerHolder

SEND_LIMIT_SECONDS = 5.0
"""How long a record may stay without an answer while it is the next in order."""

Acknowledged = dict[str, tuple[int, int]]
"""Partition and offset by the entry's id."""


class Fate(IntEnum):
    """What became of records that were not acknowledged; the worse ones are higher."""

    NOT_TAKEN = 0
    """The producer was broken by another one's record; the broker does not have it."""
    REFUSED = 1
    """The broker does not want it; it does not have it."""
    UNKNOWN = 2
    """No answer: the broker may have it, or may get it yet."""


@dataclass(frozen=True, slots=True)
class Failure:
    fate: Fate
    topic: str
    error: BaseException


async def publish(
    producers: ProducerHolder, entries: Sequence[Mapping[str, Any]], acknowledged: Acknowledged
) -> Failure | None:
    """Send entries and note in `acknowledged` those that the broker has; the worst failure of the others.

    A producer that an error has spoiled is replaced before this returns.
    """
    by_topic: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        by_topic.setdefault(entry["topic"], []).append(entry)
    if len(by_topic) == 1:
        ((topic, own),) = by_topic.items()
        return await _publish_in_order(producers, topic, own, acknowledged)
    failures = await asyncio.gather(
        *(_publish_in_order(producers, topic, own, acknowledged) for topic, own in by_topic.items())
    )
    return max((failure for failure in failures if failure is not None), key=lambda one: one.fate, default=None)


async def _publish_in_order(
    producers: ProducerHolder, topic: str, entries: Sequence[Mapping[str, Any]], acknowledged: Acknowledged
) -> Failure | None:
    try:
        await producers.ready()
    except Exception as away:
        return Failure(Fate.NOT_TAKEN, topic, away)
    async with producers.lent() as producer:
        try:
            # A topic that is not known costs its own document a time-out and nobody else.
            async with asyncio.timeout(SEND_LIMIT_SECONDS):
                await producer.partitions_for(topic)
        except (TimeoutError, KafkaError) as error:
            return Failure(Fate.NOT_TAKEN if isinstance(error, ProducerClosed) else Fate.REFUSED, topic, error)
        failure = await _placed(producer, topic, entries[:1], acknowledged)
        if failure is None and len(entries) > 1:
            failure = await _placed(producer, topic, entries[1:], acknowledged)
        if failure is not None and failure.fate is Fate.UNKNOWN:
            await producers.abandon(producer)
        elif failure is not None:
            producers.retire(producer)
        return failure


async def _placed(
    producer: AIOKafkaProducer, topic: str, entries: Sequence[Mapping[str, Any]], acknowledged: Acknowledged
) -> Failure | None:
    """Hand entries to the producer and wait for the answers. The first failure tells why; nothing follows it."""
    placed: list[tuple[str, asyncio.Future[Any]]] = []
    failure: Failure | None = None
    for entry in entries:
        try:
            async with asyncio.timeout(SEND_LIMIT_SECONDS):
                placed.append((entry["id"], await _send(producer, entry)))
        except Exception as error:
            failure = Failure(_fate_of(error), topic, error)
            break
    for entry_id, answer in placed:
        refusal = await _refusal_in(answer, patient=failure is None or failure.fate is not Fate.UNKNOWN)
        if refusal is None:
            record = answer.result()
            acknowledged[entry_id] = (record.partition, record.offset)
            metrics.PUBLISHED.labels(topic).inc()
        elif failure is None or _fate_of(refusal) is Fate.UNKNOWN:
            failure = Failure(_fate_of(refusal), topic, refusal)
    return failure


async def _refusal_in(answer: "asyncio.Future[Any]", *, patient: bool) -> BaseException | None:
    """The error in an answer, or the lack of one within the limit; None when the broker has the record."""
    if not answer.done() and patient:
        await asyncio.wait({answer}, timeout=SEND_LIMIT_SECONDS)
    if answer.done():
        return answer.exception()
    answer.add_done_callback(_pass_over)
    return TimeoutError(f"no answer within {SEND_LIMIT_SECONDS:g} s")


async def _send(producer: AIOKafkaProducer, entry: Mapping[str, Any]) -> "asyncio.Future[Any]":
    value: str | None = entry["value"]
    answer: asyncio.Future[Any] = await producer.send(
        entry["topic"],
        None if value is None else value.encode(),
        key=entry["key"].encode(),
        headers=[(name, text.encode()) for name, text in entry["headers"].items()],
    )
    return answer


def _fate_of(error: BaseException) -> Fate:
    if isinstance(error, OutOfOrderSequenceNumber | ProducerFenced | InvalidProducerIdMapping):
        return Fate.NOT_TAKEN
    is_verdict = isinstance(error, BrokerResponseError) and not error.retriable and not isinstance(error, UnknownError)
    return Fate.REFUSED if is_verdict else Fate.UNKNOWN


def _pass_over(answer: "asyncio.Future[Any]") -> None:
    """An answer that nobody waits for any more."""
    if not answer.cancelled():
        answer.exception()
