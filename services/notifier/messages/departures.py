"""Fresh mails leave from memory: who has just queued one holds its claim, and need not look for it in the store."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.notifier.messages.domain import Message

log = logging.getLogger(__name__)

MOST_IN_MEMORY = 300
AT_ONCE = 16
HELD_FOR = timedelta(seconds=10)
"""So long after it was queued a mail may begin to leave under the claim that it was queued with."""

ROOM_WITHIN_SECONDS = 2.0
LAST_SECONDS = 3.0
"""So long mails may still leave when the process ends; what is left waits for its timer."""


class Fresh(NamedTuple):
    """A mail that was queued with the claim of this process."""

    document: dict[str, Any]
    """As it was stored: as one that is being handed over."""

    message: Message
    """As it is, with no byte of it sent."""

    begins_before: datetime
    """Real time after which the claim is too short for a handover, and has to be made anew."""


class Departures:
    """The mails that this process has queued and that have not left yet."""

    def __init__(self) -> None:
        self._fresh: asyncio.Queue[Fresh] = asyncio.Queue()
        self._room = asyncio.Semaphore(MOST_IN_MEMORY)

    async def room(self, within: float = ROOM_WITHIN_SECONDS) -> bool:
        """Wait for a place, to be taken by `offer` or handed back by `give_back`; False where there is none in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._room.acquire()
                return True
        return False

    def give_back(self) -> None:
        self._room.release()

    def offer(self, mail: Fresh) -> None:
        """Let a mail leave from the place that was waited for."""
        self._fresh.put_nowait(mail)

    async def run(self, leave: Callable[[Fresh], Awaitable[None]]) -> None:
        """Let mails leave until cancelled, and then those that are here already."""
        workers = [asyncio.create_task(self._work(leave)) for _ in range(AT_ONCE)]
        try:
            ended, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
            for worker in ended:
                worker.result()
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await self._fresh.join()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, leave: Callable[[Fresh], Awaitable[None]]) -> None:
        while True:
            mail = await self._fresh.get()
            try:
                await leave(mail)
            except Exception:
                log.warning("a mail comes again by its timer", extra={"mail": mail.message.message_id}, exc_info=True)
            finally:
                self._room.release()
                self._fresh.task_done()
