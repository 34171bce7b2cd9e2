"""A tombstone on its way from the owner's document to the stones in the views, and what comes after it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from shared.access.scope import EVERYTHING
from shared.consumers import Subscription, ViewRow, view, views
from shared.ids import new_id
from shared.outbox import Change, Tombstone
from shared.wire.envelope import Envelope
from tests.plumbing.channel import Channel, Sent
from tests.plumbing.probe import THINGS, TOPIC, Probe, Service, ThingChanged
from tests.plumbing.things import CAUSE, a_thing
from tests.support.waiting import eventually


def people(topic: str, group: str) -> Subscription[Service]:
    @view(topic, group=group, events=(ThingChanged,), tombstones=True)
    async def follow(records: list[Envelope[ThingChanged]], service: Service) -> None:
        stones = [ViewRow(r.key, r.sequence) for r in records if r.is_tombstone]
        await views.erase(service.db["view_people"], stones)
        told = [ViewRow(r.key, r.sequence, {"name": r.event.thing.name}) for r in records if not r.is_tombstone]
        await views.upsert(service.db["view_people"], told)

    return follow


async def row(service: Service, key: str, version: int) -> dict[str, object]:
    """A row of the view once it has a version."""
    found = await eventually(lambda: service.db["view_people"].find_one({"_id": key, "version": {"$gte": version}}))
    return dict(found)


async def test_an_erased_document_leaves_a_stone_at_the_version_of_its_tombstone(
    probe: Probe, channel: Channel
) -> None:
    async with probe.start([people(TOPIC, channel.group)]) as service:
        key = await a_thing(service, "Anna")
        assert await row(service, key, 1) == {"_id": key, "version": 1, "name": "Anna"}
        gone = Change(set={"name": ""}, events=[Tombstone(TOPIC)])
        await service.outbox.change(THINGS, key, lambda _: gone, scope=EVERYTHING, cause=CAUSE)
        assert await row(service, key, 2) == {"_id": key, "version": 2, "erased": True}


async def test_an_erased_key_stays_erased_whatever_comes(probe: Probe, channel: Channel) -> None:
    async with probe.start([people(channel.topic, channel.group)]) as service:
        await channel.send(Sent("a", 3), Sent("b", 3))
        await row(service, "b", 3)
        await channel.send(Sent("a", 4, value=None), Sent("b", 2, value=None), Sent("m1"))
        await row(service, "m1", 1)
        await channel.send(Sent("a", 2), Sent("a", 9), Sent("m2"))
        await row(service, "m2", 1)
        assert await row(service, "a", 1) == {"_id": "a", "version": 4, "erased": True}
        assert (await row(service, "b", 1))["name"] == "thing"


async def test_a_tombstone_of_what_was_never_seen_keeps_earlier_records_out(probe: Probe) -> None:
    async with probe.start() as service:
        collection = service.db["view_people"]
        await views.erase(collection, [ViewRow("a", 5), ViewRow("b", 5)])
        await views.upsert(collection, [ViewRow("a", 4, {"name": "late"}), ViewRow("c", 1, {"name": "c"})])
        await views.erase(collection, [ViewRow("a", 4), ViewRow("b", 7)])
        await views.erase(collection, [])
        rows = {row["_id"]: row["version"] async for row in collection.find()}
        assert rows == {"a": 5, "b": 7, "c": 1}
        assert await collection.count_documents({"name": {"$exists": True}}) == 1


async def test_an_erasure_that_races_with_what_it_erases_wins(probe: Probe) -> None:
    async with probe.start() as service:
        collection = service.db["view_people"]
        keys = [str(number) for number in range(30)]
        await asyncio.gather(
            *(
                views.upsert(collection, [ViewRow(key, version, {"name": "x"}) for key in keys])
                for version in (1, 2, 3)
            ),
            views.erase(collection, [ViewRow(key, 4) for key in keys]),
        )
        assert [row async for row in collection.find({"erased": {"$ne": True}})] == []


@pytest.fixture
async def compacted(admin: AdminClient, channel: Channel) -> AsyncIterator[str]:
    """A topic that is compacted at once."""
    name = f"{channel.topic}.compacted"
    config = {
        "cleanup.policy": "compact",
        "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.01",
        "min.compaction.lag.ms": "0",
        "max.compaction.lag.ms": "100",
        "delete.retention.ms": "3600000",
    }
    admin.create_topics([NewTopic(name, 1, 1, config=config)])[name].result(15)
    yield name


async def test_compaction_takes_what_came_before_a_tombstone_and_keeps_its_headers(
    probe: Probe, compacted: str, channel: Channel
) -> None:
    own = Channel(channel.wire, compacted, f"{channel.group}-compacted")
    await own.send(Sent("a", 3), Sent("b", 1))
    await own.send(Sent("a", 4, value=None))

    async def cleaned() -> bool:
        # A segment is closed when the next record comes; the last one is never cleaned.
        await own.send(Sent("later"))
        async with own.wire.listening(compacted, group=f"{own.group}-{new_id()}") as heard:
            await heard.until(lambda all_of: all_of.of("later"))
            assert [record.value for record in heard.of("a")] == [None], "not cleaned yet"
            return True

    await eventually(cleaned, within=90, every=2)
    async with probe.start([people(compacted, own.group)]) as service:
        assert await row(service, "a", 1) == {"_id": "a", "version": 4, "erased": True}
