"""Tells the newest state of a document once more, when a send of before may have arrived late.

Compaction keeps the record that arrived last, so a late one would be what everybody sees who reads the topic anew.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pymongo import ASCENDING, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from shared.outbox import history
from shared.outbox.backlog import Place
from shared.outbox.entry import Aggregate, Document
from shared.outbox.publish import publish
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)

RESTATEMENTS = "restatements"
RESTATE_AFTER = timedelta(minutes=1)
LOOK_AGAIN = timedelta(seconds=1)
AFTER_FAILURE = timedelta(seconds=30)
AT_ONCE = 256


async def prepare(db: AsyncDatabase[Document]) -> None:
    await db[RESTATEMENTS].create_index([("at", ASCENDING)])


async def register(db: AsyncDatabase[Document], places: Sequence[Place]) -> None:
    """Have these documents restated a minute from now: by then a late send has arrived, or never will."""
    if not places:
        return
    at = datetime.now(UTC) + RESTATE_AFTER
    await db[RESTATEMENTS].bulk_write(
        [
            UpdateOne(
                {"_id": f"{aggregate.name}/{document_id}"},
                {"$set": {"at": at, "aggregate": aggregate.name, "document": document_id}},
                upsert=True,
            )
            for aggregate, document_id in places
        ],
        ordered=False,
    )


async def restate_due(
    db: AsyncDatabase[Document], producers: ProducerHolder, aggregates: Mapping[str, Aggregate]
) -> None:
    """Restate the documents whose time has come. One that fails comes again and holds up no other."""
    query = {"at": {"$lt": datetime.now(UTC)}, "aggregate": {"$in": list(aggregates)}}
    due = await db[RESTATEMENTS].find(query).sort("at", ASCENDING).limit(AT_ONCE).to_list()
    if due:
        await producers.ready()
    for restatement in due:
        this = {"_id": restatement["_id"], "at": restatement["at"]}  # not one that was registered meanwhile
        later = await _restated(db, producers, aggregates[restatement["aggregate"]], restatement["document"])
        if later is None:
            await db[RESTATEMENTS].delete_one(this)
        else:
            await db[RESTATEMENTS].update_one(this, {"$set": {"at": datetime.now(UTC) + later}})


async def _restated(
    db: AsyncDatabase[Document], producers: ProducerHolder, aggregate: Aggregate, document_id: str
) -> timedelta | None:
    """Send the newest state of one document; after how long to do it again, or None when that was the end of it.

    Another process may publish a newer event between the look and the send, and this send would follow it. So nothing
    may wait before, and the version may not have moved afterwards; else it is done once more.
    """
    documents = db[aggregate.collection]
    before = await documents.find_one({"_id": document_id})
    if before is not None and before.get("outbox"):
        return LOOK_AGAIN
    entries = [
        {**row, "id": row["_id"], "value": value}
        for row in await history.newest_per_topic(db, aggregate, document_id)
        if (value := _value_of(row, aggregate, before)) is not None or row.get("tombstone")
    ]
    failure = await publish(producers, entries, {})
    if failure is not None:
        log.warning("a restatement waits", extra={"document": document_id, "error": repr(failure.error)})
        return AFTER_FAILURE
    after = await documents.find_one({"_id": document_id}, {"version": 1})
    is_newer = before is not None and after is not None and after["version"] != before["version"]
    return LOOK_AGAIN if is_newer else None


def _value_of(row: Document, aggregate: Aggregate, document: Document | None) -> str | None:
    """The value of a row, made anew where the history does not keep it; None for a tombstone."""
    kept: str | None = row.get("value")
    rebuild = aggregate.rebuilt.get(row["topic"])
    if kept is None and rebuild is not None and document is not None and not row.get("tombstone"):
        return rebuild(document).model_dump_json()
    return kept
