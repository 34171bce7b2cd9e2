"""Local copies of other owners' facts, guarded by the owner's version: older records never overwrite newer ones.

A record of the same version writes its row again: so a view whose rows have got another form is made anew by resetting
its group, while it goes on answering.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True)
class ViewRow:
    """The state of one key at one version. An erased key leaves a stone: a version without fields."""

    key: str
    version: int
    fields: Mapping[str, Any] = field(default_factory=dict)


async def upsert(collection: AsyncCollection[dict[str, Any]], rows: Iterable[ViewRow]) -> None:
    """Write the rows that are not older than what is there.

    A guarded upsert whose row is stale, or that races another first write, fails with a duplicate key; the ones that
    raced are repeated as plain guarded updates, which is harmless for the stale ones.
    """
    kept = list(rows)
    if not kept:
        return
    try:
        await collection.bulk_write([_write(row, upsert=True) for row in kept], ordered=False)
    except BulkWriteError as error:
        failures = error.details["writeErrors"]
        if any(failure["code"] != DUPLICATE_KEY for failure in failures):
            raise
        repeated = [_write(kept[failure["index"]], upsert=False) for failure in failures]
        await collection.bulk_write(repeated, ordered=False)


def _write(row: ViewRow, *, upsert: bool) -> UpdateOne:
    return UpdateOne(
        {"_id": row.key, "version": {"$lte": row.version}},
        {"$set": {**row.fields, "version": row.version}},
        upsert=upsert,
    )
