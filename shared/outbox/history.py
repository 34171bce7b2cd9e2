"""The append-only history of every aggregate: one row an event, written before the event leaves the outbox.

Rows of an owner's topics keep the value, for the timeline and for what was true at a time. What was sent to a party is
not kept, only that and when it was sent; nor are values that are personal (`Aggregate.rebuilt`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pymongo import ASCENDING, DESCENDING, InsertOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from shared.outbox.entry import Aggregate, Document, Entry, is_event

COLLECTION = "history"
OUTBOUND = "outbound."
KEPT_OF_OUTBOUND = ("ce_type", "ce_time")
DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One event of an aggregate. Partition and offset are None until the broker has acknowledged it.

    `seen_at` is when the party that reads the topic was seen to have committed past it. `value` is None where it is not
    kept, and in a tombstone; a row of a party's topic knows neither the actor nor what it follows from.
    """

    id: str
    aggregate_id: str
    sequence: int
    type: str
    topic: str
    at: datetime
    actor: str | None
    on_behalf_of: str | None
    channel: str | None
    correlation_id: str | None
    causation_id: str | None
    value: dict[str, Any] | None
    partition: int | None
    offset: int | None
    seen_at: datetime | None


async def prepare(db: AsyncDatabase[Document]) -> None:
    await db[COLLECTION].create_index([("aggregate", ASCENDING), ("sequence", ASCENDING)])
    await db[COLLECTION].create_index(
        [("awaiting", ASCENDING), ("partition", ASCENDING), ("offset", ASCENDING)], sparse=True
    )


def row_of(aggregate: Aggregate, document_id: str, entry: Entry, partition: int, offset: int) -> Document:
    """The row of an acknowledged entry. Rows of outbound topics await the party's receipt."""
    topic: str = entry["topic"]
    row: Document = {
        "_id": entry["id"],
        "aggregate": f"{aggregate.name}/{document_id}",
        "sequence": entry["sequence"],
        "topic": topic,
        "key": entry["key"],
        "headers": entry["headers"],
        "partition": partition,
        "offset": offset,
    }
    if topic.startswith(OUTBOUND):
        return row | {"awaiting": topic, "headers": {name: entry["headers"][name] for name in KEPT_OF_OUTBOUND}}
    if entry["value"] is None:
        return row | {"tombstone": True}
    return row if topic in aggregate.rebuilt else row | {"value": entry["value"]}


async def append(db: AsyncDatabase[Document], rows: Sequence[Document]) -> None:
    """Insert rows; those that an earlier, interrupted round has written stay as they are."""
    await insert_new(db[COLLECTION], rows)


async def insert_new(collection: AsyncCollection[Document], documents: Sequence[Document]) -> None:
    """Insert those documents whose ids are not there yet."""
    if not documents:
        return
    try:
        await collection.bulk_write([InsertOne(document) for document in documents], ordered=False)
    except BulkWriteError as error:
        if any(failure["code"] != DUPLICATE_KEY for failure in error.details["writeErrors"]):
            raise


async def rows(db: AsyncDatabase[Document], aggregate: Aggregate, document: Document) -> list[HistoryRow]:
    """All rows of a document in order, with those that still wait in its outbox."""
    name = f"{aggregate.name}/{document['_id']}"
    found = db[COLLECTION].find({"aggregate": name}).sort("sequence", ASCENDING)
    kept = {row["_id"]: row async for row in found}
    waiting: Iterable[Entry] = document.get("outbox", ())
    for entry in waiting:
        if is_event(entry):
            kept.setdefault(entry["id"], _without_place(row_of(aggregate, document["_id"], entry, 0, 0)))
    return sorted((_row(document["_id"], row) for row in kept.values()), key=lambda row: row.sequence)


async def newest_per_topic(db: AsyncDatabase[Document], aggregate: Aggregate, document_id: str) -> list[Document]:
    """The newest row of each owner topic: what a restatement sends again."""
    newest: dict[str, str] = {}
    found = (
        db[COLLECTION]
        .find({"aggregate": f"{aggregate.name}/{document_id}"}, {"topic": 1, "sequence": 1})
        .sort("sequence", DESCENDING)
    )
    async for row in found:
        if not row["topic"].startswith(OUTBOUND):
            newest.setdefault(row["topic"], row["_id"])
    return await db[COLLECTION].find({"_id": {"$in": list(newest.values())}}).to_list()


def _without_place(row: Document) -> Document:
    return {name: value for name, value in row.items() if name not in ("partition", "offset")}


def _row(document_id: str, row: Document) -> HistoryRow:
    headers = row["headers"]
    return HistoryRow(
        id=row["_id"],
        aggregate_id=document_id,
        sequence=row["sequence"],
        type=headers["ce_type"],
        topic=row["topic"],
        at=datetime.fromisoformat(headers["ce_time"]),
        actor=headers.get("ce_actor"),
        on_behalf_of=headers.get("ce_onbehalfof"),
        channel=headers.get("ce_channel"),
        correlation_id=headers.get("ce_correlationid"),
        causation_id=headers.get("ce_causationid"),
        value=orjson.loads(row["value"]) if "value" in row else None,
        partition=row.get("partition"),
        offset=row.get("offset"),
        seen_at=row.get("seen_at"),
    )
