"""Runs a service's subscriptions on FastStream: batches, static membership, commits after the work."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import UnsupportedCodecError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.security import SASLScram512

from shared import faultpoints
from shared.consumers import deployment
from shared.consumers.commits import Commits
from shared.consumers.coverage import Coverage
from shared.consumers.handling import Handling
from shared.consumers.in_hand import GivenBack
from shared.consumers.subscription import Subscription
from shared.service import Service
from shared.settings import BrokerSettings
from shared.waiting import within
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)
faststream_log = logging.getLogger(f"{__name__}.faststream")
faststream_log.setLevel(logging.ERROR)

POLL_MS = 1_000
STEP_MS = 1_000  # longer than a fetch waits at the broker, else a partition's turn ends before its answer
REBALANCE_WAIT_SECONDS = 30
SESSION_TIMEOUT_MS = 15_000
START_LIMIT_SECONDS = 2.0 * REBALANCE_WAIT_SECONDS  # a start waits for its share, and that for the others' batches
STOP_LIMIT_SECONDS = 10.0
BEGIN_LIMIT_SECONDS = 10.0

BUSY_WITHIN_SECONDS = 0.02
GATHER_SECONDS = 0.01
SMALL_BATCH = 64
"""While small batches follow one another closely, a moment's patience makes fewer and larger ones of them."""


class _Batches(ConsumerRebalanceListener):  # type: ignore[misc]
    """The batches of one subscription, one at a time.

    A rebalance waits until the batch in hand is done or given back: else two members would handle it at once.
    """

    def __init__(self, handling: Handling, most_records: int) -> None:
        self._handling = handling
        self._in_hand = handling.in_hand
        self._most_records = most_records
        self._idle = asyncio.Event()
        self._idle.set()
        self._ended_at = float("-inf")
        self._last_size = 0
        self.commits = Commits(handling.in_hand.group)

    async def take(self, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        """Wait for records as long as it takes, instead of polling and sleeping as FastStream does.

        Nothing is awaited between the fetch and the mark, so that no rebalance slips in between.
        """
        if self._last_size < SMALL_BATCH and time.monotonic() - self._ended_at < BUSY_WITHIN_SECONDS:
            await asyncio.sleep(GATHER_SECONDS)
        try:
            found = await consumer.getmany(timeout_ms=POLL_MS, max_records=self._most_records)
        except UnicodeDecodeError:
            found = await self._step_up(consumer)
        except UnsupportedCodecError as error:
            # The topics of parties are kept in a form that can be read; elsewhere a person has to look.
            self._in_hand.stop(f"a record is compressed in a way that cannot be read here: {error}")
            await self._in_hand.stopping.wait()
            return ()
        if found and not self._in_hand.stopping.is_set():
            self._idle.clear()
            self._in_hand.take()
        return tuple(chain.from_iterable(found.values()))

    async def _step_up(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Take what stands before a record that aiokafka cannot read, or hand that one on, emptied.

        The name of a header that is not UTF-8 breaks the reading of all that was fetched with it. Only clients in C
        send such a thing; it must not hold up the partition.
        """
        for partition in sorted(consumer.assignment()):
            taken: list[ConsumerRecord] = []
            try:
                while len(taken) < self._most_records and (
                    found := await consumer.getmany(partition, timeout_ms=STEP_MS, max_records=1)
                ):
                    taken += found[partition]
            except UnicodeDecodeError:
                if not taken:
                    offset = await consumer.position(partition)
                    consumer.seek(partition, offset + 1)
                    taken.append(_emptied(partition, offset))
            if taken:
                return {partition: taken}
        return {}

    async def work(self, message: KafkaAckableMessage) -> None:
        try:
            await self._handling.batch(message.raw_message)
            faultpoints.reach(faultpoints.CONSUMER_WORKED)
            await self.commits.carried_out(message.consumer, message.raw_message)
            if self._in_hand.stopping.is_set():
                await self.commits.flush()
        except GivenBack:
            log.info("a batch is given back; it comes again", extra={"group": self._in_hand.group})
        finally:
            self._last_size, self._ended_at = len(message.raw_message), time.monotonic()
            self._idle.set()
        if self._in_hand.stopped_because is not None:
            # A later commit would cover what was given back: nothing is taken from here on.
            await self._in_hand.stopping.wait()

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        self._in_hand.give_back()
        try:
            await asyncio.wait_for(self._idle.wait(), REBALANCE_WAIT_SECONDS)
        except TimeoutError:
            log.error("a rebalance did not wait any longer for a batch", extra={"group": self._in_hand.group})
        await self.commits.flush()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        log.debug("assigned %s", assigned)


class Consumers:
    """All consumers of one process. Each starts by itself and goes on trying while the broker does not take it."""

    def __init__(self, service: Service[Any, Any], subscriptions: Sequence[Subscription[Any]]) -> None:
        self._service = service
        self._subscriptions = subscriptions
        self._stopping = asyncio.Event()
        self._brokers: dict[str, KafkaBroker] = {}
        self._commits: dict[str, Commits] = {}
        settings = service.settings
        # Apart from the outbox's: a dead letter that the broker refuses must not disturb the events.
        self._producer = ProducerHolder(settings.broker, f"{settings.service}-{settings.instance}-parking")
        self.handlings = {one.group: Handling(one, service, self._producer, self._stopping) for one in subscriptions}

    @property
    def waiting(self) -> list[str]:
        """The groups that the broker has not taken yet."""
        return [one.group for one in self._subscriptions if one.group not in self._brokers]

    def stopped(self) -> dict[str, str]:
        """The groups that stopped because of too many burials or an error in the plumbing, with the reason."""
        return {
            group: because
            for group, one in self.handlings.items()
            if (because := one.in_hand.stopped_because) is not None
        }

    async def run(self) -> None:
        """Run all consumers until the end."""
        coverage = asyncio.create_task(
            Coverage(self._service.settings.broker, self._subscriptions, self._share_anew).run(), name="coverage"
        )
        try:
            await asyncio.gather(*(self._follow(one) for one in self._subscriptions))
        finally:
            coverage.cancel()

    async def stop(self) -> None:
        """Let running batches finish their record or give up uncommitted, within a limit."""
        self._stopping.set()
        for handling in self.handlings.values():
            handling.in_hand.give_back()
        with contextlib.suppress(TimeoutError):
            await within(STOP_LIMIT_SECONDS / 2, self._commit_all())
        await asyncio.gather(*(_stop(broker) for broker in self._brokers.values()))
        await self._producer.stop()

    async def _commit_all(self) -> None:
        """What is done; a batch that is in hand yet commits for itself."""
        await asyncio.gather(*(commits.flush() for commits in self._commits.values()))

    async def _follow(self, subscription: Subscription[Any]) -> None:
        """Start one consumer, again and again until the broker takes it; then wait for the end."""
        pause = 0.5
        while not self._stopping.is_set():
            broker = self._build(subscription)
            try:
                await within(BEGIN_LIMIT_SECONDS, deployment.begin(self._service, subscription))
                await within(START_LIMIT_SECONDS, broker.start())
            except BaseException as error:
                await _stop(broker)
                if not isinstance(error, Exception):
                    raise
                log.warning(
                    "the broker does not take a consumer yet",
                    extra={"group": subscription.group, "error": repr(error)},
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            else:
                self._brokers[subscription.group] = broker
                await self._stopping.wait()

    async def _share_anew(self, group: str) -> None:
        """Let this process ask for a new division of the partitions; the broker heeds it from the group's leader."""
        if group in self._brokers:
            subscriber: Any = self._brokers[group].subscribers[0]
            await subscriber.consumer._client.force_metadata_update()
            subscriber.consumer._coordinator.request_rejoin()

    def _build(self, subscription: Subscription[Any]) -> KafkaBroker:
        settings = self._service.settings
        broker = KafkaBroker(
            settings.broker.bootstrap,
            security=_security(settings.broker),
            client_id=f"{settings.service}-{settings.instance}",
            consumer_only=True,
            graceful_timeout=STOP_LIMIT_SECONDS / 2,
            apply_types=False,
            allow_auto_create_topics=False,
            logger=faststream_log,
            log_level=logging.DEBUG,
        )
        self._subscribe(broker, subscription)
        return broker

    def _subscribe(self, broker: KafkaBroker, subscription: Subscription[Any]) -> None:
        settings = self._service.settings
        batches = _Batches(self.handlings[subscription.group], settings.consumers.batch_records)
        self._commits[subscription.group] = batches.commits

        async def as_it_is(records: tuple[ConsumerRecord, ...]) -> KafkaAckableMessage:
            return KafkaAckableMessage(
                body=b"", headers={}, raw_message=records, consumer=subscriber.consumer, message_id=""
            )

        async def undecoded(message: KafkaAckableMessage) -> Any:
            return message

        subscriber: Any = broker.subscriber(
            subscription.topic,
            batch=True,
            group_id=subscription.group,
            group_instance_id=f"{subscription.group}-{settings.instance}",
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            rebalance_timeout_ms=2 * REBALANCE_WAIT_SECONDS * 1000,
            listener=batches,
            parser=as_it_is,
            decoder=undecoded,
        )
        subscriber.get_msg = batches.take
        subscriber(batches.work)


def _emptied(partition: TopicPartition, offset: int) -> ConsumerRecord:
    return ConsumerRecord(
        topic=partition.topic,
        partition=partition.partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=None,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=(),
    )


async def _stop(broker: KafkaBroker) -> None:
    try:
        await within(STOP_LIMIT_SECONDS, broker.stop())
    except Exception as error:
        log.warning("the consumers did not stop in time", extra={"error": repr(error)})


def _security(settings: BrokerSettings) -> SASLScram512 | None:
    if "SASL" not in settings.protocol:
        return None
    return SASLScram512(
        username=settings.username, password=settings.password, use_ssl="SSL" in settings.protocol.split("_")[1:]
    )
