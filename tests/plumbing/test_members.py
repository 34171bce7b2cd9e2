"""Several processes of one group on the real broker: sharing, leaving, coming back, and never losing a batch."""

import asyncio
from typing import Any

from pymongo.errors import AutoReconnect

from shared.consumers import Subscription, reaction
from shared.wire.envelope import Envelope
from tests.plumbing.channel import Channel, Sent
from tests.plumbing.probe import Probe, Service, ThingChanged
from tests.support.waiting import eventually


class Member:
    """What one process carries out; closed doors hold it in the middle of a record."""

    def __init__(self, channel: Channel) -> None:
        self.started: list[tuple[str, int]] = []
        self.done: list[tuple[str, int]] = []
        self.door = asyncio.Event()
        self.door.set()
        self.store_is_away = False

        @reaction(channel.topic, group=channel.group, events=(ThingChanged,))
        async def react(record: Envelope[ThingChanged], service: Service) -> None:
            self.started.append((record.key, record.sequence))
            await self.door.wait()
            if self.store_is_away:
                raise AutoReconnect("away")
            self.done.append((record.key, record.sequence))

        self.subscription: Subscription[Service] = react

    def partitions(self, service: Service) -> set[int]:
        consumer = consumer_of(service)
        return {partition.partition for partition in consumer.assignment()} if consumer else set()


def consumer_of(service: Service) -> Any:
    brokers = list(service.parts.running.consumers._brokers.values())
    subscriber: Any = brokers[0].subscribers[0] if brokers else None
    return subscriber.consumer if subscriber else None


async def has(member: Member, service: Service, number: int) -> None:
    async def check() -> bool:
        assert len(member.partitions(service)) == number, f"has {member.partitions(service)}"
        return True

    await eventually(check, within=40)


async def test_a_batch_that_waits_at_the_end_of_a_process_comes_again_with_all_behind_it(
    probe: Probe, channel: Channel
) -> None:
    before, after = Member(channel), Member(channel)
    before.store_is_away = True
    await channel.send(Sent("a", 1), Sent("a", 2))
    async with probe.start([before.subscription]):
        await eventually(lambda: _true(before.started))
        await channel.send(*(Sent(f"k{number}") for number in range(20)))
        await channel.send(*(Sent(f"p{number}") for number in range(20)), partition=1)
    assert await channel.committed() == 0 and before.done == []
    async with probe.start([after.subscription]):
        await channel.acknowledges(42)
        assert sorted(after.done) == sorted(
            [("a", 1), ("a", 2), *((f"{mark}{n}", 1) for n in range(20) for mark in "kp")]
        )


async def test_two_processes_share_the_partitions_and_one_that_comes_back_gets_its_own_again(
    probe: Probe, channel: Channel
) -> None:
    one, two = Member(channel), Member(channel)
    async with probe.start([one.subscription], instance="one") as first:
        await has(one, first, 3)
        async with probe.start([two.subscription], instance="two") as second:
            await has(one, first, 2)
            await has(two, second, 1)
            shares = (one.partitions(first), two.partitions(second))
            for number in range(3):
                await channel.send(*(Sent(f"k{number}", sequence) for sequence in range(1, 6)), partition=number)
            await channel.acknowledges(15)
            assert len(one.done) + len(two.done) == 15 and len(two.done) == 5
        assert one.partitions(first) == shares[0]
        async with probe.start([two.subscription], instance="two") as second:
            await has(two, second, 1)
            assert (one.partitions(first), two.partitions(second)) == shares


async def test_two_replicas_with_the_default_settings_share_the_work_and_one_that_restarts_takes_its_old_name(
    probe: Probe, channel: Channel
) -> None:
    one, two = Member(channel), Member(channel)
    async with probe.start([one.subscription], instance=None) as first:
        await has(one, first, 3)
        async with probe.start([two.subscription], instance=None) as second:
            name = second.settings.instance
            assert name != first.settings.instance
            await has(one, first, 2)
            await has(two, second, 1)
            for number in range(3):
                await channel.send(*(Sent(f"k{number}", sequence) for sequence in range(1, 6)), partition=number)
            await channel.acknowledges(15)
            assert len(one.done) == 10 and len(two.done) == 5, "both are members, and neither was fenced"
        async with probe.start([two.subscription], instance=None) as second:
            assert second.settings.instance == name
            await has(two, second, 1)
            await channel.send(*(Sent(f"again{number}") for number in range(3)))
            await channel.acknowledges(18)
            assert one.partitions(first) | two.partitions(second) == {0, 1, 2}


async def test_a_rebalance_waits_for_the_record_in_work_and_nothing_is_handled_twice_at_once(
    probe: Probe, channel: Channel
) -> None:
    one, two = Member(channel), Member(channel)
    one.door.clear()
    async with probe.start([one.subscription], instance="one") as first:
        await has(one, first, 3)
        for number in range(3):
            await channel.send(Sent(f"k{number}", 1), partition=number)
        await eventually(lambda: _true(one.started))
        held = list(one.started)
        async with probe.start([two.subscription], instance="two") as second:
            rejoins = consumer_of(first)._coordinator._rejoin_needed_fut
            await eventually(lambda: _true(rejoins.done()), what="one hears of the rebalance")
            assert two.started == [] and one.done == []
            one.door.set()
            await has(two, second, 1)
            await channel.acknowledges(3)
            assert set(held) <= set(one.done) and not set(held) & set(two.started)
            assert sorted(one.done + two.done) == [("k0", 1), ("k1", 1), ("k2", 1)]


async def test_a_batch_that_waits_for_the_store_does_not_hold_up_a_rebalance(probe: Probe, channel: Channel) -> None:
    one, two = Member(channel), Member(channel)
    one.store_is_away = True
    async with probe.start([one.subscription], instance="one") as first:
        await has(one, first, 3)
        for number in range(3):
            await channel.send(*(Sent(f"k{number}", sequence) for sequence in (1, 2)), partition=number)
        await eventually(lambda: _true(len(one.started) > 3))
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with probe.start([two.subscription], instance="two") as second:
            await has(two, second, 1)
            assert loop.time() - began < 20
            await eventually(lambda: _true(len(two.done) == 2))
            one.store_is_away = False
            await channel.acknowledges(6)
            for number in range(3):
                kept = [sequence for key, sequence in one.done + two.done if key == f"k{number}"]
                assert kept == [1, 2]


async def test_a_stopped_consumer_does_not_hold_up_a_rebalance(probe: Probe, channel: Channel) -> None:
    one, two = Member(channel), Member(channel)
    async with probe.start([one.subscription], instance="one") as first:
        await has(one, first, 3)
        first.parts.running.consumers.handlings[channel.group].in_hand.stopped_because = "a test stopped it"
        await channel.send(Sent("a"), partition=2)
        async with probe.start([two.subscription], instance="two") as second:
            await eventually(lambda: _true(two.partitions(second)), within=20)


async def _true(value: Any) -> bool:
    return bool(value)
