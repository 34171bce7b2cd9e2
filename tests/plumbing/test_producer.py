"""The producer that is thrown away after an error, on the real broker; and the private names that this rests on."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed

from shared.settings import BrokerSettings
from shared.wire import producer as module
from shared.wire.producer import ProducerHolder
from tests.plumbing.channel import Channel
from tests.support.wire import Wire


def holder_for(wire: Wire, **changes: str) -> ProducerHolder:
    settings = {"bootstrap": wire.bootstrap, "username": wire.username, "password": wire.password, **changes}
    return ProducerHolder(BrokerSettings(**settings), "plumbing-producer")


async def test_what_abandoning_rests_on_is_there(channel: Channel) -> None:
    holder = holder_for(channel.wire)
    producer = await holder.ready()
    assert producer._closed is False
    assert isinstance(producer._sender.sender_task, asyncio.Task)
    assert callable(producer._message_accumulator.fail_all)
    assert callable(producer.client.close)
    await holder.stop()
    assert producer._closed is True


async def test_an_abandoned_producer_has_nothing_left_that_lives(channel: Channel) -> None:
    holder = holder_for(channel.wire)
    old = await holder.ready()
    assert await holder.ready() is old
    sender = old._sender.sender_task
    waiting = await old.send(channel.topic, b"old", key=b"k")
    await holder.abandon()
    assert sender.done() and old._closed
    assert not any(connection.connected() for connection in old.client._conns.values())
    assert isinstance(waiting.exception(), ProducerClosed)
    with pytest.raises(ProducerClosed):
        await old.send(channel.topic, b"late", key=b"k")
    new = await holder.ready()
    assert new is not old
    await holder.send(channel.topic, b"new", key=b"k", headers=[])
    await holder.abandon()
    await holder.abandon()
    await holder.stop()


async def test_it_is_idempotent_and_waits_for_all_replicas(channel: Channel) -> None:
    holder = holder_for(channel.wire)
    producer = await holder.ready()
    assert producer._txn_manager is not None and producer._sender._acks == -1
    await holder.stop()


async def test_many_who_ask_at_once_get_the_same_producer(channel: Channel) -> None:
    holder = holder_for(channel.wire)
    producers = await asyncio.gather(*(holder.ready() for _ in range(10)))
    assert len(set(map(id, producers))) == 1
    await holder.stop()


async def test_a_record_that_is_refused_costs_only_itself(channel: Channel) -> None:
    holder = holder_for(channel.wire)
    with pytest.raises(MessageSizeTooLargeError):
        await holder.send(channel.topic, b"x" * 1_100_000, key=b"k", headers=[])
    async with channel.wire.listening(channel.topic) as heard:
        await holder.send(channel.topic, b"next", key=b"k", headers=[("null", None)])
        await heard.until(lambda own: [record.value for record in own.records] == [b"next"])
    await holder.stop()


@pytest.mark.parametrize(
    "changes", [{"bootstrap": "127.0.0.1:9"}, {"bootstrap": "192.0.2.1:9092"}, {"password": "wrong"}], ids=str
)
async def test_a_broker_that_is_not_there_or_refuses_is_told_within_the_limit(
    channel: Channel, changes: dict[str, str]
) -> None:
    holder = holder_for(channel.wire, **changes)
    began = time.monotonic()
    with pytest.raises((TimeoutError, KafkaError)):
        await holder.send(channel.topic, b"x", key=None, headers=[])
    assert time.monotonic() - began < module.LIMIT_SECONDS + 3
    await holder.stop()


async def test_a_listener_that_never_answers_is_told_within_the_limit(channel: Channel) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        holder = holder_for(channel.wire, bootstrap=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises((TimeoutError, KafkaError)):
            await holder.ready()
        assert time.monotonic() - began < module.LIMIT_SECONDS + 3
        await holder.stop()


async def test_a_cancelled_start_leaves_no_producer_behind(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[AIOKafkaProducer] = []

    class Noted(AIOKafkaProducer):  # type: ignore[misc]
        def __init__(self, **arguments: object) -> None:
            super().__init__(**arguments)
            built.append(self)

    monkeypatch.setattr(module, "AIOKafkaProducer", Noted)
    holder = holder_for(channel.wire, bootstrap="192.0.2.1:9092")
    asking = asyncio.create_task(holder.ready())
    await asyncio.sleep(0)
    assert built
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert built[0]._closed
