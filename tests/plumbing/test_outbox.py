"""The outbox inside the document, on the real store and the real broker."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.access.scope import EVERYTHING
from shared.ids import new_id
from shared.outbox import Cause, Change, Duplicate, Source, Stale
from shared.outbox.command import Command
from shared.outbox.entry import Document, entries_for
from shared.problems import KeyReused, VersionConflict
from tests.plumbing.probe import THINGS, TOPIC, Probe, ThingChanged, ThingState
from tests.support.waiting import eventually
from tests.support.wire import Listener, header, value_of

CAUSE = Cause("tester", channel="test", correlation_id="story")


def changed(name: str, count: int = 0) -> ThingChanged:
    return ThingChanged(thing=ThingState(name=name, count=count))


def counted(document: Document) -> Change:
    count = document["count"] + 1
    return Change(set={"count": count}, events=[changed(document["name"], count)])


def sequences(heard: Listener, key: str) -> list[int]:
    return [int(header(record, "ce_sequence")) for record in heard.of(key)]


async def test_a_change_is_published_with_its_cause_and_leaves_a_history_row(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        key = new_id()
        await service.outbox.insert(
            THINGS, {"_id": key, "name": "a", "count": 0}, [changed("a")], cause=CAUSE, scope=EVERYTHING
        )
        await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE)
        await heard.until(lambda own: len(own.of(key)) == 2)
        assert sequences(heard, key) == [1, 2]
        assert value_of(heard.of(key)[1])["thing"] == {"name": "a", "count": 1}
        record = heard.of(key)[0]
        assert (header(record, "ce_actor"), header(record, "ce_correlationid")) == ("tester", "story")

        async def settled() -> bool:
            document = await service.db["things"].find_one({"_id": key})
            assert document is not None
            return bool(document["outbox"] == [])

        await eventually(settled)
        document = await service.db["things"].find_one({"_id": key})
        assert document is not None
        rows = await service.outbox.history(THINGS, document)
        assert [(row.sequence, row.offset is not None) for row in rows] == [(1, True), (2, True)]


async def test_many_writers_of_one_document_lose_nothing_and_keep_its_order(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as one, probe.start(instance="1") as two:
        key = new_id()
        await one.outbox.insert(
            THINGS, {"_id": key, "name": "hot", "count": 0}, [changed("hot")], cause=CAUSE, scope=EVERYTHING
        )

        async def write(number: int) -> None:
            service = one if number % 2 else two
            for _ in range(10):
                await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE)

        await asyncio.gather(*(write(number) for number in range(4)))
        await heard.until(lambda own: set(sequences(own, key)) == set(range(1, 42)))
        first_seen = list(dict.fromkeys(sequences(heard, key)))
        assert first_seen == sorted(first_seen)
        document = await one.db["things"].find_one({"_id": key})
        assert document is not None and document["count"] == 40


async def test_repeating_a_create_finds_the_first_one(probe: Probe) -> None:
    async with probe.start() as service:
        command = Command("caller", "POST /things", new_id(), "hash")
        document = {"_id": command.document_id, "name": "once", "count": 0}
        first = await service.outbox.insert(
            THINGS, document, [changed("once")], cause=CAUSE, scope=EVERYTHING, command=command
        )
        again = await service.outbox.insert(
            THINGS, document, [changed("once")], cause=CAUSE, scope=EVERYTHING, command=command
        )
        assert again["_id"] == first["_id"] and again["version"] == 1
        other = Command("caller", command.route, command.key, "another body")
        with pytest.raises(KeyReused):
            await service.outbox.insert(
                THINGS, document, [changed("once")], cause=CAUSE, scope=EVERYTHING, command=other
            )
        with pytest.raises(Duplicate):
            await service.outbox.insert(THINGS, document, [changed("once")], cause=CAUSE, scope=EVERYTHING)


async def test_repeating_a_command_changes_nothing(probe: Probe) -> None:
    async with probe.start() as service:
        key = new_id()
        await service.outbox.insert(
            THINGS, {"_id": key, "name": "c", "count": 0}, [changed("c")], cause=CAUSE, scope=EVERYTHING
        )
        command = Command("caller", "POST /things/count", new_id(), "hash")
        for _ in range(3):
            document = await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE, command=command)
        assert (document["count"], document["version"]) == (1, 2)
        with pytest.raises(KeyReused):
            await service.outbox.change(
                THINGS,
                key,
                counted,
                scope=EVERYTHING,
                cause=CAUSE,
                command=Command("caller", command.route, command.key, "other"),
            )


async def test_a_named_version_that_is_gone_is_refused_and_a_stale_write_changes_nothing(probe: Probe) -> None:
    async with probe.start() as service:
        key = new_id()
        read = await service.outbox.insert(
            THINGS, {"_id": key, "name": "v", "count": 0}, [changed("v")], cause=CAUSE, scope=EVERYTHING
        )
        await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE, if_match=1)
        with pytest.raises(VersionConflict):
            await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE, if_match=1)
        with pytest.raises(Stale):
            await service.outbox.update(THINGS, read, {"count": 99}, [changed("v", 99)], cause=CAUSE)


async def test_a_reaction_applies_each_source_record_once_and_never_an_older_one(probe: Probe) -> None:
    async with probe.start() as service:
        key = new_id()
        await service.outbox.insert(
            THINGS, {"_id": key, "name": "r", "count": 0}, [changed("r")], cause=CAUSE, scope=EVERYTHING
        )
        for sequence in (5, 6, 5, 6, 7):
            source = Source("other.topic", "aggregate.with.dots", sequence)
            document = await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE, source=source)
        assert document["count"] == 3


async def test_what_a_crash_left_behind_is_swept_in_order_and_restated_later(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        key, long_ago = new_id(), datetime.now(UTC) - timedelta(seconds=30)
        entries = entries_for(
            key,
            0,
            [changed("left", count) for count in range(3)],
            source="/lockstep/plumbing",
            cause=CAUSE,
            product_time=long_ago,
            real_time=long_ago,
        )
        await service.db["things"].insert_one({"_id": key, "name": "left", "version": 3, "outbox": entries})
        await heard.until(lambda own: len(own.of(key)) >= 3)
        assert sequences(heard, key) == [1, 2, 3]
        restatement = await eventually(lambda: service.db["restatements"].find_one({"document": key}))
        await service.db["restatements"].update_one({"_id": restatement["_id"]}, {"$set": {"at": long_ago}})
        await heard.until(lambda own: sequences(own, key) == [1, 2, 3, 3], what="the newest state once more")
