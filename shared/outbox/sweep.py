"""Finds events that a crash left behind, and offers them to the drain; has restated what is due."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared import metrics
from shared.leases import Lease
from shared.outbox import restate
from shared.outbox.backlog import YOUNG_SECONDS
from shared.outbox.drain import Drain
from shared.outbox.entry import Aggregate, Document
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)

LEFT_BEHIND = timedelta(seconds=YOUNG_SECONDS)
LOOKED_AT_ONCE = 256
ENOUGH_WAITING = 2_000
PERIOD_SECONDS = 1.0
PAUSE_SECONDS = 1.0


class Sweeper:
    """One per process; the lease lets one process of a service sweep at a time."""

    def __init__(
        self,
        db: AsyncDatabase[Document],
        drain: Drain,
        producers: ProducerHolder,
        aggregates: Sequence[Aggregate],
        lease: Lease,
    ) -> None:
        self._db = db
        self._drain = drain
        self._producers = producers
        self._aggregates = {aggregate.name: aggregate for aggregate in aggregates}
        self._lease = lease
        self._passed: dict[str, int] = {}

    async def prepare(self) -> None:
        for aggregate in self._aggregates.values():
            await self._db[aggregate.collection].create_index([("outbox.at", ASCENDING)], sparse=True)
        await restate.prepare(self._db)

    async def run(self) -> None:
        while True:
            try:
                sweeps = await self._lease.held()
                self._drain.take_old(sweeps)
                if sweeps:
                    while await self._sweep():
                        await self._lease.held()
                    await restate.restate_due(self._db, self._producers, self._aggregates)
            except Exception:
                log.warning("sweeping failed; it goes on after a pause", exc_info=True)
                await asyncio.sleep(PAUSE_SECONDS)
            await asyncio.sleep(PERIOD_SECONDS)

    async def _sweep(self) -> bool:
        """Offer some of what was left behind; True when there may be more and the drain is not busy enough."""
        now = datetime.now(UTC)
        there_is_more = False
        oldest: list[datetime] = []
        for aggregate in self._aggregates.values():
            # What rests in the drain stays in the store: so each look goes on behind the one before, and then anew.
            passed = self._passed.get(aggregate.name, 0)
            left = (
                await self._db[aggregate.collection]
                .find({"outbox.at": {"$lt": now - LEFT_BEHIND}}, {"outbox.at": 1})
                .sort("outbox.at", ASCENDING)
                .skip(passed)
                .limit(LOOKED_AT_ONCE)
                .to_list()
            )
            offered = sum(self._drain.offer_left_behind(aggregate, document["_id"]) for document in left)
            metrics.SWEPT.inc(offered)
            if offered:
                log.info("found what was left behind", extra={"aggregate": aggregate.name, "documents": offered})
            is_full = len(left) == LOOKED_AT_ONCE
            self._passed[aggregate.name] = passed + len(left) if is_full else 0
            there_is_more = there_is_more or is_full
            if passed == 0:
                oldest += [min(entry["at"] for entry in document["outbox"]) for document in left[:1]]
        metrics.OUTBOX_OLDEST.set((now - min(oldest, default=now)).total_seconds())
        return there_is_more and self._drain.waiting < ENOUGH_WAITING
