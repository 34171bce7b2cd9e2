"""Reads a service's figures: from its store, from its consumers, and from the process that answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection

from shared import hops, metrics
from shared.consumers.subscription import Subscription
from shared.health import Running, state_of
from shared.operations.models import Backlog, Consumer, Figures, HopFigures, Minute, Outbox
from shared.operations.parked import keys_by_group, parked_now
from shared.outbox import Aggregate
from shared.service import Service
from shared.timers import TimerRule

log = logging.getLogger(__name__)

MOST_COUNTED = 10_000
GAUGED_EVERY_SECONDS = 10.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

OUTBOX = "outbox"
TIMERS = "timers"
PARKED = "parked"

Document: TypeAlias = dict[str, Any]
OwnBacklogs = Callable[[Any], Awaitable[Sequence[Backlog]]]
"""What a service adds: what waits in its own documents."""


async def no_backlogs(_: Any) -> Sequence[Backlog]:
    return ()


async def backlog(
    collection: AsyncCollection[Document],
    query: Mapping[str, Any],
    *,
    what: str,
    since: str,
    now: datetime,
    of: str = "",
) -> Backlog:
    """How many documents meet a query that has an index, and how long ago the field `since` of the oldest is.

    At most so many are looked at, in one pass without a sort, so that no other index is walked for the oldest.
    """
    passed = {"$group": {"_id": None, "number": {"$sum": 1}, "oldest": {"$min": f"${since}"}}}
    found = await (await collection.aggregate([{"$match": query}, {"$limit": MOST_COUNTED}, passed])).to_list()
    if not found:
        return Backlog(what=what, of=of, number=0)
    number, oldest = found[0]["number"], found[0]["oldest"]
    return Backlog(what=what, of=of, number=number, is_more=number == MOST_COUNTED, oldest_seconds=_age(oldest, now))


def _age(moment: datetime, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds())


@dataclass(frozen=True, slots=True)
class Operations:
    """What one process knows about its service."""

    service: Service[Any, Any]
    running: Running
    aggregates: Sequence[Aggregate]
    timers: Sequence[TimerRule[Any]]
    subscriptions: Sequence[Subscription[Any]]
    own_backlogs: OwnBacklogs

    async def figures(self) -> Figures:
        """All of them, as they are now."""
        health, outbox, backlogs, parked = await asyncio.gather(
            state_of(self.running),
            self._outbox(),
            self._backlogs(),
            parked_now(self.service.db, self.subscriptions),
        )
        now = datetime.now(UTC)
        return Figures(
            service=self.service.settings.service,
            instance=self.service.settings.instance,
            started_at=datetime.fromtimestamp(hops.STARTED_AT, UTC),
            at=now,
            status=health.status,
            missing=health.missing,
            degraded=sorted(health.degraded),
            consumers=self._consumers(),
            outbox=outbox,
            backlogs=backlogs,
            parked=parked,
            hops=[_hop_figures(hop, seen, now) for hop, seen in hops.SEEN.items()],
        )

    async def keep_gauges(self) -> None:
        """Tell the metrics what waits, from time to time, until cancelled."""
        while True:
            try:
                await self._gauge()
            except Exception as error:
                log.warning("cannot count what waits", extra={"error": repr(error)})
            await asyncio.sleep(GAUGED_EVERY_SECONDS)

    async def _gauge(self) -> None:
        outbox, backlogs, parked = await asyncio.gather(
            self._outbox(), self._backlogs(), keys_by_group(self.service.db)
        )
        waiting = [*backlogs, Backlog(what=OUTBOX, number=outbox.waiting, oldest_seconds=outbox.oldest_seconds)]
        waiting += [Backlog(what=PARKED, of=one.group, number=parked.get(one.group, 0)) for one in self.subscriptions]
        for one in waiting:
            metrics.WAITING.labels(one.what, one.of).set(one.number)
            metrics.WAITING_OLDEST.labels(one.what, one.of).set(one.oldest_seconds or 0.0)

    async def _outbox(self) -> Outbox:
        """Of all documents that are published; the age is by real time, as the sweeper judges it."""
        now = datetime.now(UTC)
        each = await asyncio.gather(*(self._waiting_in(self.service.db[one.collection]) for one in self.aggregates))
        oldest = [moment for _, moment in each if moment is not None]
        return Outbox(
            waiting=sum(number for number, _ in each),
            resting=self.service.outbox.drain.resting,
            oldest_seconds=_age(min(oldest), now) if oldest else None,
        )

    async def _waiting_in(self, collection: AsyncCollection[Document]) -> tuple[int, datetime | None]:
        """How many documents hold events, and when the oldest of these was written, by the index of the sweeper."""
        query = {"outbox.at": {"$gt": EPOCH}}
        number = await collection.count_documents(query, limit=MOST_COUNTED)
        oldest = await collection.find(query, {"outbox.at": 1}).sort("outbox.at", ASCENDING).limit(1).to_list()
        return number, min((entry["at"] for document in oldest for entry in document["outbox"]), default=None)

    async def _backlogs(self) -> list[Backlog]:
        due, own = await asyncio.gather(
            asyncio.gather(*(self._due(rule) for rule in self.timers)), self.own_backlogs(self.service)
        )
        return [*due, *own]

    async def _due(self, rule: TimerRule[Any]) -> Backlog:
        now = datetime.now(UTC) if rule.real_time else self.service.clock()
        collection = self.service.db[rule.aggregate.collection]
        query = {"next_at": {"$lte": now}}
        return await backlog(collection, query, what=TIMERS, of=rule.aggregate.name, since="next_at", now=now)

    def _consumers(self) -> list[Consumer]:
        watch, stopped = self.running.watch, self.running.consumers.stopped()
        return [
            Consumer(
                group=one.group,
                topic=one.topic,
                lag=watch.lag.get(one.group) if watch.sees_broker else None,
                stopped=one.group in stopped,
            )
            for one in sorted(self.subscriptions, key=lambda one: one.group)
        ]


def _hop_figures(hop: hops.Hop, seen: hops.Minutes, now: datetime) -> HopFigures:
    kept = seen.kept(at=now.timestamp())
    whole = hops.merged(counts for _, counts in kept)
    return HopFigures(
        hop=hop,
        count=sum(whole.values()),
        p50_seconds=hops.quantile(whole, 0.5),
        p99_seconds=hops.quantile(whole, 0.99),
        minutes=[Minute(at=datetime.fromtimestamp(at, UTC), counts=dict(counts)) for at, counts in kept],
    )
