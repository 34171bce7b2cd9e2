"""Fresh mails leave from memory: who has just queued one need not look for it in the store."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from shared.outbox.entry import Document

log = logging.getLogger(__name__)

MOST_IN_MEMORY = 1_000
AT_ONCE = 16
HELD_FOR = timedelta(seconds=30)
"""So long the timer leaves a fresh mail to the process that has it in memory; after a crash it comes then."""


class Departures:
    """The mails that this process has queued and not looked at yet. What finds no room is left to the timer."""

    def __init__(self) -> None:
        self._fresh: asyncio.Queue[Document] = asyncio.Queue(MOST_IN_MEMORY)

    @property
    def has_room(self) -> bool:
        return not self._fresh.full()

    def offer(self, document: Document) -> None:
        """Take a mail in, as it was stored; without room it waits for its timer."""
        try:
            self._fresh.put_nowait(document)
        except asyncio.QueueFull:
            log.info("a mail waits for its timer", extra={"mail": document["_id"]})

    async def run(self, leave: Callable[[Document], Awaitable[None]]) -> None:
        """Let mails leave until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._work(leave))

    async def _work(self, leave: Callable[[Document], Awaitable[None]]) -> None:
        while True:
            document = await self._fresh.get()
            try:
                await leave(document)
            except Exception:
                log.warning("a mail comes again by its timer", extra={"mail": document["_id"]}, exc_info=True)
