"""The work of a reaction: the records of a key in order, of several keys side by side; what it refuses is parked."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from shared import context
from shared.consumers import parking
from shared.consumers.in_hand import GivenBack, InHand
from shared.consumers.patience import Patience, reason_of
from shared.consumers.subscription import Kind, Refused, Subscription
from shared.problems import Problem
from shared.service import Service
from shared.wire.envelope import Envelope, Malformed, event_class_of, headers_of, key_of, parse
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)

KEYS_AT_ONCE = 64
"""Side by side, their handlers share statements at the store."""
OUR_FAULT = "it could not be carried out because of an error on our side"


class ReactionWork:
    def __init__(
        self,
        subscription: Subscription[Any],
        service: Service[Any, Any],
        producer: ProducerHolder,
        in_hand: InHand,
        patience: Patience,
    ) -> None:
        self._subscription = subscription
        self._service = service
        self._producer = producer
        self._in_hand = in_hand
        self._patience = patience

    @property
    def _is_inbound(self) -> bool:
        return self._subscription.kind is Kind.INBOUND

    async def batch(self, records: Sequence[ConsumerRecord]) -> None:
        by_key: dict[str, list[ConsumerRecord]] = {}
        for record in records:
            by_key.setdefault(key_of(record), []).append(record)
        blocked = set() if self._is_inbound else await self._blocked(by_key)
        places = asyncio.Semaphore(KEYS_AT_ONCE)

        async def in_order(key: str, own: list[ConsumerRecord]) -> None:
            async with places:
                is_blocked = key in blocked
                for record in own:
                    self._in_hand.go_on()
                    is_blocked = await self._one(record, is_blocked=is_blocked)

        # All of them come to their end before the batch is over, also when some give it back.
        results = await asyncio.gather(*(in_order(key, own) for key, own in by_key.items()), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        for failure in sorted(failures, key=lambda one: isinstance(one, GivenBack)):
            raise failure

    async def _blocked(self, keys: dict[str, list[ConsumerRecord]]) -> set[str]:
        """Those of the batch's keys that wait for a requeue."""
        db, group = self._service.db, self._subscription.group
        return await self._patience.waiting_out(lambda: parking.parked_among(db, group, keys))

    async def _one(self, record: ConsumerRecord, *, is_blocked: bool) -> bool:
        """Handle one record; True when later records of its key have to park behind it."""
        headers = headers_of(record)
        is_wanted = headers.get("ce_type") in self._subscription.types
        if not is_wanted and not self._is_inbound:
            self._in_hand.skip(record, "unknown_type")
            return is_blocked
        if is_blocked:
            await self._park(record, "an earlier record of this key is parked", 0)
            return True
        try:
            envelope = parse(record, headers, event_class_of(headers) if is_wanted else None)
            if envelope.is_tombstone:
                raise Malformed("the record has no value")
        except (Malformed, ValidationError) as error:
            return await self._refuse(record, reason_of(error), 0)
        with context.of_record(correlation=envelope.correlation, trace=envelope.traceparent):
            return await self._carry_out(record, envelope)

    async def _carry_out(self, record: ConsumerRecord, envelope: Envelope[Any]) -> bool:
        attempts = self._service.settings.consumers.attempts
        try:
            await self._patience.tried(lambda: self._subscription.handle(envelope, self._service), attempts)
        except GivenBack:
            raise
        except (Refused, Problem, ValidationError) as error:
            return await self._refuse(record, reason_of(error), 1)
        except Exception as error:
            return await self._refuse(record, reason_of(error), attempts, told=OUR_FAULT)
        self._in_hand.carried_out()
        return False

    async def _refuse(self, record: ConsumerRecord, reason: str, attempts: int, told: str = "") -> bool:
        """Park a record; a party is told the reason, or `told` where the reason is about our inside."""
        await self._park(record, reason, attempts)
        if self._is_inbound:
            await self._patience.waiting_out(
                lambda: parking.answer_rejected(self._producer, self._subscription, record, reason=told or reason)
            )
            return False
        self._in_hand.buried(reason)
        return True

    async def _park(self, record: ConsumerRecord, reason: str, attempts: int) -> None:
        log.warning(
            "record parked",
            extra={"group": self._subscription.group, "reason": reason, "offset": record.offset},
        )
        await self._patience.waiting_out(
            lambda: parking.park(
                self._service.db, self._producer, self._subscription, record, reason=reason, attempts=attempts
            )
        )
