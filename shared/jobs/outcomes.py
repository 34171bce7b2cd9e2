"""What became of single items: those that could not be done, in the order of the job."""

from collections.abc import AsyncIterator
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared.jobs.job import ROWS, Document
from shared.outbox import waiting_rows

FILE_PAGE = 500


async def rows(
    db: AsyncDatabase[Document], document: Document, *, after: str | None, limit: int
) -> tuple[list[Document], str | None]:
    """One page of a job's rows, with those that still wait in its outbox, and the place of the next page."""
    behind = after or ""
    query = {"job_id": document["_id"], "_id": {"$gt": behind}}
    found = await db[ROWS].find(query).sort("_id", ASCENDING).limit(limit + 1).to_list()
    page = {row["_id"]: row for row in [*found, *waiting_rows(document, ROWS)] if row["_id"] > behind}
    ordered = [page[row_id] for row_id in sorted(page)]
    return ordered[:limit], ordered[limit - 1]["_id"] if len(ordered) > limit else None


async def all_rows(db: AsyncDatabase[Document], document: Document) -> AsyncIterator[list[dict[str, Any]]]:
    """All rows of a job, page by page, as a file reads them."""
    place: str | None = None
    while True:
        page, place = await rows(db, document, after=place, limit=FILE_PAGE)
        yield page
        if place is None:
            return
