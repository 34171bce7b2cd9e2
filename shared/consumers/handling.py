"""What happens to one batch of one subscription: retried in place, parked, skipped or handled; then committed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure, PyMongoError

from shared import context, metrics
from shared.consumers import parking
from shared.consumers.subscription import Kind, Refused, Subscription
from shared.outbox.write import TooManyWriters
from shared.problems import Problem, Unavailable, field_errors
from shared.service import Service
from shared.wire.envelope import Envelope, Malformed, event_class_of, headers_of, key_of, parse, sequence_of
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)

TRANSIENT = (ConnectionFailure, ExecutionTimeout, KafkaError, TimeoutError, OSError, Unavailable, TooManyWriters)
KEYS_AT_ONCE = 8
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_REASON = 1_000
OUR_FAULT = "it could not be carried out because of an error on our side"


class GivenBack(Exception):
    """The batch stays uncommitted and comes again: the process ends, a rebalance is due, or the consumer stopped."""


class Handling:
    """The work of one subscription in one process."""

    def __init__(
        self,
        subscription: Subscription[Any],
        service: Service[Any, Any],
        producer: ProducerHolder,
        stopping: asyncio.Event,
    ) -> None:
        self._subscription = subscription
        self._service = service
        self._producer = producer
        self._give_back = asyncio.Event()
        self._buried_in_a_row = 0
        self.stopping = stopping
        self.stopped_because: str | None = None

    @property
    def group(self) -> str:
        return self._subscription.group

    def take(self) -> None:
        """A batch is in hand now; what was asked of the one before it is over."""
        self._give_back.clear()

    def give_back(self) -> None:
        """Ask for the batch in hand: it ends after the record in work, and at once while it waits for something."""
        self._give_back.set()

    async def batch(self, records: Sequence[ConsumerRecord]) -> None:
        """Carry out a batch completely, or raise GivenBack. Transient failures are waited out here.

        After GivenBack nothing may be acknowledged before the partitions are assigned anew.
        """
        self._go_on()
        try:
            if self._subscription.kind is Kind.VIEW:
                await self._view(records)
            else:
                await self._react(records)
        except GivenBack:
            raise
        except Exception as error:
            log.exception("the plumbing failed", extra={"group": self.group})
            raise self._stopped(f"unexpected: {error!r}") from error
        metrics.CONSUMED.labels(self.group).inc(len(records))

    def _go_on(self) -> None:
        if self._give_back.is_set() or self.stopped_because is not None:
            raise GivenBack

    def _stopped(self, reason: str) -> GivenBack:
        self.stopped_because = reason[:LONGEST_REASON]
        metrics.STOPPED.labels(self.group).set(1)
        log.critical("consumer stopped", extra={"group": self.group, "reason": self.stopped_because})
        return GivenBack()

    async def _view(self, records: Sequence[ConsumerRecord]) -> None:
        """The newest valid record of each key goes to the view; the next full state heals what was passed over."""
        by_key: dict[str, list[tuple[int, ConsumerRecord]]] = {}
        for record in records:
            headers = headers_of(record)
            if record.value is None and not self._subscription.tombstones:
                self._skip(record, "tombstone")
                continue
            if record.value is not None and headers.get("ce_type") not in self._subscription.types:
                self._skip(record, "unknown_type")
                continue
            try:
                by_key.setdefault(key_of(record), []).append((sequence_of(headers), record))
            except Malformed:
                self._skip(record, "malformed")
        envelopes = [found for own in by_key.values() if (found := self._newest(own)) is not None]
        if envelopes:
            await self._show(envelopes, self._service.settings.consumers.attempts)

    def _newest(self, own: list[tuple[int, ConsumerRecord]]) -> Envelope[Any] | None:
        """Of one key; the later one where two claim the same sequence."""
        for _, record in sorted(own, key=lambda item: (item[0], item[1].offset), reverse=True):
            headers = headers_of(record)
            try:
                return parse(record, headers, event_class_of(headers))
            except (Malformed, ValidationError):
                self._skip(record, "malformed")
        return None

    async def _show(self, envelopes: list[Envelope[Any]], attempts: int) -> None:
        """Hand records to a view; where it fails, one by one: only those that it cannot take are passed over."""
        try:
            await self._tried(lambda: self._subscription.handle(envelopes, self._service), attempts)
        except GivenBack:
            raise
        except Exception as error:
            if len(envelopes) > 1:
                for one in envelopes:
                    self._go_on()
                    await self._show([one], 1)
                return
            metrics.SKIPPED.labels(self.group, "handler_failed").inc()
            log.error(
                "a view cannot take a record",
                extra={"group": self.group, "key": envelopes[0].key, "offset": envelopes[0].offset},
                exc_info=error,
            )
            self._count_burial(_reason(error))
        else:
            self._buried_in_a_row = 0

    async def _react(self, records: Sequence[ConsumerRecord]) -> None:
        """Records of one key in order, of several keys side by side."""
        by_key: dict[str, list[ConsumerRecord]] = {}
        for record in records:
            by_key.setdefault(key_of(record), []).append(record)
        blocked: set[str] = set()
        if self._subscription.kind is Kind.REACTION:
            blocked = await self._waiting_out(lambda: parking.parked_keys(self._service.db, self.group))
        places = asyncio.Semaphore(KEYS_AT_ONCE)

        async def in_order(key: str, own: list[ConsumerRecord]) -> None:
            async with places:
                is_blocked = key in blocked
                for record in own:
                    self._go_on()
                    is_blocked = await self._one(record, is_blocked=is_blocked)

        # All of them come to their end before the batch is over, also when some give it back.
        results = await asyncio.gather(*(in_order(key, own) for key, own in by_key.items()), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        for failure in sorted(failures, key=lambda one: isinstance(one, GivenBack)):
            raise failure

    async def _one(self, record: ConsumerRecord, *, is_blocked: bool) -> bool:
        """Handle one record; True when later records of its key have to park behind it."""
        headers = headers_of(record)
        is_wanted = headers.get("ce_type") in self._subscription.types
        if not is_wanted and self._subscription.kind is not Kind.INBOUND:
            self._skip(record, "unknown_type")
            return is_blocked
        if is_blocked:
            await self._park(record, "an earlier record of this key is parked", 0)
            return True
        try:
            envelope = parse(record, headers, event_class_of(headers) if is_wanted else None)
            if envelope.is_tombstone:
                raise Malformed("the record has no value")
        except (Malformed, ValidationError) as error:
            return await self._refuse(record, _reason(error), 0)
        context.correlation_id.set(envelope.correlation_id or envelope.id)
        attempts = self._service.settings.consumers.attempts
        try:
            await self._tried(lambda: self._subscription.handle(envelope, self._service), attempts)
        except GivenBack:
            raise
        except (Refused, Problem, ValidationError) as error:
            return await self._refuse(record, _reason(error), 1)
        except Exception as error:
            return await self._refuse(record, _reason(error), attempts, told=OUR_FAULT)
        self._buried_in_a_row = 0
        return False

    async def _tried(self, work: Callable[[], Awaitable[None]], attempts: int) -> None:
        """Do the work; an error that is neither transient nor a refusal is a bug, or a race that is over next time."""
        for attempt in range(1, attempts + 1):
            try:
                await self._waiting_out(work)
            except (GivenBack, Refused, Problem, ValidationError):
                raise
            except Exception:
                log.exception("handler failed", extra={"group": self.group, "attempt": attempt})
                if attempt == attempts:
                    raise
                metrics.RETRIED.labels(self.group).inc()
                await self._pause(FIRST_PAUSE_SECONDS * 2**attempt)
            else:
                return

    async def _refuse(self, record: ConsumerRecord, reason: str, attempts: int, told: str = "") -> bool:
        """Park a record; a party is told the reason, or `told` where the reason is about our inside."""
        await self._park(record, reason, attempts)
        if self._subscription.kind is Kind.INBOUND:
            await self._waiting_out(
                lambda: parking.answer_rejected(self._producer, self._subscription, record, reason=told or reason)
            )
            return False
        self._count_burial(reason)
        return True

    def _count_burial(self, reason: str) -> None:
        """Too many in a row mean that something is wrong with the handler, not with them."""
        self._go_on()
        self._buried_in_a_row += 1
        if self._buried_in_a_row >= self._service.settings.consumers.burial_limit:
            raise self._stopped(f"{self._buried_in_a_row} records in a row could not be taken; the last: {reason}")

    async def _park(self, record: ConsumerRecord, reason: str, attempts: int) -> None:
        log.warning("record parked", extra={"group": self.group, "reason": reason, "offset": record.offset})
        await self._waiting_out(
            lambda: parking.park(
                self._service.db, self._producer, self._subscription, record, reason=reason, attempts=attempts
            )
        )

    def _skip(self, record: ConsumerRecord, reason: str) -> None:
        metrics.SKIPPED.labels(self.group, reason).inc()
        log.info("record passed over", extra={"group": self.group, "reason": reason, "offset": record.offset})

    async def _waiting_out(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat the work through transient failures; the partition waits and order is kept. Raises GivenBack."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await work()
            except (*TRANSIENT, OperationFailure) as error:
                if isinstance(error, OperationFailure) and await self._store_answers():
                    raise
                metrics.RETRIED.labels(self.group).inc()
                log.warning("waiting for store or broker", extra={"group": self.group, "error": repr(error)})
                await self._pause(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _store_answers(self) -> bool:
        """Whether a refused operation is about the operation: a store that has lost its own database refuses, too."""
        try:
            await self._service.db.command("ping")
        except PyMongoError:
            return False
        return True

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._give_back.wait(), seconds)
        except TimeoutError:
            return
        raise GivenBack


def _reason(error: Exception) -> str:
    """Why, without the rejected values: they may be personal."""
    if isinstance(error, ValidationError):
        reason = "; ".join(f"{item.field}: {item.message}" for item in field_errors(error))
    elif isinstance(error, Refused | Problem | Malformed):
        reason = str(error)
    else:
        reason = f"{type(error).__name__}: {error}"
    return reason[:LONGEST_REASON]
