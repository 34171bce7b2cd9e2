"""Live streams: every process reads the end of all partitions, without a group, and tells what is now.

A record only says that something happened to an aggregate. What is shown, and who may see it, comes from the service's
own state at this moment: a late duplicate cannot bring back an old one.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from sse_starlette import EventSourceResponse, ServerSentEvent

from shared.contracts.base import Event
from shared.contracts.catalogue import types_of
from shared.settings import BrokerSettings
from shared.waiting import within
from shared.wire.connection import client_arguments
from shared.wire.envelope import Malformed, headers_of, key_of, sequence_of

log = logging.getLogger(__name__)

QUEUE_LIMIT = 1_000
REMEMBERED_KEYS = 10_000
POLL_MS = 1_000
PAUSE_SECONDS = 1.0
PING_SECONDS = 15
CHECK_SECONDS = 2.0
START_LIMIT_SECONDS = 10
STOP_LIMIT_SECONDS = 5

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class News(Generic[N]):
    """Something of this type happened to an aggregate. `now` is the aggregate's state at this moment, not then."""

    id: str
    type: str
    key: str
    now: N


LookUp = Callable[[Collection[str]], Awaitable[Mapping[str, N]]]
Wanted = Callable[[News[N]], Awaitable[tuple[str, Mapping[str, Any]] | None]]
GoesOn = Callable[[], Awaitable[bool]]


class Live(Generic[N]):
    """Fans the newest events of a topic out to the open streams of one process.

    Nothing is replayed. A stream is told to refetch at its beginning, because something may have happened since its
    page was made, when it falls behind, and when the connection to the broker was made anew. `look_up` finds the
    present states by key, once for all streams; what it does not find is passed over.
    """

    def __init__(
        self, settings: BrokerSettings, topic: str, *, events: tuple[type[Event], ...], look_up: LookUp[N]
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._types = types_of(events)
        self._look_up = look_up
        self.connected = False
        self._listeners: set[asyncio.Queue[News[N] | None]] = set()
        self._told: OrderedDict[str, int] = OrderedDict()

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except Exception as error:
                log.warning("live streams wait for broker or store", extra={"error": repr(error)})
            await asyncio.sleep(PAUSE_SECONDS)

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            self._topic, auto_offset_reset="latest", group_id=None, **client_arguments(self._settings)
        )
        try:
            async with asyncio.timeout(START_LIMIT_SECONDS):
                await consumer.start()
                await _go_to_the_end(consumer)
            self.connected = True
            self._tell(None)
            while True:
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    if self._listeners:  # what nobody listens to is not even looked at
                        await self._pass_on(records)
        finally:
            self.connected = False
            await within(STOP_LIMIT_SECONDS, consumer.stop())

    async def _pass_on(self, records: Iterable[ConsumerRecord]) -> None:
        happened = [found for record in records if (found := self._new(record)) is not None]
        if not happened:
            return
        states = await self._look_up({key for key, _, _ in happened})
        for key, event_id, event_type in happened:
            if key in states:
                self._tell(News(event_id, event_type, key, states[key]))

    def _new(self, record: ConsumerRecord) -> tuple[str, str, str] | None:
        """Key, id and type of an event that is wanted and not a late duplicate. The value is left unread."""
        headers = headers_of(record)
        event_id, event_type = headers.get("ce_id", ""), headers.get("ce_type", "")
        if record.value is None or not event_id or event_type not in self._types:
            return None
        try:
            sequence = sequence_of(headers)
        except Malformed:
            return None
        key = key_of(record)
        if sequence <= self._told.get(key, -1):
            return None
        self._told[key] = sequence
        self._told.move_to_end(key)
        if len(self._told) > REMEMBERED_KEYS:
            self._told.popitem(last=False)
        return key, event_id, event_type

    def _tell(self, news: News[N] | None) -> None:
        for queue in self._listeners:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(news)

    async def _listen(self, wanted: Wanted[N], goes_on: GoesOn) -> AsyncIterator[ServerSentEvent]:
        queue: asyncio.Queue[News[N] | None] = asyncio.Queue(QUEUE_LIMIT)
        self._listeners.add(queue)
        queue.put_nowait(None)
        try:
            while await goes_on():
                try:
                    async with asyncio.timeout(CHECK_SECONDS):
                        news = await queue.get()
                except TimeoutError:
                    continue
                if news is None:
                    yield ServerSentEvent(event="refetch", data="{}")
                    continue
                shown = await wanted(news)
                if shown is not None:
                    event, data = shown
                    yield ServerSentEvent(event=event, data=orjson.dumps(data).decode(), id=news.id)
        finally:
            self._listeners.discard(queue)

    def stream(self, wanted: Wanted[N], goes_on: GoesOn) -> EventSourceResponse:
        """A response of server-sent events. `wanted` is awaited per event: (event name, data) or None.

        It has to judge the caller's present rights each time: a revocation ends what he sees at once. `goes_on` is
        asked before each event and every two seconds; the stream ends when it says no.
        """
        return EventSourceResponse(self._listen(wanted, goes_on), ping=PING_SECONDS)


async def _go_to_the_end(consumer: AIOKafkaConsumer) -> None:
    """Know the end now: left alone, the consumer would look it up some time later and miss what came in between."""
    await consumer.seek_to_end()
    for partition in consumer.assignment():
        await consumer.position(partition)
