"""The rows that follow a document: which of them a change has moved, and how they are written."""

import asyncio
import logging
from collections.abc import Iterable

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from shared.outbox.entry import Aggregate, Document, Shown
from shared.outbox.statements import Statements

log = logging.getLogger(__name__)

PREPARED = "prepared"
"""What was made once from what the store held before."""

AT_ONCE = 64

GUARD = ("_id", "revision", "version")


def moved(aggregate: Aggregate, before: Document | None, after: Document) -> list[tuple[Shown, Document]]:
    """The rows that a change makes or alters; all of them where nothing is known of before."""
    rows = []
    for shown in aggregate.shown:
        row = shown.row_of(after)
        is_told = before is None or before["version"] != after["version"]
        if row is not None and (is_told or before is None or shown.row_of(before) != row):
            rows.append((shown, row | {name: after[name] for name in GUARD}))
    return rows


class Rows:
    """Writes rows, those of many documents in one statement."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._db = db
        self._statements: dict[str, Statements] = {}

    async def put(self, aggregate: Aggregate, documents: Iterable[Document]) -> None:
        """Write the rows of documents as they are, whatever was written before; never an older one over a newer."""
        await self.write([one for document in documents for one in moved(aggregate, None, document)])

    async def complete(self, aggregate: Aggregate) -> None:
        """Make the rows of what was stored before rows had this form; anew where that did not come to its end."""
        prepared = self._db[PREPARED]
        wanted = {shown.prepared_as for shown in aggregate.shown}
        if {row["_id"] async for row in prepared.find({"_id": {"$in": sorted(wanted)}})} == wanted:
            return
        batch: list[Document] = []
        async for document in self._db[aggregate.collection].find().batch_size(AT_ONCE):
            batch.append(document)
            if len(batch) == AT_ONCE:
                await self.put(aggregate, batch)
                batch = []
        await self.put(aggregate, batch)
        for done in wanted:
            await prepared.update_one({"_id": done}, {"$set": {"_id": done}}, upsert=True)

    async def write(self, rows: Iterable[tuple[Shown, Document]]) -> None:
        writes = (self._of(shown.collection).replace(row) for shown, row in rows)
        results = await asyncio.gather(*writes, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def written(self, rows: Iterable[tuple[Shown, Document]]) -> bool:
        """Write rows; False where the store did not take them: then the drain has to."""
        try:
            await self.write(rows)
        except PyMongoError as error:
            log.warning("a list row waits for the drain", extra={"error": repr(error)})
            return False
        return True

    def _of(self, collection: str) -> Statements:
        if collection not in self._statements:
            self._statements[collection] = Statements(self._db[collection])
        return self._statements[collection]
