"""The batch that one process has in hand of one group: when to go on with it, when to give it back, when to stop."""

import asyncio
import logging

from aiokafka import ConsumerRecord

from shared import metrics

log = logging.getLogger(__name__)

LONGEST_REASON = 1_000


class GivenBack(Exception):
    """The batch stays uncommitted and comes again: the process ends, a rebalance is due, or the consumer stopped."""


class InHand:
    """What is asked of the batch in hand, and whether the consumer goes on at all."""

    def __init__(self, group: str, stopping: asyncio.Event, burial_limit: int) -> None:
        self.group = group
        self.stopping = stopping
        self.stopped_because: str | None = None
        self._burial_limit = burial_limit
        self._buried_in_a_row = 0
        self._give_back = asyncio.Event()

    def take(self) -> None:
        """A batch is in hand now; what was asked of the one before it is over."""
        self._give_back.clear()

    def give_back(self) -> None:
        """Ask for the batch in hand: it ends after the record in work, and at once while it waits for something."""
        self._give_back.set()

    def go_on(self) -> None:
        """Raises GivenBack where the batch was asked for, or the consumer stopped."""
        if self._give_back.is_set() or self.stopped_because is not None:
            raise GivenBack

    async def pause(self, seconds: float) -> None:
        """Wait. Raises GivenBack as soon as the batch is asked for."""
        try:
            await asyncio.wait_for(self._give_back.wait(), seconds)
        except TimeoutError:
            return
        raise GivenBack

    def stop(self, reason: str) -> GivenBack:
        """Take nothing any more, and say so; returns what is to be raised."""
        self.stopped_because = reason[:LONGEST_REASON]
        metrics.STOPPED.labels(self.group).set(1)
        log.critical("consumer stopped", extra={"group": self.group, "reason": self.stopped_because})
        return GivenBack()

    def carried_out(self) -> None:
        self._buried_in_a_row = 0

    def buried(self, reason: str) -> None:
        """Too many in a row mean that something is wrong with the handler, not with them: raises GivenBack."""
        self.go_on()
        self._buried_in_a_row += 1
        if self._buried_in_a_row >= self._burial_limit:
            raise self.stop(f"{self._buried_in_a_row} records in a row could not be taken; the last: {reason}")

    def skip(self, record: ConsumerRecord, reason: str) -> None:
        metrics.SKIPPED.labels(self.group, reason).inc()
        log.info("record passed over", extra={"group": self.group, "reason": reason, "offset": record.offset})
