"""Short human ticket numbers (TIC-11)."""

import asyncio
import contextlib
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

Database = AsyncDatabase[dict[str, Any]]

NUMBERS = "counters"
NUMBERS_AT_ONCE = 100
FIRST = 1_000_000


class Numbers:
    """Short human ticket numbers, handed out from blocks: one write of the store serves a hundred tickets.

    Numbers are unique and grow by process; those of a block that a process took and did not use stay unused.
    """

    def __init__(self, db: Database) -> None:
        self._counters = db[NUMBERS]
        self._taking = asyncio.Lock()
        self._next = self._end = 0

    async def prepare(self) -> None:
        with contextlib.suppress(DuplicateKeyError):  # another process or start was first
            await self._counters.insert_one({"_id": "tickets", "next": FIRST})

    async def take(self) -> str:
        """The next number, such as T-1000123: digits alone, so that it is told on the phone without doubt."""
        async with self._taking:
            if self._next >= self._end:
                after = await self._counters.find_one_and_update(
                    {"_id": "tickets"}, {"$inc": {"next": NUMBERS_AT_ONCE}}, return_document=ReturnDocument.AFTER
                )
                if after is None:
                    raise RuntimeError("the counter of ticket numbers is missing from the store")
                self._next, self._end = after["next"] - NUMBERS_AT_ONCE, after["next"]
            number = self._next
            self._next += 1
        return f"T-{number}"
