"""Read your own writes across services: a write says what it made, the next request waits until a view has it."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Annotated

from fastapi import Header, Request, Response

from shared.problems import Unavailable

HEADER = "Seen"
WAIT_SECONDS = 1.0
POLL_SECONDS = 0.02
MOST_MARKS = 20
_MARK = re.compile(r"^\s*([a-z-]+)/([^@\s]+)@(\d{1,15})\s*$")


def seen(response: Response, noun: str, document_id: str, version: int) -> None:
    """Add a mark to the answer of a write."""
    mark = f"{noun}/{document_id}@{version}"
    earlier = response.headers.get(HEADER)
    response.headers[HEADER] = f"{earlier}, {mark}" if earlier else mark


async def wait_for_seen(request: Request, seen: Annotated[str | None, Header()] = None) -> None:
    """Wait at most a second until the local views have what the caller has seen. Raises Unavailable after that.

    Marks of nouns that this service does not follow, and marks of another form, are passed over.
    """
    if not seen:
        return
    followed: Mapping[str, str] = request.app.state.followed
    limit = time.monotonic() + WAIT_SECONDS
    for part in seen.split(",")[:MOST_MARKS]:
        mark = _MARK.match(part)
        if mark is None or mark.group(1) not in followed:
            continue
        noun, document_id, version = mark.group(1), mark.group(2), int(mark.group(3))
        collection = request.app.state.service.db[followed[noun]]
        while await collection.find_one({"_id": document_id, "version": {"$gte": version}}, {"_id": 1}) is None:
            if time.monotonic() > limit:
                raise Unavailable("Your own change has not arrived here yet.", waiting_for=part.strip())
            await asyncio.sleep(POLL_SECONDS)
        if noun in {"users", "grants"}:
            request.app.state.service.callers.forget(document_id)
