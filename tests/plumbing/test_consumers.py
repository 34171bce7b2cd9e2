"""Views on the real broker: the newest record per key, never an older one, and nothing that stops the others."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shared.consumers import Subscription, ViewRow, view, views
from shared.wire.envelope import Envelope
from tests.plumbing.channel import Channel, Sent
from tests.plumbing.probe import Probe, Service, ThingChanged, front_door
from tests.support.waiting import eventually

Document = dict[str, Any]


class Kept:
    """A view of a channel's things, which remembers what it was called with."""

    def __init__(self, channel: Channel, *, tombstones: bool = False) -> None:
        self.calls: list[list[Envelope[ThingChanged]]] = []
        self.refuses: set[str] = set()

        @view(channel.topic, group=channel.group, events=(ThingChanged,), tombstones=tombstones)
        async def follow(records: list[Envelope[ThingChanged]], service: Service) -> None:
            self.calls.append(records)
            if any(record.key in self.refuses for record in records):
                raise LookupError("a bug")
            rows = [
                ViewRow(
                    r.key, r.sequence, {"stone": r.is_tombstone, "name": None if r.is_tombstone else r.event.thing.name}
                )
                for r in records
            ]
            await views.upsert(service.db["view_things"], rows)

        self.subscription: Subscription[Service] = follow

    @property
    def sequences(self) -> list[tuple[str, int]]:
        return [(record.key, record.sequence) for call in self.calls for record in call]


async def shown(service: Service, *keys: str) -> dict[str, Document]:
    """The view's documents, once all these keys are there."""

    async def check() -> dict[str, Document]:
        found = {document["_id"]: document async for document in service.db["view_things"].find()}
        assert set(keys) <= set(found), f"only {sorted(found)}"
        return found

    return await eventually(check)


def versions(documents: dict[str, Document]) -> dict[str, int]:
    return {key: document["version"] for key, document in documents.items()}


async def test_a_view_gets_only_the_newest_record_of_each_key_of_a_batch(probe: Probe, channel: Channel) -> None:
    kept = Kept(channel)
    await channel.send(*(Sent(key, number) for number in range(1, 6) for key in ("a", "b")), Sent("end"))
    async with probe.start([kept.subscription]) as service:
        assert versions(await shown(service, "end")) == {"a": 5, "b": 5, "end": 1}
        assert sorted(kept.sequences) == [("a", 5), ("b", 5), ("end", 1)]


async def test_a_late_duplicate_never_overwrites_a_newer_state(probe: Probe, channel: Channel) -> None:
    kept = Kept(channel)
    async with probe.start([kept.subscription]) as service:
        for number, mark in ((5, "m1"), (6, "m2"), (5, "m3")):
            await channel.send(Sent("a", number, name=f"at {number}"), Sent(mark))
            documents = await shown(service, "a", mark)
        assert (documents["a"]["version"], documents["a"]["name"]) == (6, "at 6")


async def test_a_group_that_begins_anew_writes_rows_of_another_form_and_takes_none_away(
    probe: Probe, channel: Channel
) -> None:
    await channel.send(Sent("a", 5), Sent("a", 6), Sent("a", 5))

    def with_a_field(name: str, group: str) -> Subscription[Service]:
        @view(channel.topic, group=f"{channel.group}-{group}", events=(ThingChanged,))
        async def follow(records: list[Envelope[ThingChanged]], service: Service) -> None:
            rows = [ViewRow(record.key, record.sequence, {name: record.event.thing.count}) for record in records]
            await views.upsert(service.db["view_things"], rows)

        return follow

    async with probe.start([with_a_field("count", "first")]) as service:
        assert (await shown(service, "a"))["a"]["count"] == 6
    async with probe.start([with_a_field("number", "second")]) as service:

        async def made_anew() -> Any:
            return await service.db["view_things"].find_one({"_id": "a", "version": 6, "number": 6})

        await eventually(made_anew)


async def test_two_first_writes_that_race_leave_the_newer_one(probe: Probe) -> None:
    async with probe.start() as service:
        collection = service.db["view_raced"]
        keys = [str(number) for number in range(30)]

        def rows(version: int) -> list[ViewRow]:
            return [ViewRow(key, version, {"of": version}) for key in keys]

        await asyncio.gather(*(views.upsert(collection, rows(version)) for version in (2, 5, 1, 4, 3)))
        assert [(document["version"], document["of"]) async for document in collection.find()] == [(5, 5)] * len(keys)


async def test_a_tombstone_reaches_a_view_that_asks_for_it_and_leaves_a_stone(probe: Probe, channel: Channel) -> None:
    kept = Kept(channel, tombstones=True)
    async with probe.start([kept.subscription]) as service:
        await channel.send(Sent("a", 3))
        await shown(service, "a")
        await channel.send(Sent("a", 4, value=None))
        await eventually(lambda: service.db["view_things"].find_one({"_id": "a", "stone": True}))
        await channel.send(Sent("a", 3), Sent("end"))
        assert versions(await shown(service, "end"))["a"] == 4


@pytest.mark.parametrize(
    ("batch", "shown_as"),
    [
        ([Sent("a", 3), Sent("a", 4, value=None), Sent("a", 3)], (4, True)),
        ([Sent("a", 4, value=None), Sent("a", 3)], (4, True)),
        ([Sent("a", 4, value=None), Sent("a", 5), Sent("a", 4, value=None)], (5, False)),
        ([Sent("a", 4), Sent("a", 3, value=None)], (4, False)),
    ],
    ids=["a state behind the stone", "a state before it", "a state after it", "a stone that comes late"],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one by one"])
async def test_a_tombstone_has_its_place_among_the_states_of_its_key(
    probe: Probe, channel: Channel, batch: list[Sent], shown_as: tuple[int, bool], at_once: bool
) -> None:
    kept = Kept(channel, tombstones=True)
    if at_once:
        await channel.send(*batch)
    async with probe.start([kept.subscription]) as service:
        if not at_once:
            for number, record in enumerate(batch, start=1):
                await channel.send(record)
                await channel.acknowledges(number)
        await channel.acknowledges(len(batch))
        document = (await shown(service, "a"))["a"]
        assert (document["version"], document["stone"]) == shown_as


async def test_a_record_of_another_type_is_passed_over_and_counted(probe: Probe, channel: Channel) -> None:
    kept = Kept(channel)
    async with probe.start([kept.subscription]) as service:
        other = [
            Sent("a", type="somebody.else.said.v1", value=b"{ not even read"),
            Sent("b", without=("ce_type",)),
            Sent("c", value=None),
        ]
        await channel.send(*other, Sent("end"))
        assert set(await shown(service, "end")) == {"end"}
        assert channel.metric("lockstep_skipped_total", reason="unknown_type") == 2
        assert channel.metric("lockstep_skipped_total", reason="tombstone") == 1
        assert channel.metric("lockstep_skipped_total", reason="malformed") == 0


BAD: list[Sent] = [
    Sent("null-header", headers={"ce_id": None}),
    Sent("no-id", without=("ce_id",)),
    Sent("not-json", value=b"{"),
    Sent("not-utf8-value", value=b'{"thing":{"name":"\xff"}}'),
    Sent("not-our-fields", value=b'{"thing":[]}'),
    Sent("deep", value=b"[" * 100_000),
    Sent("no-number", headers={"ce_sequence": b"twelve"}),
    Sent("number-too-large", headers={"ce_sequence": str(2**63).encode()}),
    Sent("number-far-too-large", headers={"ce_sequence": b"9" * 10_000}),
    Sent("long-header", headers={"ce_correlationid": b"x" * 10_000}),
    Sent("nul-in-a-header", headers={"ce_correlationid": b"a\0b"}),
    Sent("nul-in-\0-key"),
    Sent("k" * 10_000),
    Sent(None),
]
STRANGE = [
    Sent("strange-time", headers={"ce_time": b"yesterday"}),
    Sent("first-year", headers={"ce_time": b"0001-01-01T00:00:00+14:00"}),
    Sent("last-year", headers={"ce_time": b"9999-12-31T23:59:59-12:00"}),
    Sent("strange-zone", headers={"ce_time": b"2026-01-01T00:00:00"}),
    Sent("strange-header", headers={"x-other": b"\xff\xfe"}),
    Sent("other-null-header", headers={"traceparent": None}),
]


async def test_bad_records_are_passed_over_and_take_no_other_along(probe: Probe, channel: Channel) -> None:
    kept = Kept(channel)
    around = [Sent(f"good-{number}") for number in range(len(BAD))]
    await channel.send(*(record for pair in zip(around, BAD, strict=True) for record in pair), *STRANGE, Sent("end"))
    async with probe.start([kept.subscription]) as service:
        documents = await shown(service, "end")
        assert set(documents) == {str(record.key) for record in (*around, *STRANGE)} | {"end"}
        malformed = channel.metric("lockstep_skipped_total", reason="malformed")
        assert malformed == len(BAD)
        await channel.acknowledges(2 * len(BAD) + len(STRANGE) + 1)


async def test_a_bad_record_does_not_hide_the_good_one_before_it(probe: Probe, channel: Channel) -> None:
    kept = Kept(channel)
    await channel.send(Sent("a", 1), Sent("a", 2), Sent("a", 3, value=b"{"), Sent("end"))
    async with probe.start([kept.subscription]) as service:
        assert versions(await shown(service, "end"))["a"] == 2


async def test_a_record_that_a_view_cannot_take_is_passed_over_alone(probe: Probe, channel: Channel) -> None:
    kept = Kept(channel)
    kept.refuses.add("b")
    await channel.send(Sent("a"), Sent("b"), Sent("c"))
    async with probe.start([kept.subscription]) as service:
        assert set(await shown(service, "a", "c")) == {"a", "c"}
        assert channel.metric("lockstep_skipped_total", reason="handler_failed") == 1
        await channel.send(Sent("end"))
        await shown(service, "end")
        assert await channel.committed() >= 3


async def test_a_view_that_can_take_nothing_stops_and_says_so(probe: Probe, channel: Channel) -> None:
    kept = Kept(channel)
    keys = [f"k{number}" for number in range(6)]
    kept.refuses.update(keys)
    await channel.send(*(Sent(key) for key in keys))
    async with probe.start([kept.subscription]) as service, front_door(service) as door:

        async def stopped() -> Any:
            return (await door.get("/health/ready")).json()["degraded"].get("stopped")

        reason = await eventually(stopped)
        assert "a bug" in reason[channel.group]
        assert channel.metric("lockstep_consumer_stopped") == 1
        assert await channel.committed() == 0


@pytest.mark.parametrize("rows", [[], [ViewRow("a", 1, {"x": 1}), ViewRow("b", 1)]])
async def test_an_upsert_takes_any_number_of_rows(probe: Probe, rows: Sequence[ViewRow]) -> None:
    async with probe.start() as service:
        await views.upsert(service.db["view_any"], rows)
        await views.upsert(service.db["view_any"], rows)
        assert await service.db["view_any"].count_documents({}) == len(rows)
