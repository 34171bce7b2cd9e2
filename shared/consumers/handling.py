"""What happens to one batch of one subscription: carried out as its kind asks for, or given back; then committed."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import ConsumerRecord

from shared import metrics
from shared.consumers.in_hand import GivenBack, InHand
from shared.consumers.patience import Patience
from shared.consumers.reaction_work import ReactionWork
from shared.consumers.subscription import Kind, Subscription
from shared.consumers.view_work import ViewWork
from shared.hops import STARTED_AT, Hop, observe
from shared.service import Service
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)


class Handling:
    """The work of one subscription in one process."""

    def __init__(
        self,
        subscription: Subscription[Any],
        service: Service[Any, Any],
        producer: ProducerHolder,
        stopping: asyncio.Event,
    ) -> None:
        self.in_hand = InHand(subscription.group, stopping, service.settings.consumers.burial_limit)
        patience = Patience(service.db, self.in_hand)
        self._work: ViewWork | ReactionWork = (
            ViewWork(subscription, service, self.in_hand, patience)
            if subscription.kind is Kind.VIEW
            else ReactionWork(subscription, service, producer, self.in_hand, patience)
        )

    async def batch(self, records: Sequence[ConsumerRecord]) -> None:
        """Carry out a batch completely, or raise GivenBack. Transient failures are waited out here.

        After GivenBack nothing may be acknowledged before the partitions are assigned anew.
        """
        self.in_hand.go_on()
        try:
            await self._work.batch(records)
        except GivenBack:
            raise
        except Exception as error:
            log.exception("the plumbing failed", extra={"group": self.in_hand.group})
            raise self.in_hand.stop(f"unexpected: {error!r}") from error
        metrics.CONSUMED.labels(self.in_hand.group).inc(len(records))
        now = time.time()
        for written_at in (record.timestamp / 1_000 for record in records):
            if written_at >= STARTED_AT:
                observe(Hop.CONSUMED, now - written_at)
