"""What became of single items: those that could not be done, in the order of the job."""

from collections.abc import AsyncIterator

from pymongo.asynchronous.database import AsyncDatabase

from shared.jobs.job import ROWS, Document
from shared.lists import Order, Position, Read, Slice, every_page, slice_of
from shared.outbox import waiting_rows

FILE_PAGE = 500


IN_ORDER = Order("row", "_id")


async def rows(db: AsyncDatabase[Document], document: Document, *, cursor: str | None, limit: int) -> Slice:
    """One page of a job's rows, with those that still wait in its outbox. Raises CursorInvalid."""
    return await slice_of(IN_ORDER, cursor=cursor, limit=limit, read=_reading(db, document))


def all_rows(db: AsyncDatabase[Document], document: Document) -> AsyncIterator[list[Document]]:
    """All rows of a job, page by page, as a file reads them."""
    return every_page(IN_ORDER, size=FILE_PAGE, read=_reading(db, document))


def _reading(db: AsyncDatabase[Document], document: Document) -> Read:
    async def read(order: Order, position: Position | None, count: int) -> list[Document]:
        query = {"job_id": document["_id"], **order.beyond(position)}
        found = await db[ROWS].find(query).sort("_id", order.direction).limit(count).to_list()
        page = {row["_id"]: row for row in found}
        page |= {row["_id"]: row for row in waiting_rows(document, ROWS) if order.is_beyond(row, position)}
        return sorted(page.values(), key=order.of, reverse=order.descending)[:count]

    return read
