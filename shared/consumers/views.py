"""Local copies of other owners' facts, guarded by the owner's version: older records never overwrite newer ones.

A record of the same version writes its row again: so a view whose rows have got another form is made anew by resetting
its group, while it goes on answering.

What was erased leaves a stone: its version and nothing else. No record overwrites a stone, not even a newer one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo import ReplaceOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

DUPLICATE_KEY = 11000

Write = UpdateOne | ReplaceOne[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ViewRow:
    """The state of one key at one version."""

    key: str
    version: int
    fields: Mapping[str, Any] = field(default_factory=dict)


async def upsert(collection: AsyncCollection[dict[str, Any]], rows: Iterable[ViewRow]) -> None:
    """Write the rows that are not older than what is there, and whose keys are not erased."""
    await _write(collection, list(rows), _update)


async def erase(collection: AsyncCollection[dict[str, Any]], rows: Iterable[ViewRow]) -> None:
    """Leave a stone for each key, at the version of its tombstone, unless there is something newer."""
    await _write(collection, list(rows), _stone)


async def _write(
    collection: AsyncCollection[dict[str, Any]], rows: Sequence[ViewRow], written: Callable[[ViewRow, bool], Write]
) -> None:
    """Write guarded rows.

    A guarded upsert whose row is stale, or that races another first write, fails with a duplicate key; the ones that
    raced are repeated as plain guarded writes, which is harmless for the stale ones.
    """
    if not rows:
        return
    try:
        await collection.bulk_write([written(row, True) for row in rows], ordered=False)
    except BulkWriteError as error:
        failures = error.details["writeErrors"]
        if any(failure["code"] != DUPLICATE_KEY for failure in failures):
            raise
        repeated = [written(rows[failure["index"]], False) for failure in failures]
        await collection.bulk_write(repeated, ordered=False)


def _update(row: ViewRow, upsert: bool) -> Write:
    guard = {"_id": row.key, "version": {"$lte": row.version}, "erased": {"$exists": False}}
    return UpdateOne(guard, {"$set": {**row.fields, "version": row.version}}, upsert=upsert)


def _stone(row: ViewRow, upsert: bool) -> Write:
    guard = {"_id": row.key, "version": {"$lte": row.version}}
    return ReplaceOne(guard, {"version": row.version, "erased": True}, upsert=upsert)
