"""Read your own writes across services: a write says what it made, the next request waits until a view has it.

Marks count for callers who are known, after their token; what a caller may keep waiting at once is bounded.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from pymongo.asynchronous.database import AsyncDatabase

from shared.problems import Unavailable

HEADER = "Seen"
WAIT_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.02
MOST_MARKS = 20
MOST_WAITING = 10
"""Requests of one caller that may wait at once: a page asks a service for a few parts."""
_MARK = re.compile(r"^\s*([a-z-]+)/([^@\s]{1,100})@(\d{1,15})\s*$")


def seen(response: Response, noun: str, document_id: str, version: int) -> None:
    """Add a mark to the answer of a write."""
    mark = f"{noun}/{document_id}@{version}"
    earlier = response.headers.get(HEADER)
    response.headers[HEADER] = f"{earlier}, {mark}" if earlier else mark


@dataclass(frozen=True, slots=True)
class Mark:
    """A document of which a caller has seen a version."""

    noun: str
    document_id: str
    version: int

    def __str__(self) -> str:
        return f"{self.noun}/{self.document_id}@{self.version}"


def marks_of(header: str) -> list[Mark]:
    """The marks of a header; what has another form is passed over."""
    found = (_MARK.match(part) for part in header.split(",")[:MOST_MARKS])
    return [Mark(one.group(1), one.group(2), int(one.group(3))) for one in found if one is not None]


class Awaited:
    """Waits for marks. `followed` names the views of a service, by noun."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], followed: Mapping[str, str]) -> None:
        self._db = db
        self._followed = followed
        self._waiting: Counter[str] = Counter()

    async def wait(self, caller_id: str, marks: list[Mark]) -> None:
        """Wait at most a second until the local views have what the caller has seen.

        Marks of nouns that this service does not follow are passed over. Raises Unavailable after the second, and at
        once for a caller who keeps too many requests waiting.
        """
        missing = [mark for mark in marks if mark.noun in self._followed]
        missing = await self._missing(missing)
        if not missing:
            return
        if self._waiting[caller_id] >= MOST_WAITING:
            raise _not_here(missing)
        self._waiting[caller_id] += 1
        try:
            await self._poll(missing)
        finally:
            self._waiting[caller_id] -= 1
            if not self._waiting[caller_id]:
                del self._waiting[caller_id]

    async def _poll(self, missing: list[Mark]) -> None:
        limit = time.monotonic() + WAIT_SECONDS
        pause = FIRST_PAUSE_SECONDS
        while missing:
            if time.monotonic() > limit:
                raise _not_here(missing)
            await asyncio.sleep(pause)
            pause = min(2 * pause, WAIT_SECONDS / 4)
            missing = await self._missing(missing)

    async def _missing(self, marks: list[Mark]) -> list[Mark]:
        """Those of the marks that are not here yet: one question for each view."""
        missing = []
        for noun in {mark.noun for mark in marks}:
            wanted = [mark for mark in marks if mark.noun == noun]
            query = {"_id": {"$in": [mark.document_id for mark in wanted]}}
            found = self._db[self._followed[noun]].find(query, {"version": 1})
            here = {row["_id"]: row["version"] async for row in found}
            missing += [mark for mark in wanted if here.get(mark.document_id, -1) < mark.version]
        return missing


def _not_here(missing: list[Mark]) -> Unavailable:
    return Unavailable("Your own change has not arrived here yet.", waiting_for=str(missing[0]))
