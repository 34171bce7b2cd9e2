"""What happens to one batch of one subscription: retried in place, parked, skipped or handled; then committed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from pymongo.errors import ConnectionFailure, ExecutionTimeout

from shared import context, metrics
from shared.kafka import parking
from shared.kafka.envelope import Envelope, Malformed, event_class_of, headers_of, key_of, parse, sequence_of
from shared.kafka.subscription import Kind, Refused, Subscription
from shared.problems import Problem, field_errors

if TYPE_CHECKING:
    from shared.service import Service

log = logging.getLogger(__name__)

TRANSIENT = (ConnectionFailure, ExecutionTimeout, KafkaError, TimeoutError, OSError)
KEYS_AT_ONCE = 8
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


class Stopping(Exception):
    """The process is going down; the batch stays uncommitted."""


class BurialLimit(Exception):
    """Too many records in a row had to be parked: something is wrong with the handler, not with them."""


class Handling:
    """The work of one subscription in one process."""

    def __init__(self, subscription: Subscription, service: "Service", stopping: asyncio.Event) -> None:
        self._subscription = subscription
        self._service = service
        self._stopping = stopping
        self._buried_in_a_row = 0
        self.stopped_because: str | None = None

    async def batch(self, records: tuple[ConsumerRecord, ...]) -> None:
        """Carry out a batch completely, or raise Stopping. Transient failures are waited out here."""
        if self.stopped_because is not None:
            raise Stopping
        try:
            if self._subscription.kind is Kind.VIEW:
                await self._view(records)
            else:
                await self._react(records)
        except BurialLimit as limit:
            self.stopped_because = str(limit)
            metrics.STOPPED.labels(self._subscription.group).set(1)
            log.critical("consumer stopped", extra={"group": self._subscription.group, "reason": str(limit)})
            raise Stopping from limit
        metrics.CONSUMED.labels(self._subscription.group).inc(len(records))

    async def _view(self, records: tuple[ConsumerRecord, ...]) -> None:
        """The newest valid record of each key goes to the view; the next full state heals what was passed over."""
        newest: dict[str, tuple[int, ConsumerRecord, dict[str, str]]] = {}
        for record in records:
            headers = headers_of(record)
            try:
                sequence = sequence_of(headers)
            except Malformed:
                self._skip(record, "malformed")
                continue
            if headers.get("ce_type") not in self._subscription.types and not self._is_wanted_stone(record):
                self._skip(record, "unknown_type")
                continue
            key = key_of(record)
            if key not in newest or newest[key][0] <= sequence:
                newest[key] = (sequence, record, headers)
        envelopes: list[Envelope[Any]] = []
        for _, record, headers in newest.values():
            try:
                envelopes.append(parse(record, headers, event_class_of(headers)))
            except (Malformed, ValidationError):
                self._skip(record, "malformed")
        if envelopes:
            await self._waiting_out(lambda: self._subscription.handle(envelopes, self._service))

    def _is_wanted_stone(self, record: ConsumerRecord) -> bool:
        return self._subscription.tombstones and record.value is None

    async def _react(self, records: tuple[ConsumerRecord, ...]) -> None:
        """Records of one key in order, of several keys side by side."""
        by_key: dict[str, list[ConsumerRecord]] = {}
        for record in records:
            by_key.setdefault(key_of(record), []).append(record)
        blocked: set[str] = set()
        if self._subscription.kind is Kind.REACTION:
            blocked = await self._waiting_out(lambda: parking.parked_keys(self._service.db, self._subscription.group))
        places = asyncio.Semaphore(KEYS_AT_ONCE)

        async def in_order(key: str, own: list[ConsumerRecord]) -> None:
            async with places:
                is_blocked = key in blocked
                for record in own:
                    is_blocked = await self._one(record, is_blocked=is_blocked)

        results = await asyncio.gather(*(in_order(key, own) for key, own in by_key.items()), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _one(self, record: ConsumerRecord, *, is_blocked: bool) -> bool:
        """Handle one record; True when later records of its key have to park behind it."""
        inbound = self._subscription.kind is Kind.INBOUND
        headers = headers_of(record)
        if not inbound and headers.get("ce_type") not in self._subscription.types:
            self._skip(record, "unknown_type")
            return is_blocked
        if is_blocked:
            await self._park(record, "an earlier record of this key is parked", 0)
            return True
        event_class = event_class_of(headers)
        if event_class is not None and headers.get("ce_type") not in self._subscription.types:
            event_class = None
        try:
            envelope = parse(record, headers, event_class)
        except (Malformed, ValidationError) as error:
            return await self._refuse(record, _reason(error), 0)
        context.correlation_id.set(envelope.correlation_id or envelope.id)
        attempts = 0
        while True:
            attempts += 1
            try:
                await self._waiting_out(lambda: self._subscription.handle(envelope, self._service))
            except (Stopping, asyncio.CancelledError):
                raise
            except (Refused, Problem, ValidationError) as error:
                return await self._refuse(record, _reason(error), attempts)
            except Exception as error:
                log.exception("handler failed", extra={"group": self._subscription.group, "attempt": attempts})
                metrics.RETRIED.labels(self._subscription.group).inc()
                if attempts >= self._service.settings.consumers.attempts:
                    return await self._refuse(record, _reason(error), attempts)
                await self._pause(FIRST_PAUSE_SECONDS * 2**attempts)
            else:
                self._buried_in_a_row = 0
                return False

    async def _refuse(self, record: ConsumerRecord, reason: str, attempts: int) -> bool:
        await self._park(record, reason, attempts)
        if self._subscription.kind is Kind.INBOUND:
            await self._waiting_out(
                lambda: parking.answer_rejected(self._service.producer, self._subscription, record, reason=reason)
            )
            return False
        self._buried_in_a_row += 1
        if self._buried_in_a_row >= self._service.settings.consumers.burial_limit:
            raise BurialLimit(f"{self._buried_in_a_row} records in a row were parked; the last: {reason}")
        return True

    async def _park(self, record: ConsumerRecord, reason: str, attempts: int) -> None:
        log.warning("record parked", extra={"group": self._subscription.group, "reason": reason})
        await self._waiting_out(
            lambda: parking.park(
                self._service.db, self._service.producer, self._subscription, record, reason=reason, attempts=attempts
            )
        )

    def _skip(self, record: ConsumerRecord, reason: str) -> None:
        metrics.SKIPPED.labels(self._subscription.group, reason).inc()
        log.info(
            "record passed over",
            extra={"group": self._subscription.group, "reason": reason, "offset": record.offset},
        )

    async def _waiting_out(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat the work through transient failures; the partition waits and order is kept. Raises Stopping."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await work()
            except TRANSIENT as error:
                metrics.RETRIED.labels(self._subscription.group).inc()
                log.warning(
                    "waiting for store or broker", extra={"group": self._subscription.group, "error": repr(error)}
                )
                if isinstance(error, KafkaError | TimeoutError):
                    await self._service.producer.abandon()
                await self._pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise Stopping


def _reason(error: Exception) -> str:
    """Why, without the rejected values: they may be personal."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{item.field}: {item.message}" for item in field_errors(error))
    return str(error) or type(error).__name__
