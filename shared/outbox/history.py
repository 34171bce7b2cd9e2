"""The append-only history of every aggregate: one row an event, written before the event leaves the outbox."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pymongo import ASCENDING, DESCENDING, InsertOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from shared.outbox.entry import Document, Entry

COLLECTION = "history"
DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One event of an aggregate. Partition and offset are None until the broker has acknowledged it.

    `seen_at` is when the party that reads the topic was seen to have committed past it.
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
    value: dict[str, Any]
    partition: int | None
    offset: int | None
    seen_at: datetime | None


async def prepare(db: AsyncDatabase[Document]) -> None:
    await db[COLLECTION].create_index([("aggregate", ASCENDING), ("sequence", ASCENDING)])
    await db[COLLECTION].create_index(
        [("awaiting", ASCENDING), ("partition", ASCENDING), ("offset", ASCENDING)], sparse=True
    )


def row_of(aggregate: str, document_id: str, entry: Entry, partition: int, offset: int) -> Document:
    """The row of an acknowledged entry. Rows of outbound topics await the party's receipt."""
    row: Document = {
        "_id": entry["id"],
        "aggregate": f"{aggregate}/{document_id}",
        "sequence": entry["sequence"],
        "topic": entry["topic"],
        "key": entry["key"],
        "headers": entry["headers"],
        "value": entry["value"],
        "partition": partition,
        "offset": offset,
    }
    if entry["topic"].startswith("outbound."):
        row["awaiting"] = entry["topic"]
    return row


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


async def rows(db: AsyncDatabase[Document], aggregate: str, document: Document) -> list[HistoryRow]:
    """All rows of a document in order, with those that still wait in its outbox."""
    found = db[COLLECTION].find({"aggregate": f"{aggregate}/{document['_id']}"}).sort("sequence", ASCENDING)
    kept = {row["_id"]: row async for row in found}
    waiting: Iterable[Entry] = document.get("outbox", ())
    for entry in waiting:
        if "row" in entry:
            continue
        kept.setdefault(entry["id"], {**entry, "_id": entry["id"], "aggregate": f"{aggregate}/{document['_id']}"})
    return sorted((_row(document["_id"], row) for row in kept.values()), key=lambda row: row.sequence)


async def newest_per_topic(db: AsyncDatabase[Document], aggregate: str, document_id: str) -> list[Document]:
    """The newest row of each owner topic: what a restatement sends again."""
    newest: dict[str, Document] = {}
    found = db[COLLECTION].find({"aggregate": f"{aggregate}/{document_id}"}).sort("sequence", DESCENDING).limit(50)
    async for row in found:
        if not row["topic"].startswith("outbound."):
            newest.setdefault(row["topic"], row)
    return list(newest.values())


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
        value=orjson.loads(row["value"]),
        partition=row.get("partition"),
        offset=row.get("offset"),
        seen_at=row.get("seen_at"),
    )
