"""Runs a service's subscriptions on FastStream: batches, static membership, commit after the work."""

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.security import SASLScram512

from shared import faultpoints
from shared.kafka.handling import Handling, Stopping
from shared.kafka.subscription import Subscription
from shared.settings import BrokerSettings

if TYPE_CHECKING:
    from shared.service import Service

log = logging.getLogger(__name__)

BATCH_TIMEOUT_MS = 20
REBALANCE_WAIT_SECONDS = 30
SESSION_TIMEOUT_MS = 15_000
START_LIMIT_SECONDS = 15.0
STOP_LIMIT_SECONDS = 10.0


class _RevokeWaits(ConsumerRebalanceListener):  # type: ignore[misc]
    """Holds a rebalance back until the running batch is done: else two members would handle it at once."""

    def __init__(self, running: asyncio.Lock) -> None:
        self._running = running

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        async with asyncio.timeout(REBALANCE_WAIT_SECONDS), self._running:
            log.debug("revoked %s", revoked)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        log.debug("assigned %s", assigned)


class Consumers:
    """All consumers of one process. `start` returns at once and goes on trying while the broker is away."""

    def __init__(self, service: "Service", subscriptions: Sequence[Subscription]) -> None:
        self._service = service
        self._subscriptions = subscriptions
        self._stopping = asyncio.Event()
        self._broker: KafkaBroker | None = None
        self.handlings = {one.group: Handling(one, service, self._stopping) for one in subscriptions}
        self.started = False

    def stopped(self) -> dict[str, str]:
        """The groups that the burial limit stopped, with the reason."""
        return {group: one.stopped_because for group, one in self.handlings.items() if one.stopped_because}

    async def run(self) -> None:
        """Start all consumers, again and again until the broker takes them; then wait for the end."""
        pause = 0.5
        while not self.started:
            broker = self._build()
            try:
                await asyncio.wait_for(broker.start(), START_LIMIT_SECONDS)
            except Exception as error:
                log.warning("the broker does not take the consumers yet", extra={"error": repr(error)})
                await _stop(broker)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            else:
                self._broker, self.started = broker, True
        await self._stopping.wait()

    async def stop(self) -> None:
        """Let running batches finish or give up uncommitted, within a limit."""
        self._stopping.set()
        if self._broker is not None:
            await _stop(self._broker)

    def _build(self) -> KafkaBroker:
        settings = self._service.settings
        broker = KafkaBroker(
            settings.broker.bootstrap,
            security=_security(settings.broker),
            client_id=f"{settings.service}-{settings.instance}",
            graceful_timeout=STOP_LIMIT_SECONDS / 2,
            apply_types=False,
            allow_auto_create_topics=False,
            logger=None,
            acks="all",
        )
        for subscription in self._subscriptions:
            self._subscribe(broker, subscription)
        return broker

    def _subscribe(self, broker: KafkaBroker, subscription: Subscription) -> None:
        settings = self._service.settings
        running = asyncio.Lock()
        handling = self.handlings[subscription.group]

        async def as_it_is(records: tuple[ConsumerRecord, ...]) -> KafkaAckableMessage:
            return KafkaAckableMessage(
                body=b"", headers={}, raw_message=records, consumer=subscriber.consumer, message_id=""
            )

        async def undecoded(message: KafkaAckableMessage) -> Any:
            return message

        async def handle(message: KafkaAckableMessage) -> None:
            async with running:
                try:
                    await handling.batch(message.raw_message)
                except Stopping:
                    # Nothing is acknowledged from here on: the batch comes again to whoever reads next.
                    await self._stopping.wait()
                    return
                faultpoints.reach(faultpoints.CONSUMER_WORKED)
                await message.ack()

        subscriber: Any = broker.subscriber(
            subscription.topic,
            batch=True,
            group_id=subscription.group,
            group_instance_id=f"{subscription.group}-{settings.instance}",
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            batch_timeout_ms=BATCH_TIMEOUT_MS,
            max_records=settings.consumers.batch_records,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            rebalance_timeout_ms=2 * REBALANCE_WAIT_SECONDS * 1000,
            listener=_RevokeWaits(running),
            parser=as_it_is,
            decoder=undecoded,
        )
        subscriber(handle)


async def _stop(broker: KafkaBroker) -> None:
    try:
        await asyncio.wait_for(broker.stop(), STOP_LIMIT_SECONDS)
    except Exception as error:
        log.warning("the consumers did not stop in time", extra={"error": repr(error)})


def _security(settings: BrokerSettings) -> SASLScram512 | None:
    if "SASL" not in settings.protocol:
        return None
    return SASLScram512(
        username=settings.username, password=settings.password, use_ssl="SSL" in settings.protocol.split("_")[1:]
    )
