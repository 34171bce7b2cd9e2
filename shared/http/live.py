"""Live streams: every process reads the end of all partitions, without a group, and passes on what a caller may see."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from pydantic import ValidationError
from sse_starlette import EventSourceResponse, ServerSentEvent

from shared.settings import BrokerSettings
from shared.waiting import within
from shared.wire.connection import client_arguments
from shared.wire.envelope import Envelope, Malformed, event_class_of, headers_of, parse

log = logging.getLogger(__name__)

QUEUE_LIMIT = 1_000
PAUSE_SECONDS = 1.0
PING_SECONDS = 15
START_LIMIT_SECONDS = 10
STOP_LIMIT_SECONDS = 5


class Live:
    """Fans the newest records of some topics out to the open streams of one process.

    Nothing is replayed. A stream is told to refetch at its beginning, because something may have happened since its
    page was made, when it falls behind, and when the connection to the broker was made anew.
    """

    def __init__(self, settings: BrokerSettings, topics: Sequence[str]) -> None:
        self._settings = settings
        self._topics = topics
        self.connected = False
        self._listeners: set[asyncio.Queue[Envelope[Any] | None]] = set()

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except Exception as error:
                log.warning("live streams wait for the broker", extra={"error": repr(error)})
            await asyncio.sleep(PAUSE_SECONDS)

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            *self._topics, auto_offset_reset="latest", group_id=None, **client_arguments(self._settings)
        )
        try:
            async with asyncio.timeout(START_LIMIT_SECONDS):
                await consumer.start()
                await _go_to_the_end(consumer)
            self.connected = True
            self._tell(None)
            async for record in consumer:
                if record.value is None:
                    continue
                headers = headers_of(record)
                try:
                    self._tell(parse(record, headers, event_class_of(headers)))
                except (Malformed, ValidationError):
                    log.info("a record without a known form is not streamed", extra={"topic": record.topic})
        finally:
            self.connected = False
            await within(STOP_LIMIT_SECONDS, consumer.stop())

    def _tell(self, envelope: Envelope[Any] | None) -> None:
        for queue in self._listeners:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(envelope)

    async def _listen(self, wanted: Callable[[Envelope[Any]], "Any"]) -> AsyncIterator[ServerSentEvent]:
        queue: asyncio.Queue[Envelope[Any] | None] = asyncio.Queue(QUEUE_LIMIT)
        self._listeners.add(queue)
        queue.put_nowait(None)
        try:
            while True:
                envelope = await queue.get()
                if envelope is None:
                    yield ServerSentEvent(event="refetch", data="{}")
                    continue
                shown = await wanted(envelope)
                if shown is not None:
                    event, data = shown
                    yield ServerSentEvent(event=event, data=orjson.dumps(data).decode(), id=envelope.id)
        finally:
            self._listeners.discard(queue)

    def stream(self, wanted: Callable[[Envelope[Any]], "Any"]) -> EventSourceResponse:
        """A response of server-sent events. `wanted` is awaited per record: (event name, data) or None.

        It has to judge the caller's present rights each time: a revocation ends what he sees at once.
        """
        return EventSourceResponse(self._listen(wanted), ping=PING_SECONDS)


async def _go_to_the_end(consumer: AIOKafkaConsumer) -> None:
    """Know the end now: left alone, the consumer would look it up some time later and miss what came in between."""
    await consumer.seek_to_end()
    for partition in consumer.assignment():
        await consumer.position(partition)
