"""Timers live in the aggregates: `next_at` is the earliest moment at which a document wants to be looked at.

Claiming makes firing fast; the guard of the firing command makes it happen once.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared import metrics
from shared.clock import Clock
from shared.ids import new_id
from shared.outbox import Aggregate

log = logging.getLogger(__name__)

PERIOD_SECONDS = 0.25
PAUSE_SECONDS = 1.0
LOOKED_AT = 200
CLAIM_LENGTH = timedelta(seconds=30)


D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class TimerRule(Generic[D]):
    """What fires the due timers of one kind of document.

    `fire(deps, document, now)` runs guarded commands that also set the next `next_at`. A document that it leaves
    alone comes again after half a minute. At most `at_once` are in hand in one process. `real_time`: `next_at` stands
    for a lease or a pause, which go on while the product's clock is moved.
    """

    aggregate: Aggregate
    fire: Callable[[D, dict[str, Any], datetime], Awaitable[None]]
    at_once: int = 50
    real_time: bool = False


async def prepare(db: AsyncDatabase[dict[str, Any]], aggregates: Sequence[Aggregate]) -> None:
    for aggregate in aggregates:
        await db[aggregate.collection].create_index([("next_at", ASCENDING)], sparse=True)


async def run(db: AsyncDatabase[dict[str, Any]], clock: Clock, rule: TimerRule[D], deps: D) -> None:
    """Fire due timers until cancelled."""
    while True:
        try:
            while await _round(db, clock, rule, deps):
                continue
        except Exception:
            log.warning("timers wait", extra={"aggregate": rule.aggregate.name}, exc_info=True)
            await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.sleep(PERIOD_SECONDS)


async def _round(db: AsyncDatabase[dict[str, Any]], clock: Clock, rule: TimerRule[D], deps: D) -> bool:
    now = datetime.now(UTC) if rule.real_time else clock()
    collection = db[rule.aggregate.collection]
    due = [
        document["_id"] async for document in collection.find({"next_at": {"$lte": now}}, {"_id": 1}).limit(LOOKED_AT)
    ]
    if not due:
        return False
    random.shuffle(due)  # replicas start in different places
    holder = new_id()
    await collection.update_many(
        {"_id": {"$in": due[: rule.at_once]}, "next_at": {"$lte": now}},
        {"$set": {"next_at": now + CLAIM_LENGTH, "claimed_by": holder}},
    )
    claimed = await collection.find({"_id": {"$in": due[: rule.at_once]}, "claimed_by": holder}).to_list()
    results = await asyncio.gather(
        *(asyncio.wait_for(rule.fire(deps, document, now), CLAIM_LENGTH.total_seconds()) for document in claimed),
        return_exceptions=True,
    )
    for document, result in zip(claimed, results, strict=True):
        if isinstance(result, Exception):
            log.error("a timer failed and will come again", extra={"document": document["_id"]}, exc_info=result)
        else:
            metrics.TIMERS_FIRED.labels(rule.aggregate.name).inc()
    return len(due) > rule.at_once
