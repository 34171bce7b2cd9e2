"""Finds events that a crash left behind, publishes them, and restates what a late send may have overtaken."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pymongo import ASCENDING, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from shared import metrics
from shared.leases import Lease
from shared.outbox import history
from shared.outbox.drain import DOCUMENTS_AT_ONCE, SEND_LIMIT_SECONDS, Drain, Place
from shared.outbox.entry import Aggregate, Document
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)

LEFT_BEHIND = timedelta(seconds=2)
RESTATE_AFTER = timedelta(minutes=1)
PERIOD_SECONDS = 0.5
PAUSE_SECONDS = 1.0
RESTATEMENTS = "restatements"


class Sweeper:
    """One per process; the lease lets one process of a service sweep at a time."""

    def __init__(
        self, db: AsyncDatabase[Document], producer: ProducerHolder, aggregates: Sequence[Aggregate], lease: Lease
    ):
        self._db = db
        self._producer = producer
        self._aggregates = aggregates
        self._lease = lease
        self._drain = Drain(db, producer)

    async def prepare(self) -> None:
        for aggregate in self._aggregates:
            await self._db[aggregate.collection].create_index([("outbox.at", ASCENDING)], sparse=True)
        await self._db[RESTATEMENTS].create_index([("at", ASCENDING)])

    async def run(self) -> None:
        while True:
            try:
                if await self._lease.held():
                    while await self._sweep():
                        await self._lease.held()
                    await self._restate()
            except Exception:
                log.warning("sweeping failed; it goes on after a pause", exc_info=True)
                await self._producer.abandon()
                await asyncio.sleep(PAUSE_SECONDS)
            await asyncio.sleep(PERIOD_SECONDS)

    async def _sweep(self) -> bool:
        """Publish one batch of left-behind outboxes. True when there may be more."""
        now = datetime.now(UTC)
        places: list[Place] = []
        oldest = now
        for aggregate in self._aggregates:
            left = (
                self._db[aggregate.collection]
                .find({"outbox.at": {"$lt": now - LEFT_BEHIND}}, {"outbox.at": 1})
                .sort("outbox.at", ASCENDING)
                .limit(DOCUMENTS_AT_ONCE)
            )
            async for document in left:
                places.append((aggregate, document["_id"]))
                oldest = min(oldest, document["outbox"][0]["at"]) if document.get("outbox") else oldest
        metrics.OUTBOX_OLDEST.set((now - oldest).total_seconds())
        if not places:
            return False
        batch = places[:DOCUMENTS_AT_ONCE]
        await self._drain.publish(dict.fromkeys(batch))
        metrics.SWEPT.inc(len(batch))
        log.info("published what was left behind", extra={"documents": len(batch)})
        await self._db[RESTATEMENTS].bulk_write(
            [
                UpdateOne(
                    {"_id": f"{aggregate.name}/{document_id}"},
                    {"$set": {"at": now + RESTATE_AFTER, "aggregate": aggregate.name, "document": document_id}},
                    upsert=True,
                )
                for aggregate, document_id in batch
            ],
            ordered=False,
        )
        return len(places) > len(batch)

    async def _restate(self) -> None:
        """Send the newest state again: a timed-out send may have come later, and compaction would keep that."""
        due = self._db[RESTATEMENTS].find({"at": {"$lt": datetime.now(UTC)}}).limit(DOCUMENTS_AT_ONCE)
        async for restatement in due:
            rows = await history.newest_per_topic(self._db, restatement["aggregate"], restatement["document"])
            async with asyncio.timeout(SEND_LIMIT_SECONDS):
                producer = await self._producer.ready()
                for row in rows:
                    await producer.send_and_wait(
                        row["topic"],
                        row["value"].encode(),
                        key=row["key"].encode(),
                        headers=[(name, text.encode()) for name, text in row["headers"].items()],
                    )
            await self._db[RESTATEMENTS].delete_one({"_id": restatement["_id"], "at": restatement["at"]})
