"""Mails that leave from memory, and those that find no room there."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.notifier.messages.departures import AT_ONCE, MOST_IN_MEMORY, Departures, Fresh
from tests.support.waiting import eventually
from tests.unit.notifier_samples import MESSAGE


def fresh(name: str) -> Fresh:
    message = MESSAGE.model_copy(update={"message_id": name})
    return Fresh({"_id": name}, message, datetime.now(UTC) + timedelta(seconds=9))


async def test_what_is_offered_leaves_and_one_that_fails_stops_no_other() -> None:
    departures = Departures()
    left: list[str] = []

    async def leave(mail: Fresh) -> None:
        await asyncio.sleep(0)
        if mail.message.message_id == "bad":
            raise RuntimeError("cannot leave")
        left.append(mail.message.message_id)

    names = [str(number) for number in range(2 * MOST_IN_MEMORY)]
    running = asyncio.create_task(departures.run(leave))
    for name in ("bad", *names):
        assert await departures.room()
        departures.offer(fresh(name))

    async def all_left() -> bool:
        return sorted(left) == sorted(names)

    await eventually(all_left, within=5)
    running.cancel()


async def test_there_is_room_for_so_many_and_again_for_those_whose_place_is_given_back() -> None:
    departures = Departures()
    for _ in range(MOST_IN_MEMORY):
        assert await departures.room(0.05)
    assert not await departures.room(0.05)
    departures.give_back()
    assert await departures.room(0.05)
    assert not await departures.room(0.05)


async def test_mails_in_memory_leave_before_the_process_ends() -> None:
    departures = Departures()
    left: list[str] = []

    async def leave(mail: Fresh) -> None:
        await asyncio.sleep(0.01)
        left.append(mail.message.message_id)

    running = asyncio.create_task(departures.run(leave))
    for number in range(4 * AT_ONCE):
        assert await departures.room()
        departures.offer(fresh(str(number)))
    await asyncio.sleep(0.015)
    assert len(left) < 4 * AT_ONCE
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(left) == 4 * AT_ONCE
