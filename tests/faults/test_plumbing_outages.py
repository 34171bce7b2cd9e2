"""The plumbing while the broker or the store is away: nothing hangs, nothing is parked, nothing comes late."""

import asyncio
import signal
import time
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from deploy.broker_setup import admin_client
from deploy.local import keys
from deploy.local.environment import broker_bootstrap
from shared.ids import new_id
from shared.kafka import Envelope, Subscription, reaction
from shared.kafka.parked import list_parked
from shared.kafka.producer import LIMIT_SECONDS
from shared.outbox import Cause
from shared.service import Service
from tests.plumbing.channel import Channel, Sent, channel_on
from tests.plumbing.probe import THINGS, Probe, ThingChanged, ThingState, front_door, probe_on
from tests.plumbing.test_producer import holder_for
from tests.plumbing.test_rights import Scene, a_user, staged
from tests.support.stack import Stack
from tests.support.waiting import eventually

LIMIT = LIMIT_SECONDS + 4


@pytest.fixture
def channel(faulty: Stack) -> Channel:
    profile = faulty.servers.profile
    return channel_on(
        faulty.wire("admin"), admin_client(broker_bootstrap(profile), keys.broker_password(profile, "admin"))
    )


@pytest.fixture
def probe(faulty: Stack) -> Probe:
    return probe_on(faulty.servers.profile, faulty.wire("admin"))


class Writer:
    """A reaction that writes each record into the store before it is done."""

    def __init__(self, channel: Channel) -> None:
        @reaction(channel.topic, group=channel.group, events=(ThingChanged,))
        async def write(record: Envelope[ThingChanged], service: Service) -> None:
            document_id = f"{record.key}/{record.sequence}"
            await service.db["written"].update_one(
                {"_id": document_id}, {"$setOnInsert": {"at": record.offset}}, upsert=True
            )
            await service.db["written"].find_one({"_id": document_id})

        self.subscription: Subscription = write


async def written(service: Service, number: int) -> None:
    async def check() -> bool:
        found = await service.db["written"].count_documents({})
        assert found == number, f"{found} written"
        return True

    await eventually(check, within=60)


async def test_without_a_broker_a_send_fails_within_its_limit_and_works_again_afterwards(
    faulty: Stack, channel: Channel
) -> None:
    holder, waiting = holder_for(channel.wire), holder_for(channel.wire)
    await holder.ready()
    faulty.servers.kill("kafka")
    try:
        for one in (holder, waiting):
            for _ in range(2):
                began = time.monotonic()
                with pytest.raises((TimeoutError, KafkaError)):
                    await one.send(channel.topic, b"while away", key=b"k", headers=[])
                assert time.monotonic() - began < LIMIT
    finally:
        await asyncio.to_thread(faulty.servers.restart, "kafka")
    await eventually(lambda: _sent(holder.send(channel.topic, b"back", key=b"k", headers=[])), within=30)
    await asyncio.gather(holder.stop(), waiting.stop())


async def test_what_an_abandoned_producer_held_is_never_delivered(faulty: Stack, channel: Channel) -> None:
    holder = holder_for(channel.wire)
    async with channel.wire.listening(channel.topic) as heard:
        await holder.send(channel.topic, b"before", key=b"k", headers=[])
        producer = await holder.ready()
        faulty.servers.kill("kafka")
        try:
            late = [await producer.send(channel.topic, b"late", key=b"k") for _ in range(5)]
            began = time.monotonic()
            await holder.abandon()
            assert time.monotonic() - began < 5
            assert all(isinstance(one.exception(), KafkaError) for one in late)
        finally:
            await asyncio.to_thread(faulty.servers.restart, "kafka")
        for number in range(3):
            await eventually(lambda: _sent(holder.send(channel.topic, b"after", key=b"k", headers=[])), within=30)
            await heard.until(lambda own: own.records[-1].value == b"after" and len(own.records) > number)  # noqa: B023
        assert {record.value for record in heard.records} == {b"before", b"after"}
    await holder.stop()


async def test_a_halted_broker_costs_a_send_no_more_than_its_limit(faulty: Stack, channel: Channel) -> None:
    holder = holder_for(channel.wire)
    await holder.send(channel.topic, b"before", key=b"k", headers=[])
    faulty.servers.kill("kafka", signal.SIGSTOP)
    longest = 0.0

    async def fails() -> bool:
        nonlocal longest
        began = time.monotonic()
        went = await _sent(holder.send(channel.topic, b"while halted", key=b"k", headers=[]))
        longest = max(longest, time.monotonic() - began)
        return not went

    try:
        await eventually(fails)  # a halt takes a moment to reach all threads
        assert longest < LIMIT
    finally:
        faulty.servers.kill("kafka", signal.SIGCONT)
    await eventually(lambda: _sent(holder.send(channel.topic, b"after", key=b"k", headers=[])), within=30)
    await holder.stop()


@pytest.mark.parametrize(("name", "retries"), [("ferretdb", 2), ("postgres", 8)])
async def test_a_reaction_waits_for_the_store_and_parks_nothing(
    faulty: Stack, probe: Probe, channel: Channel, name: str, retries: int
) -> None:
    writer = Writer(channel)
    async with probe.start([writer.subscription]) as service:
        await channel.send(*(Sent("a", number) for number in range(1, 11)))
        await written(service, 10)
        faulty.servers.kill(name)
        try:
            await channel.send(*(Sent(f"k{number}") for number in range(40)))
            await eventually(lambda: _is(channel.metric("lockstep_retried_total") >= retries), within=40)
        finally:
            await asyncio.to_thread(faulty.servers.restart, name)
        await written(service, 50)
        assert await list_parked(service) == []
        assert service.consumers is not None and service.consumers.stopped() == {}
        await channel.acknowledges(50)


async def test_a_service_starts_without_a_broker_and_takes_up_its_work_when_it_comes(
    faulty: Stack, probe: Probe, channel: Channel
) -> None:
    writer = Writer(channel)
    await channel.send(Sent("a", 1))
    faulty.servers.kill("kafka")
    try:
        async with probe.start([writer.subscription]) as service, front_door(service) as door:
            ready = await door.get("/health/ready")
            assert set(ready.json()["missing"]) == {"keys"}  # the probe's issuer is not there
            assert {"consumers", "broker"} <= set(ready.json()["degraded"])
            key = new_id()
            await service.outbox.insert(
                THINGS,
                {"_id": key, "name": "n", "count": 0},
                [ThingChanged(thing=ThingState(name="n"))],
                cause=Cause("tester"),
            )
            began = time.monotonic()
        assert time.monotonic() - began < 30
    finally:
        await asyncio.to_thread(faulty.servers.restart, "kafka")
    async with probe.start([writer.subscription]) as service:
        await written(service, 1)


async def test_consumers_go_on_after_the_broker_was_away_and_handle_everything_in_order(
    faulty: Stack, probe: Probe, channel: Channel
) -> None:
    writer = Writer(channel)
    async with probe.start([writer.subscription]) as service:
        await channel.send(*(Sent("a", number) for number in range(1, 6)))
        await written(service, 5)
        faulty.servers.kill("kafka")
        await asyncio.to_thread(faulty.servers.restart, "kafka")
        await eventually(lambda: _sent(channel.send(*(Sent("a", number) for number in range(6, 11)))), within=30)
        await written(service, 10)
        await channel.acknowledges(10)
        order = [document["_id"] async for document in service.db["written"].find().sort("at", 1)]
        assert order == [f"a/{number}" for number in range(1, 11)]
        assert await list_parked(service) == []


async def test_while_changes_of_rights_cannot_be_seen_only_fresh_tokens_are_taken(faulty: Stack, probe: Probe) -> None:
    async with staged(probe) as scene:
        user = await scene.known(a_user())
        old, fresh = scene.issuer.token(user, age=120), scene.issuer.token(user)
        assert await scene.code(old) == (200, "")
        faulty.servers.kill("kafka", signal.SIGSTOP)
        try:
            await eventually(lambda: _is_code(scene, old, (401, "token_too_old")), within=20)
            assert await scene.code(fresh) == (200, "")

            async def degraded() -> bool:
                health = (await scene.door.get("/health/ready")).json()
                return health["status"] == "degraded" and {"rights", "broker"} <= set(health["degraded"])

            await eventually(degraded)
        finally:
            faulty.servers.kill("kafka", signal.SIGCONT)
        await eventually(lambda: _is_code(scene, old, (200, "")), within=30)
        assert "rights" not in (await scene.door.get("/health/ready")).json()["degraded"]


async def _sent(sending: Any) -> bool:
    try:
        await sending
    except (TimeoutError, KafkaError):
        return False
    return True


async def _is(value: bool) -> bool:
    return value


async def _is_code(scene: Scene, token: str, code: tuple[int, str]) -> bool:
    found = await scene.code(token)
    assert found == code, f"{found}"
    return True
