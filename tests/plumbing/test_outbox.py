"""Writing aggregates with their events, on the real store and the real broker."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import APIRouter, Response

from shared.access.scope import EVERYTHING, NOTHING, Scope
from shared.http.commands import with_etag
from shared.ids import new_id
from shared.outbox import Change, Duplicate, Outbox, OutboxFull, Row, Source, Stale, Tombstone, waiting_rows
from shared.outbox.entry import Document, EventTooLarge
from shared.problems import NotFound, VersionConflict
from shared.settings import BrokerSettings
from tests.plumbing.probe import THINGS, TOPIC, Probe, Service, front_door
from tests.plumbing.things import (
    CAUSE,
    a_thing,
    changed,
    count_once,
    counted,
    noted,
    sequences,
    the_thing,
    told,
)
from tests.support.wire import header, type_of, value_of

NOBODY = BrokerSettings(bootstrap="127.0.0.1:9", username="nobody", password="nothing")


async def test_a_change_is_published_with_its_cause_and_leaves_a_history_row(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        key = await a_thing(service, "a")
        await count_once(service, key)
        await heard.until(lambda own: len(own.of(key)) == 2)
        assert sequences(heard, key) == [1, 2]
        assert value_of(heard.of(key)[1])["thing"] == {"name": "a", "count": 1}
        record = heard.of(key)[0]
        assert (header(record, "ce_actor"), header(record, "ce_correlationid")) == ("tester", "story")
        await told(service, key)
        rows = await service.outbox.history(THINGS, await the_thing(service, key))
        assert [(row.sequence, row.offset is not None) for row in rows] == [(1, True), (2, True)]


async def test_many_writers_of_one_document_lose_nothing_and_keep_its_order(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as one, probe.start(instance="1") as two:
        key = await a_thing(one, "hot")

        async def write(number: int) -> None:
            for _ in range(10):
                await count_once(one if number % 2 else two, key)

        await asyncio.gather(*(write(number) for number in range(4)))
        await heard.until(lambda own: set(sequences(own, key)) == set(range(1, 42)))
        first_seen = list(dict.fromkeys(sequences(heard, key)))
        assert first_seen == sorted(first_seen)
        assert (await the_thing(one, key))["count"] == 40


async def test_two_writes_without_events_do_not_overwrite_each_other(probe: Probe) -> None:
    async with probe.start() as one, probe.start(instance="1") as two:
        key = await a_thing(one)
        read = await the_thing(one, key)
        await one.outbox.update(THINGS, read, {"note": "first"}, (), cause=CAUSE)
        with pytest.raises(Stale):
            await two.outbox.update(THINGS, read, {"note": "second"}, (), cause=CAUSE)

        async def trail(service: Service, step: int) -> None:
            def decide(document: Document) -> Change:
                return Change(set={"trail": [*document.get("trail", ()), step]})

            await service.outbox.change(THINGS, key, decide, scope=EVERYTHING, cause=CAUSE)

        await asyncio.gather(*(trail(one if step % 2 else two, step) for step in range(12)))
        assert sorted((await the_thing(one, key))["trail"]) == list(range(12))


async def test_every_write_moves_the_revision_and_only_events_move_the_version(probe: Probe) -> None:
    router = APIRouter()

    @router.get("/things/{key}")
    async def read(key: str, response: Response) -> None:
        with_etag(response, (await the_thing(service, key))["version"])

    async with probe.start(routers=[router]) as service, front_door(service) as door:
        key = await a_thing(service)
        assert (await the_thing(service, key))["revision"] == 1
        await count_once(service, key)
        tag = (await door.get(f"/things/{key}")).headers["ETag"]
        await service.outbox.change(THINGS, key, lambda _: noted("seen"), scope=EVERYTHING, cause=CAUSE)
        document = await the_thing(service, key)
        assert (document["revision"], document["version"]) == (3, 2)
        assert (await door.get(f"/things/{key}")).headers["ETag"] == tag == '"v2"'


async def test_a_decision_for_nothing_writes_nothing(probe: Probe) -> None:
    async with probe.start() as service:
        key = await a_thing(service)
        await service.outbox.change(THINGS, key, lambda _: None, scope=EVERYTHING, cause=CAUSE)
        await service.outbox.change(THINGS, key, lambda _: Change(), scope=EVERYTHING, cause=CAUSE)
        assert (await the_thing(service, key))["revision"] == 1


async def test_a_named_version_that_is_gone_is_refused_and_a_stale_write_changes_nothing(probe: Probe) -> None:
    async with probe.start() as service:
        key = await a_thing(service)
        read = await the_thing(service, key)
        await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE, if_match=1)
        with pytest.raises(VersionConflict):
            await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE, if_match=1)
        with pytest.raises(Stale):
            await service.outbox.update(THINGS, read, {"count": 99}, [changed("v", 99)], cause=CAUSE)


async def test_what_is_out_of_scope_is_not_found_whatever_is_asked(probe: Probe) -> None:
    async with probe.start() as service:
        key = await a_thing(service)
        with pytest.raises(NotFound):
            await service.outbox.change(THINGS, key, counted, scope=NOTHING, cause=CAUSE, if_match=7)
        with pytest.raises(NotFound):
            await _create_or_count(service.outbox, key, scope=Scope({"name": "other"}))
        assert (await the_thing(service, key))["version"] == 1


async def test_an_id_that_exists_is_told_apart_from_a_repetition(probe: Probe) -> None:
    async with probe.start() as service:
        key = await a_thing(service)
        with pytest.raises(Duplicate):
            await service.outbox.insert(THINGS, {"_id": key}, [changed("again")], cause=CAUSE, scope=EVERYTHING)


async def _create_or_count(
    outbox: Outbox, key: str, *, scope: Scope = EVERYTHING, if_match: int | None = None
) -> Document:
    return await outbox.create_or_change(
        THINGS,
        key,
        create=lambda: Change(set={"name": "made", "count": 0}, events=[changed("made")]),
        decide=counted,
        scope=scope,
        cause=CAUSE,
        if_match=if_match,
    )


async def test_of_many_who_create_or_change_one_creates_and_all_others_change(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as one, probe.start(instance="1") as two:
        key = new_id()
        with pytest.raises(VersionConflict):
            await _create_or_count(one.outbox, key, if_match=3)
        await asyncio.gather(*(_create_or_count(service.outbox, key) for service in (one, two) * 5))
        document = await the_thing(one, key)
        assert (document["count"], document["version"]) == (9, 10)
        await heard.until(lambda own: sequences(own, key) == list(range(1, 11)))


async def test_a_reaction_applies_each_source_record_once_and_never_an_older_one(probe: Probe) -> None:
    async with probe.start() as service:
        key = await a_thing(service)
        for sequence in (5, 6, 5, 6, 7):
            source = Source("other.topic", "aggregate.with.dots", sequence)
            document = await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE, source=source)
        assert document["count"] == 3
        made = await service.outbox.create_or_change(
            THINGS,
            new_id(),
            create=lambda: Change(set={"name": "made", "count": 0}, events=[changed("made")]),
            decide=counted,
            scope=EVERYTHING,
            cause=CAUSE,
            source=source,
        )
        again = await service.outbox.change(THINGS, made["_id"], counted, scope=EVERYTHING, cause=CAUSE, source=source)
        assert again["count"] == 0


async def test_a_mark_of_a_source_goes_after_ninety_days_and_never_by_number(probe: Probe) -> None:
    async with probe.start() as service:
        key = await a_thing(service)
        for number in range(250):
            source = Source("other.topic", f"source {number}", 1)
            await service.outbox.change(THINGS, key, lambda _: None, scope=EVERYTHING, cause=CAUSE, source=source)
        assert len((await the_thing(service, key))["sources"]) == 250
        old, kept = Source("other.topic", "source 0", 1), Source("other.topic", "source 1", 1)
        for source, days in ((old, 91), (kept, 89)):
            at = datetime.now(UTC) - timedelta(days=days)
            await service.db["things"].update_one({"_id": key}, {"$set": {f"sources.{source.mark}.at": at}})
        await count_once(service, key)
        marks = (await the_thing(service, key))["sources"]
        assert old.mark not in marks and kept.mark in marks and len(marks) == 249


async def test_more_than_four_megabytes_of_waiting_events_are_refused_with_the_time_to_come_again(
    probe: Probe,
) -> None:
    router = APIRouter()

    @router.post("/things/{key}")
    async def write(key: str) -> None:
        large = Change(events=[changed("x" * 800_000)])
        await service.outbox.change(THINGS, key, lambda _: large, scope=EVERYTHING, cause=CAUSE)

    async with probe.start(broker=NOBODY, routers=[router]) as service, front_door(service) as door:
        key = await a_thing(service)
        answers: list[httpx.Response] = [await door.post(f"/things/{key}") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [503] * 2
        assert answers[-1].json()["code"] == OutboxFull.code == "outbox_full"
        assert int(answers[-1].headers["Retry-After"]) > 0
        document = await the_thing(service, key)
        assert (document["version"], len(document["outbox"])) == (5, 5)
        # What adds nothing to what waits goes on.
        await service.outbox.change(THINGS, key, lambda _: noted("still"), scope=EVERYTHING, cause=CAUSE)


async def test_a_change_that_could_never_be_passed_on_is_refused_before_it_is_written(probe: Probe) -> None:
    async with probe.start(broker=NOBODY) as service:
        key = await a_thing(service)
        read = await the_thing(service, key)
        for events in ([changed("ö" * 460_000)], [changed("x" * 850_000)] * 5):
            with pytest.raises(EventTooLarge):
                await service.outbox.update(THINGS, read, {"name": "large"}, events, cause=CAUSE)
        document = await the_thing(service, key)
        assert (document["name"], document["revision"]) == ("thing", 1)


@pytest.mark.parametrize("name", ["revision", "version", "outbox", "creation", "commands", "sources"])
async def test_a_field_of_the_outbox_itself_is_nobody_elses(probe: Probe, name: str) -> None:
    async with probe.start() as service:
        with pytest.raises(ValueError, match=name):
            await service.outbox.insert(THINGS, {"_id": new_id(), name: 1}, (), cause=CAUSE, scope=EVERYTHING)


async def test_rows_wait_in_the_document_and_move_to_their_collection_before_it_is_cleared(probe: Probe) -> None:
    async with probe.start(broker=NOBODY) as cut_off:
        key = await a_thing(cut_off)
        rows = [Row("traces", new_id(), {"thing": key, "step": step}) for step in range(3)]
        change = Change(events=[changed("traced")], rows=rows)
        await cut_off.outbox.change(THINGS, key, lambda _: change, scope=EVERYTHING, cause=CAUSE)
        waiting = waiting_rows(await the_thing(cut_off, key), "traces")
        assert [row["step"] for row in waiting] == [0, 1, 2]
        assert await cut_off.db["traces"].count_documents({}) == 0
    async with probe.start() as service:
        await told(service, key)
        assert [row async for row in service.db["traces"].find().sort("step")] == waiting


async def test_a_tombstone_is_a_record_without_a_value_with_headers_and_a_sequence(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        key = await a_thing(service)
        gone = Change(set={"name": ""}, events=[Tombstone(TOPIC)])
        await service.outbox.change(THINGS, key, lambda _: gone, scope=EVERYTHING, cause=CAUSE)
        await heard.until(lambda own: len(own.of(key)) == 2)
        record = heard.of(key)[1]
        assert record.value is None
        assert (sequences(heard, key), type_of(record)) == ([1, 2], f"{TOPIC}.erased.v1")
        await told(service, key)
        rows = await service.outbox.history(THINGS, await the_thing(service, key))
        assert [(row.sequence, row.value is None, row.offset is not None) for row in rows] == [
            (1, False, True),
            (2, True, True),
        ]
