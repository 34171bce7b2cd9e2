"""Mails that leave from memory, and those that find no room there."""

import asyncio

from services.notifier.messages.departures import AT_ONCE, MOST_IN_MEMORY, Departures
from shared.outbox.entry import Document
from tests.support.waiting import eventually


async def test_what_is_offered_leaves_and_one_that_fails_stops_no_other() -> None:
    departures = Departures()
    left: list[str] = []

    async def leave(document: Document) -> None:
        await asyncio.sleep(0)
        if document["_id"] == "bad":
            raise RuntimeError("cannot leave")
        left.append(document["_id"])

    names = [str(number) for number in range(2 * AT_ONCE)]
    for name in ("bad", *names):
        departures.offer({"_id": name})
    running = asyncio.create_task(departures.run(leave))

    async def all_left() -> bool:
        return sorted(left) == sorted(names)

    await eventually(all_left, within=5)
    running.cancel()


async def test_without_room_a_mail_is_left_to_its_timer() -> None:
    departures = Departures()
    for number in range(MOST_IN_MEMORY):
        assert departures.has_room
        departures.offer({"_id": str(number)})
    assert not departures.has_room
    departures.offer({"_id": "one more"})  # does not raise: its timer comes
