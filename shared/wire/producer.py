"""An idempotent producer that is thrown away after any error.

A stopped aiokafka producer keeps a live sender that delivers old records after a recovery, behind newer ones; so after
an error it is abandoned by way of its private parts. The version of aiokafka is pinned for that reason, and
`tests/plumbing/test_producer.py` watches those names.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed

from shared.settings import BrokerSettings
from shared.waiting import within
from shared.wire.connection import client_arguments

log = logging.getLogger(__name__)

LIMIT_SECONDS = 5.0


class ProducerHolder:
    """Hands out one started producer and replaces it after `abandon`."""

    def __init__(self, settings: BrokerSettings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._lent: Counter[AIOKafkaProducer] = Counter()
        self._building = asyncio.Lock()

    async def ready(self) -> AIOKafkaProducer:
        """The started producer. Raises TimeoutError or a KafkaError while the broker is away."""
        if self._producer is not None:
            return self._producer
        async with self._building:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    client_id=self._client_id,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    request_timeout_ms=5_000,
                    max_request_size=1_000_000,
                    **client_arguments(self._settings),
                )
                try:
                    await within(LIMIT_SECONDS, producer.start())
                except BaseException:
                    await _abandon(producer)
                    raise
                self._producer = producer
            return self._producer

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> None:
        """Send one record and wait until the broker has it. Raises TimeoutError or a KafkaError."""
        producer: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                producer = await self.ready()
                await producer.send_and_wait(topic, value, key=key, headers=headers)
        except Exception:
            if producer is not None:
                await self.abandon(producer)
            raise

    @contextlib.asynccontextmanager
    async def lent(self) -> AsyncIterator[AIOKafkaProducer]:
        """The started producer; one that is retired meanwhile lives until the last borrower gives it back."""
        producer = await self.ready()
        self._lent[producer] += 1
        try:
            yield producer
        finally:
            self._lent[producer] -= 1
            if not self._lent[producer]:
                del self._lent[producer]
                if producer is not self._producer and not producer._closed:
                    await _abandon(producer)

    def retire(self, producer: AIOKafkaProducer) -> None:
        """Lend this producer to nobody else, because a refused record has spoiled its sequence."""
        if producer is self._producer:
            self._producer = None

    async def abandon(self, producer: AIOKafkaProducer | None = None) -> None:
        """Throw a producer away, with everything in its buffers: this one, or the one that `ready` would hand out.

        The next `ready` builds a new one.
        """
        thrown = producer or self._producer
        if thrown is self._producer:
            self._producer = None
        if thrown is not None and not thrown._closed:
            await _abandon(thrown)

    async def stop(self) -> None:
        """Flush and stop at shutdown, within a limit; abandon what does not stop."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            await within(LIMIT_SECONDS, producer.stop())
        except Exception as error:
            log.warning("the producer did not stop in time; it is abandoned", extra={"error": repr(error)})
            await _abandon(producer)


async def _abandon(producer: AIOKafkaProducer) -> None:
    producer._closed = True
    sender_task = producer._sender.sender_task if producer._sender is not None else None
    if sender_task is not None:
        sender_task.cancel()
    producer._message_accumulator.fail_all(ProducerClosed())
    if sender_task is not None:
        await asyncio.wait({sender_task}, timeout=1.0)
    with contextlib.suppress(TimeoutError):
        await within(1.0, producer.client.close())
