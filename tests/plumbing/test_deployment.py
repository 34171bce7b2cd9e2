"""Where a new group begins, on the real broker: reactions at their deployment, views and inbound at the beginning."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from shared.consumers import Subscription, coverage, inbound, reaction, view
from shared.wire.envelope import Envelope
from tests.plumbing.channel import Channel, Sent
from tests.plumbing.probe import Probe, Service, ThingChanged
from tests.support.waiting import eventually

Follower = tuple[Subscription[Service], list[str]]


def a_reaction(channel: Channel) -> Follower:
    heard: list[str] = []

    @reaction(channel.topic, group=channel.group, events=(ThingChanged,))
    async def react(record: Envelope[ThingChanged], service: Service) -> None:
        heard.append(record.key)

    return react, heard


def a_view(channel: Channel) -> Follower:
    heard: list[str] = []

    @view(channel.topic, group=channel.group, events=(ThingChanged,))
    async def follow(records: list[Envelope[ThingChanged]], service: Service) -> None:
        heard.extend(record.key for record in records)

    return follow, heard


def an_inbound(channel: Channel) -> Follower:
    heard: list[str] = []

    @inbound(channel.topic, group=channel.group, events=(ThingChanged,))
    async def take(record: Envelope[ThingChanged], service: Service) -> None:
        heard.append(record.key)

    return take, heard


async def until(heard: list[str], *keys: str) -> None:
    """Wait for these keys, and see that there are no others."""

    async def check() -> bool:
        assert set(keys) <= set(heard), f"heard {heard}"
        return True

    await eventually(check)
    assert sorted(heard) == sorted(keys)


async def begun(channel: Channel, at: int) -> None:
    """Wait until the group has its first offsets: what is sent from now on is new to it."""
    await channel.acknowledges(at)


async def test_a_new_reaction_handles_what_comes_after_its_deployment_and_nothing_before(
    probe: Probe, channel: Channel
) -> None:
    for partition in range(3):
        await channel.send(*(Sent(f"old-{partition}-{n}") for n in range(4)), partition=partition)
    react, heard = a_reaction(channel)
    async with probe.start([react], deployed=None):
        await begun(channel, 12)
        for partition in range(3):
            await channel.send(Sent(f"new-{partition}"), partition=partition)
        await until(heard, "new-0", "new-1", "new-2")


@pytest.mark.parametrize("follower", [a_view, an_inbound])
async def test_a_new_view_and_a_new_inbound_group_begin_at_the_beginning(
    probe: Probe, channel: Channel, follower: Callable[[Channel], Follower]
) -> None:
    await channel.send(Sent("old"))
    follow, heard = follower(channel)
    async with probe.start([follow], deployed=None):
        await channel.send(Sent("new"), partition=1)
        await until(heard, "old", "new")


async def test_a_restart_changes_nothing_and_what_came_meanwhile_is_handled(probe: Probe, channel: Channel) -> None:
    await channel.send(Sent("old"))
    react, heard = a_reaction(channel)
    async with probe.start([react], deployed=None):
        await begun(channel, 1)
        await channel.send(Sent("first"))
        await channel.acknowledges(2)
    await channel.send(Sent("meanwhile"))
    await channel.send(Sent("elsewhere"), partition=2)
    async with probe.start([react], deployed=None):
        await until(heard, "first", "meanwhile", "elsewhere")


@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "while it is down"])
async def test_a_partition_added_later_is_read_from_its_beginning(
    probe: Probe, channel: Channel, admin: AdminClient, monkeypatch: pytest.MonkeyPatch, running: bool
) -> None:
    monkeypatch.setattr(coverage, "PERIOD_SECONDS", 0.5)
    await channel.send(Sent("old"))
    react, heard = a_reaction(channel)

    async def grow() -> None:
        for future in admin.create_partitions([NewPartitions(channel.topic, 5)]).values():
            future.result(15)
        await eventually(sent)

    async def sent() -> bool:
        await channel.send(Sent("in a new one"), partition=4)
        return True

    async with probe.start([react], deployed=None):
        await begun(channel, 1)
    if not running:
        await grow()
    async with probe.start([react], deployed=None) as service:
        if running:
            await eventually(lambda: _is(not service.parts.running.consumers.waiting))
            await grow()
        await until(heard, "in a new one")


async def test_the_partitions_of_several_groups_are_seen_to_be_read(
    probe: Probe, channel: Channel, admin: AdminClient
) -> None:
    shared_anew: list[str] = []

    async def share(group: str) -> None:
        shared_anew.append(group)

    one, _ = a_reaction(channel)
    groups = [one, *(replace(one, group=f"{one.group}-{number}") for number in range(3))]
    async with probe.start(groups, deployed=None) as service:
        await eventually(lambda: _is(not service.parts.running.consumers.waiting))
        watcher = coverage.Coverage(service.settings.broker, groups, share)
        await watcher.look()
        assert shared_anew == []


async def test_a_reaction_begins_at_its_deployment_also_where_the_broker_was_away_then(
    probe: Probe, channel: Channel
) -> None:
    await channel.send(Sent("old"))
    deployed = datetime.now(UTC)
    await channel.send(Sent("published when the broker was back"))
    react, heard = a_reaction(channel)
    async with probe.start([react], deployed=deployed):
        await until(heard, "published when the broker was back")


async def test_a_group_whose_offsets_the_broker_has_forgotten_repeats_and_loses_nothing(
    probe: Probe, channel: Channel, admin: AdminClient
) -> None:
    await channel.send(Sent("old"))
    react, heard = a_reaction(channel)
    async with probe.start([react], deployed=None):
        await begun(channel, 1)
        await channel.send(Sent("known"))
        await until(heard, "known")

    async def forgotten() -> bool:
        for future in admin.delete_consumer_groups([channel.group]).values():
            future.result(15)
        return True

    await _leaves(admin, channel.group)
    await eventually(forgotten)
    await channel.send(Sent("during a year of silence"))
    heard.clear()
    async with probe.start([react], deployed=None):
        await until(heard, "known", "during a year of silence")


async def test_replicas_that_start_at_once_begin_at_one_place(probe: Probe, channel: Channel) -> None:
    await channel.send(Sent("old"), Sent("older"))
    (one, heard), (two, also_heard) = a_reaction(channel), a_reaction(channel)
    async with (
        probe.start([one], deployed=None, instance="one"),
        probe.start([two], deployed=None, instance="two"),
    ):
        await begun(channel, 2)
        for partition in range(3):
            await channel.send(Sent(f"new-{partition}"), partition=partition)

        async def shared() -> Any:
            assert sorted(heard + also_heard) == ["new-0", "new-1", "new-2"], f"{heard} {also_heard}"
            return True

        await eventually(shared)


async def _is(value: bool) -> bool:
    return value


async def _leaves(admin: AdminClient, group: str) -> None:
    """Wait until a static member that has stopped is given up."""

    async def check() -> bool:
        found = admin.describe_consumer_groups([group])[group].result(15)
        assert not found.members, f"{len(found.members)} members"
        return True

    await eventually(check, within=40, every=0.5)
