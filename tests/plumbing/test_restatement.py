"""What is told once more after a send that may still arrive: the newest state, and never an older one as the last."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from shared.access.scope import EVERYTHING
from shared.outbox import Aggregate, Change, Tombstone, backlog, history, publish, restate
from shared.outbox.entry import Document
from tests.plumbing.probe import THINGS, TOPIC, Probe, Service, ThingChanged, ThingState
from tests.plumbing.things import (
    CAUSE,
    a_thing,
    changed,
    count_once,
    leave_behind,
    producers_on,
    sequences,
    the_thing,
    told,
)
from tests.support.waiting import eventually
from tests.support.wire import header, value_of


def secret_told(document: Document) -> ThingChanged:
    return ThingChanged(thing=ThingState(name=document["name"], count=document["count"]))


SECRETS = Aggregate("secrets", "things", rebuilt={TOPIC: secret_told})
"""The same documents, but what is told of them is not kept in the history. The probe's sweeper does not know it."""


async def due(service: Service, key: str, aggregate: Aggregate = THINGS) -> None:
    """Register a document's restatement and let its time have come."""
    await restate.register(service.db, [(aggregate, key)])
    await service.db["restatements"].update_one(
        {"document": key}, {"$set": {"at": datetime.now(UTC) - timedelta(seconds=1)}}
    )


async def all_restated(service: Service, key: str) -> bool:
    return await service.db["restatements"].find_one({"document": key}) is None


async def test_what_was_left_behind_is_restated_after_a_minute(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        before = datetime.now(UTC)
        (key,) = await leave_behind(service, documents=1, events=3)
        await told(service, key)
        found = await service.db["restatements"].find_one({"document": key})
        assert found is not None and found["at"] > before + timedelta(seconds=55)
        await due(service, key)
        await heard.until(lambda own: sequences(own, key) == [1, 2, 3, 3], what="the newest state once more")
        await eventually(lambda: all_restated(service, key))


async def test_a_send_without_an_answer_is_repeated_and_restated_later(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        key = await a_thing(service)
        await told(service, key)
        assert await service.db["restatements"].count_documents({}) == 0
        with monkeypatch.context() as patience:
            patience.setattr(publish, "SEND_LIMIT_SECONDS", 0.0)
            patience.setattr(backlog, "FIRST_REST_SECONDS", 0.1)
            await count_once(service, key)
            await eventually(lambda: _has_failed(service, key))
        await told(service, key)
        await heard.until(lambda own: set(sequences(own, key)) == {1, 2})
        assert await service.db["restatements"].count_documents({"document": key}) == 1


async def _has_failed(service: Service, key: str) -> bool:
    return any(place[1] == key for place in service.outbox.drain._backlog._resting)


async def test_a_newer_event_that_is_told_in_between_is_what_everybody_sees_last(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        key = await a_thing(service)
        await told(service, key)
        read = history.newest_per_topic
        overtaken: list[str] = []

        async def then_overtaken(*arguments: Any) -> list[Document]:
            rows = await read(*arguments)
            if not overtaken:
                overtaken.append(key)
                await count_once(service, key)
                await told(service, key)
            return rows

        monkeypatch.setattr(history, "newest_per_topic", then_overtaken)
        await due(service, key)
        await heard.until(lambda own: sequences(own, key) == [1, 2, 1, 2], what="the newer one again")
        await eventually(lambda: all_restated(service, key))


async def test_nothing_is_restated_while_something_newer_waits(probe: Probe) -> None:
    async with probe.start() as service:
        key = await a_thing(service)
        await told(service, key)
        waiting = {"id": "newer", "at": datetime.now(UTC) + timedelta(hours=1), "bytes": 1}
        await service.db["things"].update_one({"_id": key}, {"$push": {"outbox": waiting}})
        producers = producers_on(probe.wire)
        await restate.register(service.db, [(SECRETS, key)])
        long_ago = datetime.now(UTC) - timedelta(minutes=1)
        await service.db["restatements"].update_one({"document": key}, {"$set": {"at": long_ago}})
        async with probe.wire.listening(TOPIC) as heard:
            await restate.restate_due(service.db, producers, {SECRETS.name: SECRETS})
            await heard.more()
            assert heard.of(key) == []
        kept = await service.db["restatements"].find_one({"document": key})
        assert kept is not None and kept["at"] > long_ago + timedelta(seconds=30)
        await producers.stop()


async def test_more_than_fifty_newer_events_of_one_topic_hide_no_other_topic(probe: Probe, admin: AdminClient) -> None:
    class Other(ThingChanged):
        topic = f"{TOPIC}.other"

    admin.create_topics([NewTopic(Other.topic, 1, 1)])[Other.topic].result(15)
    async with probe.wire.listening(Other.topic) as heard, probe.start() as service:
        key = await a_thing(service)
        first = Change(events=[Other(thing=ThingState(name="first"))])
        await service.outbox.change(THINGS, key, lambda _: first, scope=EVERYTHING, cause=CAUSE)
        many = Change(events=[changed("later", number) for number in range(70)])
        await service.outbox.change(THINGS, key, lambda _: many, scope=EVERYTHING, cause=CAUSE)
        await told(service, key)
        await due(service, key)
        await heard.until(lambda own: sequences(own, key) == [2, 2])


async def test_after_an_erasure_the_tombstone_is_what_is_restated(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        key = await a_thing(service)
        gone = Change(set={"name": ""}, events=[Tombstone(TOPIC)])
        await service.outbox.change(THINGS, key, lambda _: gone, scope=EVERYTHING, cause=CAUSE)
        await told(service, key)
        await due(service, key)
        await heard.until(lambda own: sequences(own, key) == [1, 2, 2])
        assert [record.value is None for record in heard.of(key)] == [False, True, True]
        assert header(heard.of(key)[1], "ce_id") == header(heard.of(key)[2], "ce_id")


async def test_a_personal_value_is_not_kept_and_is_made_anew_from_the_document(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        document = {"_id": f"secret of {TOPIC}", "name": "Anna", "count": 7}
        key = document["_id"]
        await service.outbox.insert(SECRETS, document, [secret_told(document)], cause=CAUSE, scope=EVERYTHING)
        await told(service, str(key))
        (row,) = await service.db["history"].find({"aggregate": f"secrets/{key}"}).to_list()
        assert "value" not in row and "Anna" not in str(row)
        (entry,) = await service.outbox.history(SECRETS, await the_thing(service, str(key)))
        assert (entry.value, entry.type, entry.offset is not None) == (None, ThingChanged.type, True)
        producers = producers_on(probe.wire)
        await restate.register(service.db, [(SECRETS, str(key))])
        await service.db["restatements"].update_one(
            {"document": key}, {"$set": {"at": datetime.now(UTC) - timedelta(seconds=1)}}
        )
        await restate.restate_due(service.db, producers, {SECRETS.name: SECRETS})
        await heard.until(lambda own: sequences(own, str(key)) == [1, 1])
        first, again = heard.of(str(key))
        assert value_of(first) == value_of(again) and value_of(again)["thing"]["name"] == "Anna"
        # Erased: what stands in the document does not come back.
        gone = Change(events=[Tombstone(TOPIC)])
        await service.outbox.change(SECRETS, str(key), lambda _: gone, scope=EVERYTHING, cause=CAUSE)
        await told(service, str(key))
        await due(service, str(key), SECRETS)
        await restate.restate_due(service.db, producers, {SECRETS.name: SECRETS})
        await heard.until(lambda own: sequences(own, str(key)) == [1, 1, 2, 2])
        assert heard.of(str(key))[-1].value is None
        await producers.stop()


async def test_a_restatement_that_is_refused_comes_again_and_holds_up_no_other(probe: Probe) -> None:
    class Nowhere(ThingChanged):
        topic = f"{TOPIC}.nowhere"

    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        good, bad = await a_thing(service), await a_thing(service)
        await told(service, good, bad)
        await service.db["history"].update_one({"aggregate": f"things/{bad}"}, {"$set": {"topic": Nowhere.topic}})
        await due(service, bad)
        await due(service, good)
        await heard.until(lambda own: sequences(own, good) == [1, 1], within=20)
        kept = await service.db["restatements"].find_one({"document": bad})
        assert kept is not None and kept["at"] > datetime.now(UTC)
