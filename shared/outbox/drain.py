"""Publishes what waits in documents: whole arrays from their head, in order, pulled only after all acknowledgements."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from shared import faultpoints, metrics
from shared.outbox import history
from shared.outbox.entry import Aggregate, Document, Entry
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)

DOCUMENTS_AT_ONCE = 256
WAITING_LIMIT = 20_000
SEND_LIMIT_SECONDS = 5.0
PAUSE_SECONDS = 1.0

Place = tuple[Aggregate, str]


class Drain:
    """The drain task of one process. Whatever it cannot publish stays in the documents."""

    def __init__(self, db: AsyncDatabase[Document], producer: ProducerHolder) -> None:
        self._db = db
        self._producer = producer
        self._waiting: OrderedDict[Place, list[Entry] | None] = OrderedDict()
        self._busy: set[Place] = set()
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    def offer(self, aggregate: Aggregate, document_id: str, entries: list[Entry] | None = None) -> None:
        """Ask for a document to be drained; `entries` saves the read when they are known to be its whole outbox."""
        place = (aggregate, document_id)
        if place in self._busy or place in self._waiting:
            self._waiting[place] = None
        elif len(self._waiting) < WAITING_LIMIT:  # beyond it the sweeper finds them
            self._waiting[place] = entries
        self._settled.clear()
        self._wake.set()

    async def idle(self, limit_seconds: float = SEND_LIMIT_SECONDS) -> None:
        """Wait until nothing is offered or in work, at most so long; what is left stays for the sweeper."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), limit_seconds)

    async def run(self) -> None:
        """Drain until cancelled. On any error: leave the entries, pause, abandon the producer, build a new one."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = dict(
                    self._waiting.popitem(last=False) for _ in range(min(len(self._waiting), DOCUMENTS_AT_ONCE))
                )
                self._busy = set(batch)
                try:
                    leftovers = await self.publish(batch)
                except Exception:
                    metrics.DRAIN_FAILURES.inc()
                    log.warning("draining failed; the events stay in their documents", exc_info=True)
                    leftovers = list(batch)
                    await self._producer.abandon()
                    await asyncio.sleep(PAUSE_SECONDS)
                finally:
                    self._busy = set()
                for aggregate, document_id in leftovers:
                    self.offer(aggregate, document_id)
            self._settled.set()

    async def publish(self, batch: dict[Place, list[Entry] | None]) -> list[Place]:
        """Publish the outboxes of some documents once; returns the places where more was put meanwhile."""
        outboxes = await self._read(batch)
        await self._keep_rows(outboxes)
        acknowledged = await self._send(outboxes)
        await history.append(
            self._db,
            [
                history.row_of(aggregate.name, document_id, entry, partition, offset)
                for (aggregate, document_id), entry, partition, offset in acknowledged
            ],
        )
        faultpoints.reach(faultpoints.OUTBOX_PUBLISHED)
        return await self._pull(outboxes)

    async def _read(self, batch: dict[Place, list[Entry] | None]) -> dict[Place, list[Entry]]:
        outboxes = {place: entries for place, entries in batch.items() if entries}
        for aggregate, ids in _by_aggregate(place for place, entries in batch.items() if not entries):
            found = self._db[aggregate.collection].find({"_id": {"$in": ids}}, {"outbox": 1})
            async for document in found:
                if document.get("outbox"):
                    outboxes[aggregate, document["_id"]] = document["outbox"]
        return outboxes

    async def _keep_rows(self, outboxes: dict[Place, list[Entry]]) -> None:
        """Move the rows to their collections; those that an earlier, interrupted round has written stay as they are."""
        by_collection: dict[str, list[Document]] = {}
        for entries in outboxes.values():
            for entry in entries:
                if "row" in entry:
                    by_collection.setdefault(entry["row"]["collection"], []).append(entry["row"]["document"])
        for collection, documents in by_collection.items():
            await history.insert_new(self._db[collection], documents)

    async def _send(self, outboxes: dict[Place, list[Entry]]) -> list[tuple[Place, Entry, int, int]]:
        async with asyncio.timeout(SEND_LIMIT_SECONDS):
            producer = await self._producer.ready()
            sent: list[tuple[Place, Entry]] = []
            acknowledgements: list[Any] = []
            for place, entries in outboxes.items():
                for entry in entries:
                    if "row" in entry:
                        continue
                    acknowledgements.append(
                        await producer.send(
                            entry["topic"],
                            entry["value"].encode(),
                            key=entry["key"].encode(),
                            headers=[(name, text.encode()) for name, text in entry["headers"].items()],
                        )
                    )
                    sent.append((place, entry))
            metadata = await asyncio.gather(*acknowledgements)
        for _, entry in sent:
            metrics.PUBLISHED.labels(entry["topic"]).inc()
        return [
            (place, entry, record.partition, record.offset)
            for (place, entry), record in zip(sent, metadata, strict=True)
        ]

    async def _pull(self, outboxes: dict[Place, list[Entry]]) -> list[Place]:
        leftovers: list[Place] = []
        for aggregate, ids in _by_aggregate(outboxes):
            collection = self._db[aggregate.collection]
            await collection.bulk_write(
                [
                    UpdateOne(
                        {"_id": document_id},
                        {
                            "$pull": {
                                "outbox": {"id": {"$in": [entry["id"] for entry in outboxes[aggregate, document_id]]}}
                            }
                        },
                    )
                    for document_id in ids
                ],
                ordered=False,
            )
            more = collection.find({"_id": {"$in": ids}, "outbox.0": {"$exists": True}}, {"_id": 1})
            leftovers += [(aggregate, document["_id"]) async for document in more]
        return leftovers


def _by_aggregate(places: Iterable[Place]) -> list[tuple[Aggregate, list[str]]]:
    grouped: dict[Aggregate, list[str]] = {}
    for aggregate, document_id in places:
        grouped.setdefault(aggregate, []).append(document_id)
    return list(grouped.items())
