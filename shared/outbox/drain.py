"""Publishes what waits in documents: whole arrays from their head, cleared only after all acknowledgements.

Many documents are on their way at once, each for itself: what cannot be published rests and comes again, and holds up
nobody else.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError

from shared import faultpoints, metrics
from shared.hops import Hop, observe
from shared.outbox import history, restate
from shared.outbox.backlog import Backlog, Offer, Place
from shared.outbox.entry import Aggregate, Document, Entry, is_event
from shared.outbox.publish import SEND_LIMIT_SECONDS, Failure, Fate, publish
from shared.outbox.show import Rows
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
SETTLED_AT_ONCE = 64
READ_AT_ONCE = 16
TRIED_AT_ONCE = 3
GATHER_SECONDS = 0.02
"""So long outcomes are gathered before they are written down together, unless somebody waits for one of them."""

Outcome = tuple[Offer, Failure | None]


class Drain:
    """The one drain of a process. Whatever it cannot publish stays in the documents."""

    def __init__(self, db: AsyncDatabase[Document], producers: ProducerHolder) -> None:
        self._db = db
        self._producers = producers
        self._backlog = Backlog()
        self._rows = Rows(db)
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self._hurry = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many documents wait for their turn."""
        return self._backlog.waiting

    @property
    def resting(self) -> int:
        """How many documents could not be published and come again."""
        return self._backlog.resting

    def offer(self, aggregate: Aggregate, document_id: str, entries: list[Entry] | None = None) -> None:
        """Ask for a document to be drained; `entries` saves the read when they are known to be its whole outbox."""
        if not self._backlog.add((aggregate, document_id), entries):
            self._hurry.set()
        self._look()

    def more_in(self, aggregate: Aggregate, document_id: str) -> None:
        """Say that more was written to a document in which something waits; who has it in work goes on with it."""
        if self._backlog.more_in((aggregate, document_id)):
            self._hurry.set()

    def offer_left_behind(self, aggregate: Aggregate, document_id: str) -> bool:
        """Ask for a document that nobody has drained; False when it is known here already.

        Whoever put its events there may have sent them: its newest state is told again later.
        """
        is_new = self._backlog.add((aggregate, document_id), is_swept=True)
        self._look()
        return is_new

    def take_old(self, yes: bool) -> None:
        """Whether this process publishes what has waited for long; elsewhere it is left to the one that sweeps."""
        self._backlog.takes_old = yes

    async def idle(self, limit_seconds: float = SEND_LIMIT_SECONDS) -> None:
        """Wait until nothing waits or is in work, at most so long; what is left stays for the sweeper."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), limit_seconds)

    async def run(self) -> None:
        """Drain until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._settle())
            while True:
                await self._wake.wait()
                self._wake.clear()
                while offers := self._backlog.take():
                    for offer in await self._admitted(offers):
                        tasks.create_task(self._publish(offer))
                self._say_whether_idle()

    def _look(self) -> None:
        metrics.OUTBOX_RESTING.set(self._backlog.resting)
        if self._backlog.waiting:
            self._wake.set()
        self._say_whether_idle()

    def _say_whether_idle(self) -> None:
        if self._backlog.is_idle:
            self._settled.set()
        else:
            self._settled.clear()

    async def _admitted(self, offers: Sequence[Offer]) -> list[Offer]:
        """Those that can be sent now, with their entries. The others wait on, or rest when the store has failed."""
        try:
            await self._producers.ready()
        except Exception as error:
            metrics.DRAIN_FAILURES.inc()
            log.warning("the broker is away; events stay in their documents", extra={"error": repr(error)})
            self._backlog.give_back(offers)
            await asyncio.sleep(PAUSE_SECONDS)
            return []
        unread = [offer for offer in offers if offer.entries is None]
        for aggregate, own in _by_aggregate(unread):
            await self._read(aggregate, {offer.place[1]: offer for offer in own})
        return [offer for offer in offers if offer.entries is not None]

    async def _read(self, aggregate: Aggregate, offers: dict[str, Offer]) -> None:
        """Give documents their entries; those that have none are done, and those without room wait on.

        Who asked without entries may have died before the rows were written, so they are written now.
        """
        fields = None if aggregate.shown else {"outbox": 1}
        try:
            found = self._db[aggregate.collection].find({"_id": {"$in": list(offers)}}, fields)
            async with found.batch_size(READ_AT_ONCE) as cursor:
                async for document in cursor:
                    if document.get("outbox"):
                        await self._rows.put(aggregate, [document])
                        if not self._backlog.admit(offers[document["_id"]], document["outbox"]):
                            self._backlog.give_back(offers.values())
                            return
                        del offers[document["_id"]]
        except PyMongoError as error:
            for offer in offers.values():
                self._rest(offer, error)
        else:
            for offer in offers.values():
                self._backlog.finish(offer)

    async def _publish(self, offer: Offer) -> None:
        """Send what the broker does not have yet."""
        entries = [e for e in offer.entries or () if is_event(e) and e["id"] not in offer.acknowledged]
        failure: Failure | None = None
        try:
            failure = await publish(self._producers, entries, offer.acknowledged)
            now = datetime.now(UTC)
            for entry in entries:
                if entry["id"] in offer.acknowledged:
                    observe(Hop.PUBLISHED, (now - entry["at"]).total_seconds())
        except Exception as error:
            log.exception("the plumbing failed")
            failure = Failure(Fate.UNKNOWN, "", error)
        if failure is not None and failure.fate is Fate.UNKNOWN:
            offer.in_doubt = True
        self._outcomes.put_nowait((offer, failure))

    async def _settle(self) -> None:
        """Write down what was acknowledged and clear it, many documents at a time. Nothing of it is sent again."""
        while True:
            outcomes = [await self._outcomes.get()]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._hurry.wait()
            self._hurry.clear()
            while len(outcomes) < SETTLED_AT_ONCE and not self._outcomes.empty():
                outcomes.append(self._outcomes.get_nowait())
            await self._written_down(outcomes)
            self._look()

    async def _written_down(self, outcomes: Sequence[Outcome]) -> None:
        try:
            more = await self._write_down([offer for offer, _ in outcomes])
        except Exception as error:
            store_is_away = isinstance(error, ConnectionFailure | ExecutionTimeout)
            if len(outcomes) > 1 and not store_is_away:
                for outcome in outcomes:
                    await self._written_down([outcome])
                return
            for offer, _ in outcomes:
                self._rest(offer, error)
            return
        for offer, failure in outcomes:
            offer.acknowledged.clear()
            if failure is None:
                self._backlog.finish(offer, more=offer.place in more)
            elif failure.fate is Fate.NOT_TAKEN and offer.failures < TRIED_AT_ONCE:
                self._backlog.retry(offer)
            else:
                self._rest(offer, failure.error, topic=failure.topic)

    async def _write_down(self, offers: Sequence[Offer]) -> set[Place]:
        """Rows to their collections, history, restatements; then the outboxes. The places where more waits."""
        rows: dict[str, list[Document]] = {}
        told: list[Document] = []
        cleared: dict[Place, list[str]] = {}
        for offer in offers:
            aggregate, document_id = offer.place
            for entry in offer.entries or ():
                if "row" in entry:
                    rows.setdefault(entry["row"]["collection"], []).append(entry["row"]["document"])
                elif not is_event(entry):
                    pass  # the rows are written by now
                elif entry["id"] in offer.acknowledged:
                    told.append(history.row_of(aggregate, document_id, entry, *offer.acknowledged[entry["id"]]))
                else:
                    continue
                cleared.setdefault(offer.place, []).append(entry["id"])
        for collection, documents in rows.items():
            await history.insert_new(self._db[collection], documents)
        await history.append(self._db, told)
        await restate.register(self._db, [o.place for o in offers if o.in_doubt and o.acknowledged])
        faultpoints.reach(faultpoints.OUTBOX_PUBLISHED)
        return await self._clear(cleared)

    async def _clear(self, cleared: dict[Place, list[str]]) -> set[Place]:
        """Take entries out of their documents, in one statement for each kind: the store is half as fast one by one.

        An entry's id is its own, so that all of them may be named for every document.
        """
        more: set[Place] = set()
        by_aggregate: dict[Aggregate, dict[str, list[str]]] = {}
        for (aggregate, document_id), ids in cleared.items():
            by_aggregate.setdefault(aggregate, {})[document_id] = ids
        for aggregate, documents in by_aggregate.items():
            collection = self._db[aggregate.collection]
            these = {"_id": {"$in": sorted(documents)}}
            ids = [entry_id for own in documents.values() for entry_id in own]
            await collection.update_many(these, {"$pull": {"outbox": {"id": {"$in": ids}}}})
            left = collection.find({**these, "outbox.0": {"$exists": True}}, {"_id": 1})
            more |= {(aggregate, document["_id"]) async for document in left}
        return more

    def _rest(self, offer: Offer, error: BaseException, *, topic: str | None = None) -> None:
        metrics.DRAIN_FAILURES.inc()
        seconds = self._backlog.rest(offer)
        aggregate, document_id = offer.place
        log.warning(
            "events stay in their document for now",
            extra={
                "aggregate": aggregate.name,
                "document": document_id,
                "topic": topic,
                "failures": offer.failures,
                "seconds": round(seconds, 1),
                "error": repr(error),
            },
        )
        asyncio.get_running_loop().call_later(seconds, self._wake_up, offer)

    def _wake_up(self, offer: Offer) -> None:
        self._backlog.wake(offer)
        self._look()


def _by_aggregate(offers: Iterable[Offer]) -> list[tuple[Aggregate, list[Offer]]]:
    grouped: dict[Aggregate, list[Offer]] = {}
    for offer in offers:
        grouped.setdefault(offer.place[0], []).append(offer)
    return list(grouped.items())
