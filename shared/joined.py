"""Joins what many ask for at the same time into one call: a round trip to the store is dear, a document in it cheap."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from pymongo.errors import ConnectionFailure, ExecutionTimeout

T = TypeVar("T")
R = TypeVar("R")

MOST_AT_ONCE = 64

UNANSWERED = (ConnectionFailure, ExecutionTimeout, TimeoutError)
"""Nobody knows what became of the call; it is not repeated here."""


class Joined(Generic[T, R]):
    """Items that come while a call is under way wait and go together in the next one; when idle, one goes at once.

    `call` answers each item in its place, with a result or with the exception that is the item's own. When the whole
    call is refused, each item is called for by itself, so that one that cannot be taken fails alone: a call has to be
    repeatable. When nobody answers, all of its items fail alike.
    """

    def __init__(self, call: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]]) -> None:
        self._call = call
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> R:
        """The item's result, or its exception raised. An item whose caller was cancelled may be carried out or not."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="joined")
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch: list[tuple[T, asyncio.Future[R]]] = []
                while self._waiting and len(batch) < MOST_AT_ONCE:
                    item, answer = self._waiting.popleft()
                    if not answer.done():
                        batch.append((item, answer))
                if batch:
                    await self._answered(batch)
        finally:
            self._worker = None

    async def _answered(self, batch: Sequence[tuple[T, "asyncio.Future[R]"]]) -> None:
        try:
            results = await self._call([item for item, _ in batch])
        except asyncio.CancelledError:
            for _, answer in batch:
                answer.cancel()
            raise
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, UNANSWERED):
                for one in batch:
                    await self._answered([one])
                return
            results = [error] * len(batch)
        for (_, answer), result in zip(batch, results, strict=True):
            if answer.done():
                continue
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)
