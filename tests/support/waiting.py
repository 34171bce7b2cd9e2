"""Waiting for what has to come true, instead of sleeping."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    check: Callable[[], Awaitable[T | None]], *, within: float = 15.0, every: float = 0.05, what: str = ""
) -> T:
    """The first truthy result of `check`. An AssertionError raised by it counts as not yet.

    Raises AssertionError with the last one's message, or with `what`, after `within` seconds.
    """
    limit = time.monotonic() + within
    last = what or "it never came true"
    while True:
        try:
            result = await check()
        except AssertionError as not_yet:
            last = str(not_yet) or last
        else:
            if result:
                return result
        if time.monotonic() > limit:
            raise AssertionError(f"not within {within} s: {last}")
        await asyncio.sleep(every)
