"""Rows that follow a document: for lists, with indexes of their own."""

import asyncio
from typing import Any

from pymongo.errors import OperationFailure

from shared.access.scope import EVERYTHING
from shared.outbox import Aggregate, Change, Shown
from shared.outbox.entry import Document
from tests.plumbing.probe import Probe, Service
from tests.plumbing.things import CAUSE, a_thing, changed, leave_behind, the_thing, told
from tests.support.waiting import eventually

ROWS = "thing_rows"


def row_of(document: Document) -> Document | None:
    return {"label": document["name"].upper()} if document["name"] != "hidden" else None


THINGS = Aggregate("things", "things", shown=(Shown(ROWS, row_of),))


async def rename(service: Service, key: str, name: str, *, told: bool = True) -> Document:
    change = Change(set={"name": name}, events=[changed(name)] if told else [])
    return await service.outbox.change(THINGS, key, lambda _: change, scope=EVERYTHING, cause=CAUSE)


async def row(service: Service, key: str) -> dict[str, Any] | None:
    return await service.db[ROWS].find_one({"_id": key})


async def test_a_row_is_there_before_the_command_answers(probe: Probe) -> None:
    async with probe.start(aggregates=[THINGS]) as service:
        document = {"_id": "a", "name": "first"}
        await service.outbox.insert(THINGS, document, [changed("first")], cause=CAUSE, scope=EVERYTHING)
        assert await row(service, "a") == {"_id": "a", "label": "FIRST", "revision": 1, "version": 1}
        await rename(service, "a", "second")
        assert await row(service, "a") == {"_id": "a", "label": "SECOND", "revision": 2, "version": 2}
        await rename(service, "a", "third", told=False)
        assert await row(service, "a") == {"_id": "a", "label": "THIRD", "revision": 3, "version": 2}
        await told(service, "a")


async def test_a_document_that_no_list_shows_has_no_row(probe: Probe) -> None:
    async with probe.start(aggregates=[THINGS]) as service:
        document = {"_id": "a", "name": "hidden"}
        await service.outbox.insert(THINGS, document, [changed("hidden")], cause=CAUSE, scope=EVERYTHING)
        assert await row(service, "a") is None


async def test_the_drain_writes_the_rows_that_a_crash_left_out(probe: Probe) -> None:
    async with probe.start(aggregates=[THINGS]) as service:
        (key,) = await leave_behind(service, 1, 1)
        await eventually(lambda: row(service, key))
        await told(service, key)
        assert await row(service, key) == {"_id": key, "label": "LEFT", "revision": 1, "version": 1}


async def test_a_row_that_the_store_did_not_take_is_written_before_the_outbox_is_cleared(
    probe: Probe, monkeypatch: Any
) -> None:
    async with probe.start(aggregates=[THINGS]) as service:
        key = await a_thing(service)
        await told(service, key)

        async def refused(*_: Any) -> None:
            raise OperationFailure("not now")

        monkeypatch.setattr(service.outbox.rows, "write", refused)
        assert (await rename(service, key, "quiet", told=False))["name"] == "quiet"
        await eventually(lambda: row(service, key))
        await told(service, key)
        assert (await row(service, key) or {})["label"] == "QUIET"


async def test_an_older_row_never_takes_the_place_of_a_newer_one(probe: Probe) -> None:
    async with probe.start(aggregates=[THINGS]) as service:
        key = await a_thing(service)
        old = await the_thing(service, key)
        await rename(service, key, "new")
        await service.outbox.rows.put(THINGS, [old])
        assert (await row(service, key) or {})["label"] == "NEW"


async def test_many_commands_at_once_share_their_statements_and_lose_nothing(probe: Probe) -> None:
    async with probe.start(aggregates=[THINGS]) as service:
        keys = await asyncio.gather(*(a_thing(service, str(number)) for number in range(40)))
        await told(service, *keys)
        await asyncio.gather(*(rename(service, key, f"{turn}") for key in keys for turn in range(3)))
        for key in keys:
            document = await the_thing(service, key)
            assert (document["version"], document["revision"]) == (4, 4)
            assert await row(service, key) == {
                "_id": key,
                "label": document["name"].upper(),
                "revision": 4,
                "version": 4,
            }


async def test_what_was_stored_before_there_were_rows_gets_them_once(probe: Probe) -> None:
    async with probe.start(aggregates=[THINGS]) as service:
        older = [{"_id": str(n), "name": f"old {n}", "revision": 1, "version": 1, "outbox": []} for n in range(70)]
        await service.db[THINGS.collection].insert_many([*older, {**older[0], "_id": "x", "name": "hidden"}])
        newer = {"_id": "0", "label": "NEWER", "revision": 2, "version": 2}
        await service.db[ROWS].insert_one(newer)

        await service.outbox.rows.complete(THINGS)
        assert await service.db[ROWS].count_documents({}) == 70
        assert await row(service, "0") == newer
        assert await row(service, "69") == {"_id": "69", "label": "OLD 69", "revision": 1, "version": 1}

        await service.db[ROWS].delete_one({"_id": "1"})
        await service.outbox.rows.complete(THINGS)
        assert await row(service, "1") is None, "looked at again for nothing"
