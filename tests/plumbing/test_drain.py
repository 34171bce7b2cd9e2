"""Publishing what waits: a failure stays with its document, and nothing is sent again that the broker has."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from deploy.local.keys import broker_password
from deploy.local.servers import Servers
from shared.access.scope import EVERYTHING
from shared.contracts.base import Event
from shared.ids import new_id
from shared.outbox import Change, Row, backlog, publish
from shared.settings import BrokerSettings
from shared.wire import producer as module
from tests.plumbing.probe import THINGS, TOPIC, Probe, Service, ThingState
from tests.plumbing.things import CAUSE, a_thing, changed, count_once, leave_behind, sequences, the_thing, told
from tests.support.waiting import eventually
from tests.support.wire import Listener, header

MARK = uuid.uuid4().hex[:8]


class Elsewhere(Event):
    """An event of a topic that nobody has made."""

    topic: ClassVar[str] = f"plumbing.nowhere-{MARK}"
    type: ClassVar[str] = "plumbing.thing.lost.v1"
    thing: ThingState


class Narrow(Event):
    """An event of a topic that takes no large records, in one partition."""

    topic: ClassVar[str] = f"plumbing.narrow-{MARK}"
    type: ClassVar[str] = "plumbing.thing.narrowed.v1"
    thing: ThingState


class Guarded(Event):
    """An event of a topic that the service may look at, but not write."""

    topic: ClassVar[str] = f"plumbing.guarded-{MARK}"
    type: ClassVar[str] = "plumbing.thing.guarded.v1"
    thing: ThingState


@pytest.fixture(scope="module")
def narrow(admin: AdminClient) -> str:
    topic = NewTopic(Narrow.topic, 1, 1, config={"max.message.bytes": "20000"})
    admin.create_topics([topic])[Narrow.topic].result(15)
    return Narrow.topic


async def refused(service: Service, key: str, times: int, within: float = 20) -> None:
    """Wait until a document has been tried and refused so often."""

    async def check() -> bool:
        resting = service.outbox.drain._backlog._resting
        failures = max((offer.failures for place, offer in resting.items() if place[1] == key), default=0)
        assert failures >= times, f"{failures} failures"
        return True

    await eventually(check, within=within)


async def write(service: Service, key: str, *events: Event, rows: Sequence[Row] = ()) -> None:
    change = Change(events=events, rows=rows)
    await service.outbox.change(THINGS, key, lambda _: change, scope=EVERYTHING, cause=CAUSE)


def state(name: str) -> ThingState:
    return ThingState(name=name)


def once_each(heard: Listener, keys: Sequence[str]) -> None:
    for key in keys:
        seen = sequences(heard, key)
        assert len(seen) == len(set(seen)), f"{key} was told {seen}"


async def test_a_topic_that_is_not_there_costs_nobody_else_a_record_or_a_second(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "SEND_LIMIT_SECONDS", 3.0)
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        bad = await a_thing(service, "bad")
        await told(service, bad)
        await write(service, bad, Elsewhere(thing=state("bad")))
        good = [await a_thing(service) for _ in range(5)]
        began = asyncio.get_running_loop().time()
        await told(service, *good)
        assert asyncio.get_running_loop().time() - began < 2.5
        await refused(service, bad, 3)
        for key in good:
            await count_once(service, key)
        await told(service, *good)
        await heard.until(lambda own: all(sequences(own, key) == [1, 2] for key in good))
        await refused(service, bad, 4)
        await heard.more()
        once_each(heard, [*good, bad])
        assert len((await the_thing(service, bad))["outbox"]) == 1
        assert await service.db["restatements"].count_documents({}) == 0


async def test_a_record_that_the_broker_refuses_is_the_only_one_sent_again(probe: Probe, narrow: str) -> None:
    async with probe.wire.listening(narrow) as heard, probe.start() as service:
        bad = await a_thing(service, "bad")
        good = [await a_thing(service) for _ in range(20)]
        await told(service, bad, *good)
        large = Narrow(thing=state("x" * 50_000))

        async def steps(key: str) -> None:
            for step in range(5):
                await write(service, key, Narrow(thing=state(f"{step}")))

        # They share a partition, whose sequence the refused record spoils for those behind it.
        await asyncio.gather(write(service, bad, large), *(steps(key) for key in good))
        await refused(service, bad, 3)
        await asyncio.gather(*(steps(key) for key in good))
        await told(service, *good)
        await heard.until(lambda own: all(sequences(own, key) == list(range(2, 12)) for key in good))
        await refused(service, bad, 4)
        await heard.more()
        once_each(heard, good)
        assert heard.of(bad) == []
        assert len((await the_thing(service, bad))["outbox"]) == 1


async def test_what_may_not_be_written_waits_and_what_may_is_told_once(
    probe: Probe, admin: AdminClient, servers: Servers
) -> None:
    """The topics of one document: one with the right to write, one without it any more."""
    admin.create_topics([NewTopic(Guarded.topic, 1, 1)])[Guarded.topic].result(15)

    def right(operation: AclOperation, topic: str) -> AclBinding:
        literally, allow = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
        return AclBinding(ResourceType.TOPIC, topic, literally, "User:meters", "*", operation, allow)

    given = [right(AclOperation.WRITE, TOPIC), right(AclOperation.READ, Guarded.topic)]
    for future in admin.create_acls(given).values():
        future.result(15)
    limited = BrokerSettings(
        bootstrap=probe.wire.bootstrap, username="meters", password=broker_password(servers.profile, "meters")
    )
    async with (
        probe.wire.listening(TOPIC) as heard,
        probe.wire.listening(Guarded.topic) as guarded,
        probe.start(broker=limited) as service,
    ):
        bad = await a_thing(service, "bad")
        await told(service, bad)
        await write(service, bad, changed("one"), Guarded(thing=state("a")), changed("two"))
        good = [await a_thing(service) for _ in range(5)]
        await told(service, *good)
        await refused(service, bad, 3)
        await heard.until(lambda own: sequences(own, bad) == [1, 2, 4])
        # What the broker has is written down and cleared, though the rest of the document waits.
        waiting = (await the_thing(service, bad))["outbox"]
        assert [entry["topic"] for entry in waiting] == [Guarded.topic]
        rows = await service.outbox.history(THINGS, await the_thing(service, bad))
        assert [row.offset is not None for row in rows] == [True, True, False, True]
        admin.create_acls([right(AclOperation.WRITE, Guarded.topic)])
        await told(service, bad, within=40)
        await guarded.until(lambda own: sequences(own, bad) == [3])
        await heard.more()
        once_each(heard, [*good, bad])


@pytest.fixture
async def producers_built(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[AIOKafkaProducer]]:
    built: list[AIOKafkaProducer] = []

    class Noted(AIOKafkaProducer):  # type: ignore[misc]
        def __init__(self, **arguments: object) -> None:
            super().__init__(**arguments)
            built.append(self)

    monkeypatch.setattr(module, "AIOKafkaProducer", Noted)
    yield built


async def test_an_error_of_the_store_sends_nothing_again_and_leaves_the_producer_alone(
    probe: Probe, producers_built: list[AIOKafkaProducer]
) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        bad = await a_thing(service, "bad")
        await told(service, bad)
        # The store refuses this row for ever, so what was acknowledged beside it cannot be cleared.
        await write(service, bad, changed("acknowledged"), rows=[Row("a..b", new_id(), {})])
        good = [await a_thing(service) for _ in range(5)]
        await told(service, *good)
        await refused(service, bad, 3)
        await heard.until(lambda own: sequences(own, bad) == [1, 2])
        assert len((await the_thing(service, bad))["outbox"]) == 2
        await refused(service, bad, 4)
        await heard.more()
        once_each(heard, [*good, bad])
        assert len(producers_built) == 1
        await service.db["things"].update_one({"_id": bad}, {"$pull": {"outbox": {"row": {"$exists": True}}}})
        await told(service, bad, within=40)
        await heard.more()
        once_each(heard, [bad])


async def test_what_rests_is_not_offered_anew_by_the_sweeper(probe: Probe, narrow: str) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        bad = await a_thing(service, "bad")
        await told(service, bad)
        await write(service, bad, Narrow(thing=state("x" * 50_000)))
        # Older than what the sweeper takes, and seen by it several times: the failures stay few.
        await refused(service, bad, 3)
        old = datetime.now(UTC) - timedelta(minutes=1)
        await service.db["things"].update_one({"_id": bad}, {"$set": {"outbox.0.at": old}})
        late = await a_thing(service, "late")
        await told(service, late)
        await refused(service, bad, 4)
        (offer,) = [o for p, o in service.outbox.drain._backlog._resting.items() if p[1] == bad]
        assert offer.failures < 7 and not offer.is_swept
        assert await service.db["restatements"].count_documents({}) == 0
        await heard.more()
        once_each(heard, [bad, late])


async def test_what_a_crash_left_behind_is_found_and_told_in_order_once(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        keys = await leave_behind(service, documents=600, events=3)
        await told(service, *keys, within=30)
        await heard.until(lambda own: all(len(own.of(key)) >= 3 for key in keys))
        assert all(sequences(heard, key) == [1, 2, 3] for key in keys)
        assert await service.db["restatements"].count_documents({}) == len(keys)


async def test_two_processes_do_not_both_tell_what_was_left_behind(probe: Probe) -> None:
    async with probe.wire.listening(TOPIC) as heard, probe.start() as one, probe.start(instance="1"):
        keys = await leave_behind(one, documents=300, events=1)
        await told(one, *keys, within=30)
        await heard.until(lambda own: all(own.of(key) for key in keys))
        once_each(heard, keys)


async def test_a_backlog_that_takes_longer_than_one_time_out_shrinks_all_the_same(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "SEND_LIMIT_SECONDS", 0.05)
    monkeypatch.setattr(backlog, "FIRST_REST_SECONDS", 0.05)
    monkeypatch.setattr(backlog, "LONGEST_REST_SECONDS", 0.2)
    async with probe.wire.listening(TOPIC) as heard, probe.start() as service:
        keys = await leave_behind(service, documents=10, events=30, size=50_000)
        await told(service, *keys, within=60)
        await heard.until(lambda own: all(set(sequences(own, key)) == set(range(1, 31)) for key in keys))
        for key in keys:
            first_seen = list(dict.fromkeys(sequences(heard, key)))
            assert first_seen == sorted(first_seen)
        assert all(header(record, "ce_sequence") for record in heard.records)


async def test_a_stop_waits_for_what_is_in_work_and_not_for_what_rests(probe: Probe, narrow: str) -> None:
    async with probe.start() as service:
        bad = await a_thing(service, "bad")
        await told(service, bad)
        await write(service, bad, Narrow(thing=state("x" * 50_000)))
        await refused(service, bad, 1)
        keys = [await a_thing(service) for _ in range(20)]
        began = asyncio.get_running_loop().time()
        await service.outbox.drain.idle()
        assert asyncio.get_running_loop().time() - began < 4
        for key in keys:
            assert (await the_thing(service, key))["outbox"] == []
