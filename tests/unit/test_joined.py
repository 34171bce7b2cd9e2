"""Calls that are joined: who goes together, and who fails for whom."""

import asyncio
from collections.abc import Sequence

import pytest
from pymongo.errors import ConnectionFailure

from shared.joined import MOST_AT_ONCE, Joined


class Store:
    """Answers when it is let, and keeps what it was asked."""

    def __init__(self, *, bad: int | None = None, error: Exception | None = None) -> None:
        self.calls: list[list[int]] = []
        self._bad = bad
        self._error = error or ValueError("cannot be taken")
        self.lets = asyncio.Event()
        self.lets.set()
        self.asked = asyncio.Event()

    async def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.calls.append(list(items))
        self.asked.set()
        await self.lets.wait()
        if self._bad in items:
            raise self._error
        return [LookupError(item) if item < 0 else item * 10 for item in items]


async def test_what_comes_while_a_call_is_under_way_goes_together() -> None:
    store = Store()
    joined = Joined(store)
    store.lets.clear()
    first = asyncio.create_task(joined(0))
    await store.asked.wait()
    others = asyncio.gather(*(joined(number) for number in range(1, 6)))
    await asyncio.sleep(0)
    store.lets.set()
    assert await others == [10, 20, 30, 40, 50]
    assert await first == 0
    assert store.calls == [[0], [1, 2, 3, 4, 5]]
    assert await joined(7) == 70


async def test_a_call_holds_at_most_so_many() -> None:
    store = Store()
    joined = Joined(store)
    await asyncio.gather(*(joined(number) for number in range(2 * MOST_AT_ONCE + 3)))
    assert max(map(len, store.calls)) == MOST_AT_ONCE
    assert [item for call in store.calls for item in call] == list(range(2 * MOST_AT_ONCE + 3))


async def test_an_item_of_its_own_error_fails_alone() -> None:
    joined = Joined(Store())
    results = await asyncio.gather(*(joined(number) for number in (1, -2, 3)), return_exceptions=True)
    assert results[0] == 10 and results[2] == 30
    assert isinstance(results[1], LookupError)


async def test_one_that_makes_the_whole_call_fail_fails_alone() -> None:
    store = Store(bad=3)
    joined = Joined(store)
    results = await asyncio.gather(*(joined(number) for number in (1, 2, 3, 4)), return_exceptions=True)
    assert [result for result in results if not isinstance(result, Exception)] == [10, 20, 40]
    assert isinstance(results[2], ValueError)


async def test_a_call_without_an_answer_is_not_repeated() -> None:
    store = Store(bad=3, error=ConnectionFailure("away"))
    joined = Joined(store)
    results = await asyncio.gather(*(joined(number) for number in (2, 3, 4)), return_exceptions=True)
    assert all(isinstance(result, ConnectionFailure) for result in results)
    assert store.calls == [[2, 3, 4]]


async def test_who_went_away_is_not_called_for() -> None:
    store = Store()
    joined = Joined(store)
    store.lets.clear()
    first = asyncio.create_task(joined(1))
    await store.asked.wait()
    second, third = asyncio.create_task(joined(2)), asyncio.create_task(joined(3))
    await asyncio.sleep(0)
    second.cancel()
    store.lets.set()
    assert await first == 10 and await third == 30
    with pytest.raises(asyncio.CancelledError):
        await second
    assert store.calls == [[1], [3]]
