"""Traces on the real broker: what a record causes belongs to its trace, and to no other one handled beside it."""

import asyncio

from shared import context
from shared.access.scope import EVERYTHING
from shared.consumers import Subscription, inbound, parking, reaction
from shared.outbox import Cause, Change
from shared.problems import Conflict
from shared.wire.envelope import Envelope
from tests.plumbing.channel import Channel, Sent
from tests.plumbing.probe import THINGS, TOPIC, Probe, Service, ThingChanged, ThingState
from tests.support.waiting import eventually
from tests.support.wire import header

KEYS = [f"k{number}" for number in range(6)]


def trace_of(key: str, sequence: int = 1) -> str:
    return f"00-{KEYS.index(key) + 1:016x}{sequence:016x}-00f067aa0ba902b7-01"


def traced(key: str, sequence: int = 1) -> Sent:
    return Sent(key, sequence, headers={"traceparent": trace_of(key, sequence).encode()})


class Renaming:
    """A reaction that renames a thing for each record; all keys are in it before any of them goes on."""

    def __init__(self, channel: Channel, side_by_side: int) -> None:
        self.inside = asyncio.Barrier(side_by_side)
        self.seen: dict[tuple[str, int], tuple[str | None, str | None]] = {}

        @reaction(channel.topic, group=channel.group, events=(ThingChanged,))
        async def react(record: Envelope[ThingChanged], service: Service) -> None:
            await self.inside.wait()
            self.seen[record.key, record.sequence] = (context.traceparent.get(), context.correlation_id.get())
            name = f"{record.key} at {record.sequence}"
            await service.outbox.change(
                THINGS,
                record.key,
                lambda document: Change(set={"name": name}, events=[ThingChanged(thing=ThingState(name=name))]),
                scope=EVERYTHING,
                cause=Cause.following(record),
            )

        self.subscription: Subscription[Service] = react


async def test_events_carry_the_trace_of_the_record_that_caused_them_also_side_by_side(
    probe: Probe, channel: Channel
) -> None:
    renaming = Renaming(channel, len(KEYS))
    async with probe.wire.listening(TOPIC) as heard, probe.start([renaming.subscription]) as service:
        for key in KEYS:
            await service.outbox.insert(THINGS, {"_id": key, "name": ""}, [], scope=EVERYTHING, cause=Cause("test"))
        await channel.send(*(traced(key, sequence) for sequence in (1, 2) for key in KEYS))
        await heard.until(lambda own: len([r for r in own.records if r.key.decode() in KEYS]) == 2 * len(KEYS))
        for key in KEYS:
            first, second = heard.of(key)
            assert [header(one, "traceparent") for one in (first, second)] == [trace_of(key, 1), trace_of(key, 2)]
            assert [header(one, "ce_causationid") for one in (first, second)] == [f"{key}-1", f"{key}-2"]
            assert [header(one, "ce_correlationid") for one in (first, second)] == [f"{key}-1", f"{key}-2"]


async def test_a_record_without_a_trace_or_with_something_else_has_none_and_not_that_of_the_one_before(
    probe: Probe, channel: Channel
) -> None:
    renaming = Renaming(channel, 1)
    async with probe.start([renaming.subscription]) as service:
        await service.outbox.insert(THINGS, {"_id": "k0", "name": ""}, [], scope=EVERYTHING, cause=Cause("test"))
        await channel.send(traced("k0", 1), Sent("k0", 2), Sent("k0", 3, headers={"traceparent": b"<script>"}))
        await channel.acknowledges(3)
    assert renaming.seen == {
        ("k0", 1): (trace_of("k0", 1), "k0-1"),
        ("k0", 2): (None, "k0-2"),
        ("k0", 3): (None, "k0-3"),
    }


async def test_an_answer_to_a_party_belongs_to_the_trace_of_its_record_and_so_does_a_requeue(
    probe: Probe, channel: Channel
) -> None:
    mended = False
    seen: list[str | None] = []

    @inbound(channel.topic, group=channel.group, events=(ThingChanged,))
    async def take(record: Envelope[ThingChanged], service: Service) -> None:
        seen.append(context.traceparent.get())
        if not mended:
            raise Conflict("there are enough things")

    async with channel.wire.listening(channel.rejected) as heard, probe.start([take]) as service:
        await channel.send(traced("k0"))
        await heard.until(lambda own: len(own.records) == 1)
        assert header(heard.records[0], "traceparent") == trace_of("k0")
        mended = True
        await eventually(lambda: service.db[parking.COLLECTION].find_one({"key": "k0"}))
        assert (await parking.requeue(service, take)).done == 1
        assert seen == [trace_of("k0")] * 2
        assert context.traceparent.get() is None
