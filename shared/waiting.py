"""Waiting with limits for work that may not heed its cancellation, as clients of servers that are away may not."""

import asyncio
import logging
from collections.abc import Collection, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, or TimeoutError after so many seconds.

    Other than asyncio.wait_for it does not wait for the end of work that it has cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise TimeoutError(f"not within {seconds:g} s")
    return task.result()


async def end(tasks: Collection["asyncio.Task[Any]"], limit_seconds: float) -> None:
    """Cancel tasks until they end: a cancellation can get lost at the moment in which a result arrives."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + limit_seconds
    pending = {task for task in tasks if not task.done()}
    while pending and loop.time() < limit:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1.0)
    for task in pending:
        log.error("a task does not end", extra={"task": task.get_name()})
