"""Parked keys as operators see them, and handling one of them again."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared import ids
from shared.access.caller import Caller
from shared.consumers import parking
from shared.consumers.subscription import Subscription
from shared.contracts.catalogue import BY_TYPE
from shared.leases import Lease
from shared.operations.models import Parked, ParkedKey, Requeued
from shared.operations.redaction import shown_key, shown_reason
from shared.problems import Conflict, NotFound
from shared.service import Service

log = logging.getLogger(__name__)

MOST_COUNTED = 5_000
MOST_SHOWN = 50
MOST_AT_ONCE = 200
LEASE_SECONDS = 60.0

Document = dict[str, Any]


class NothingParked(NotFound):
    code = "nothing_parked"
    title = "Nothing is parked here any more: it was handled, or given up"


class AtIt(Conflict):
    code = "requeue_under_way"
    title = "Somebody has just asked for this; it is being handled"


async def parked_now(db: AsyncDatabase[Document], subscriptions: Sequence[Subscription[Any]]) -> Parked:
    """All keys with parked records counted, and the ones that have waited for longest as far as they are shown."""
    topics = {one.group: one.topic for one in subscriptions}
    found = db[parking.COLLECTION].find({}, {"group": 1, "key": 1, "at": 1}).limit(MOST_COUNTED)
    order = [("group", ASCENDING), ("key", ASCENDING), ("offset", ASCENDING)]
    by_key: dict[tuple[str, str], list[Document]] = {}
    async for record in found.sort(order):
        by_key.setdefault((record["group"], record["key"]), []).append(record)
    records = sum(map(len, by_key.values()))
    oldest = sorted(by_key.values(), key=lambda own: own[0]["at"])[:MOST_SHOWN]
    whole = {
        document["_id"]: document
        async for document in db[parking.COLLECTION].find({"_id": {"$in": [own[0]["_id"] for own in oldest]}})
    }
    return Parked(
        keys=len(by_key),
        records=records,
        is_more=records == MOST_COUNTED,
        items=[
            _shown(whole[own[0]["_id"]], len(own), topics.get(own[0]["group"]))
            for own in oldest
            if own[0]["_id"] in whole
        ],
    )


async def keys_by_group(db: AsyncDatabase[Document]) -> dict[str, int]:
    """How many keys wait in each group that has some, as far as they are counted."""
    found = db[parking.COLLECTION].find({}, {"_id": 0, "group": 1, "key": 1}).limit(MOST_COUNTED)
    keys = {(record["group"], record["key"]) async for record in found}
    return {group: sum(1 for own, _ in keys if own == group) for group in {group for group, _ in keys}}


@dataclass(slots=True)
class Requeues:
    """One key is handled again by one process at a time, however often the button is pressed."""

    service: Service[Any, Any]
    subscriptions: Sequence[Subscription[Any]]
    _under_way: set[tuple[str, str]] = field(default_factory=set)

    async def requeue(self, record_id: str, *, caller: Caller) -> Requeued:
        """Handle the records of a parked key again, at most so many at once. Raises NothingParked and AtIt."""
        db = self.service.db
        first = await db[parking.COLLECTION].find_one({"_id": record_id}, {"group": 1, "key": 1})
        subscription = next((one for one in self.subscriptions if first and one.group == first["group"]), None)
        if first is None or subscription is None:
            raise NothingParked()
        place = (subscription.group, first["key"])
        lease = Lease(db, f"requeue/{ids.derived_id(*place)}", ids.new_id(), LEASE_SECONDS)
        if place in self._under_way or not await lease.held():
            raise AtIt()
        self._under_way.add(place)
        try:
            outcome = await parking.requeue(self.service, subscription, first["key"], most=MOST_AT_ONCE)
        finally:
            self._under_way.discard(place)
            await lease.give_back()
        log.info("parked key handled again", extra={"group": place[0], "actor": caller.id, "done": outcome.done})
        return await self._told(place, outcome.done, has_failed=bool(outcome.failed))

    async def _told(self, place: tuple[str, str], done: int, *, has_failed: bool) -> Requeued:
        group, key = place
        parked, query = self.service.db[parking.COLLECTION], {"group": group, "key": key}
        left = await parked.count_documents(query, limit=MOST_COUNTED)
        first = await parked.find_one(query, sort=parking.ORDER) if has_failed else None
        reason = _reason_of(first) if first else None
        return Requeued(group=group, key=shown_key(key), done=done, left=left, reason=reason)


def _shown(first: Mapping[str, Any], records: int, topic: str | None) -> ParkedKey:
    headers = ((name.decode(errors="replace"), value) for name, value in first["headers"])
    kind = next((value.decode(errors="replace") for name, value in headers if name == "ce_type" and value), None)
    return ParkedKey(
        id=first["_id"],
        group=first["group"],
        topic=topic or first["topic"],
        key=shown_key(first["key"]),
        type=kind if kind in BY_TYPE else None,
        records=records,
        attempts=first["attempts"],
        reason=_reason_of(first),
        since=first["at"],
    )


def _reason_of(first: Mapping[str, Any]) -> str:
    return shown_reason(first["reason"], key=first["key"], value=first["value"])
