"""The work of a view: the newest valid record of each key of a batch. The next full state heals what is passed over."""

import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from shared import metrics
from shared.consumers.in_hand import GivenBack, InHand
from shared.consumers.patience import Patience, reason_of
from shared.consumers.subscription import Subscription
from shared.service import Service
from shared.wire.envelope import Envelope, Malformed, event_class_of, headers_of, key_of, parse, sequence_of

log = logging.getLogger(__name__)


class ViewWork:
    def __init__(
        self, subscription: Subscription[Any], service: Service[Any, Any], in_hand: InHand, patience: Patience
    ) -> None:
        self._subscription = subscription
        self._service = service
        self._in_hand = in_hand
        self._patience = patience

    async def batch(self, records: Sequence[ConsumerRecord]) -> None:
        by_key: dict[str, list[tuple[int, ConsumerRecord]]] = {}
        for record in records:
            headers = headers_of(record)
            if record.value is None and not self._subscription.tombstones:
                self._in_hand.skip(record, "tombstone")
                continue
            if record.value is not None and headers.get("ce_type") not in self._subscription.types:
                self._in_hand.skip(record, "unknown_type")
                continue
            try:
                by_key.setdefault(key_of(record), []).append((sequence_of(headers), record))
            except Malformed:
                self._in_hand.skip(record, "malformed")
        envelopes = [found for own in by_key.values() if (found := self._newest(own)) is not None]
        if envelopes:
            await self._show(envelopes, self._service.settings.consumers.attempts)

    def _newest(self, own: list[tuple[int, ConsumerRecord]]) -> Envelope[Any] | None:
        """Of one key, states and tombstones alike; the later one where two claim the same sequence."""
        for _, record in sorted(own, key=lambda item: (item[0], item[1].offset), reverse=True):
            headers = headers_of(record)
            try:
                return parse(record, headers, event_class_of(headers))
            except (Malformed, ValidationError):
                self._in_hand.skip(record, "malformed")
        return None

    async def _show(self, envelopes: list[Envelope[Any]], attempts: int) -> None:
        """Hand records to a view; where it fails, one by one: only those that it cannot take are passed over."""
        try:
            await self._patience.tried(lambda: self._subscription.handle(envelopes, self._service), attempts)
        except GivenBack:
            raise
        except Exception as error:
            if len(envelopes) > 1:
                for one in envelopes:
                    self._in_hand.go_on()
                    await self._show([one], 1)
                return
            metrics.SKIPPED.labels(self._subscription.group, "handler_failed").inc()
            log.error(
                "a view cannot take a record",
                extra={
                    "group": self._subscription.group,
                    "key": envelopes[0].key,
                    "offset": envelopes[0].offset,
                },
                exc_info=error,
            )
            self._in_hand.buried(reason_of(error))
        else:
            self._in_hand.carried_out()
