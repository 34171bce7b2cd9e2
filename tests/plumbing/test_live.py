"""Live streams on the real broker: everybody gets what he may see, from now on, and refetches after any gap."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Collection
from typing import Any

import orjson
import pytest
from fastapi import APIRouter
from sse_starlette import EventSourceResponse

from shared.http import live
from shared.http.live import Live, News
from tests.plumbing.channel import Channel, Sent
from tests.plumbing.probe import Probe, Service, ThingChanged
from tests.support.waiting import eventually


class Stream:
    """One open stream of a probe, asked for as a server asks the application."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        self.closed = asyncio.Event()
        self.door = asyncio.Event()
        self.door.set()
        self.ended = False
        self._rest = ""

    def end(self) -> None:
        self.ended = True

    async def receive(self) -> dict[str, Any]:
        await self.closed.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] != "http.response.body":
            return
        await self.door.wait()
        *blocks, self._rest = (self._rest + message["body"].decode()).split("\r\n\r\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.split("\r\n") if not line.startswith(":"))
            if fields:
                self.received.append((fields["event"], orjson.loads(fields["data"])))

    @property
    def things(self) -> list[str]:
        return [data["key"] for event, data in self.received if event == "thing"]

    @property
    def refetches(self) -> int:
        return sum(event == "refetch" for event, _ in self.received)

    async def shows(self, *keys: str) -> None:
        async def check() -> bool:
            assert self.things == list(keys), f"{self.received}"
            return True

        await eventually(check)


@contextlib.asynccontextmanager
async def opened(service: Service, may_see: str = "") -> AsyncIterator[Stream]:
    """A stream of a caller who may see keys that begin so."""
    stream = Stream()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/stream",
        "raw_path": b"/stream",
        "root_path": "",
        "scheme": "http",
        "query_string": f"may_see={may_see}".encode(),
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    running = asyncio.create_task(service.parts.app(scope, stream.receive, stream.send))
    running.add_done_callback(lambda _: stream.end())
    try:
        await eventually(lambda: _is(stream.refetches == 1), what="a refetch at the beginning")
        yield stream
    finally:
        stream.closed.set()
        await asyncio.wait_for(running, 5)


class Following:
    """A live part of a channel; `start` is given to the probe as its task."""

    def __init__(self, channel: Channel, probe: Probe) -> None:
        self.live: Live[int] | None = None
        self.channel = channel
        self.now: dict[str, int] = {}
        self.unknown: set[str] = set()
        self.looked_up: list[str] = []
        self.goes_on = True
        self.router = APIRouter()

        @self.router.get("/stream")
        async def stream(may_see: str = "") -> EventSourceResponse:
            async def wanted(news: News[int]) -> tuple[str, dict[str, Any]] | None:
                return ("thing", {"key": news.key, "now": news.now}) if news.key.startswith(may_see) else None

            assert self.live is not None
            return self.live.stream(wanted, lambda: _is(self.goes_on))

    async def run(self, service: Service) -> None:
        self.live = Live(service.settings.broker, self.channel.topic, events=(ThingChanged,), look_up=self.look_up)
        await self.live.run()

    async def look_up(self, keys: Collection[str]) -> dict[str, int]:
        self.looked_up += keys
        return {key: self.now.get(key, 1) for key in keys if key not in self.unknown}

    @contextlib.asynccontextmanager
    async def started(self, probe: Probe, instance: str = "0") -> AsyncIterator[Service]:
        async with probe.start(routers=[self.router], tasks=[self.run], instance=instance) as service:
            await eventually(lambda: _is(self.live is not None and self.live.connected))
            yield service


async def test_every_stream_gets_what_its_caller_may_see_from_now_on(probe: Probe, channel: Channel) -> None:
    following = Following(channel, probe)
    await channel.send(Sent("old"))
    async with (
        following.started(probe) as service,
        opened(service, "a") as one,
        opened(service, "b") as two,
        opened(service) as all_of_it,
    ):
        await channel.send(Sent("a1"), Sent("b1"), Sent("c1"), Sent("a2"))
        await one.shows("a1", "a2")
        await two.shows("b1")
        await all_of_it.shows("a1", "b1", "c1", "a2")


async def test_every_process_streams_all_partitions(probe: Probe, channel: Channel) -> None:
    first, second = Following(channel, probe), Following(channel, probe)
    async with (
        first.started(probe, "one") as one,
        second.started(probe, "two") as two,
        opened(one) as here,
        opened(two) as there,
    ):
        for number in range(3):
            await channel.send(Sent(f"k{number}"), partition=number)
            await here.shows(*(f"k{earlier}" for earlier in range(number + 1)))
        await there.shows("k0", "k1", "k2")


async def test_what_is_not_there_or_not_wanted_is_passed_over(probe: Probe, channel: Channel) -> None:
    following = Following(channel, probe)
    following.unknown = {"gone"}
    async with following.started(probe) as service, opened(service) as stream:
        await channel.send(
            Sent("a", value=None),
            Sent("b", type="not.ours.v1"),
            Sent("c", without=("ce_id",)),
            Sent("d", headers={"ce_sequence": b"x"}),
            Sent("gone"),
        )
        await channel.send(Sent("good"))
        await stream.shows("good")
        assert following.looked_up == ["gone", "good"]


async def test_a_stream_tells_what_is_now_and_a_late_duplicate_tells_nothing(probe: Probe, channel: Channel) -> None:
    following = Following(channel, probe)
    following.now = {"a": 6}
    async with following.started(probe) as service, opened(service) as stream:
        await channel.send(Sent("a", 5), Sent("a", 6), Sent("a", 5), Sent("end"))
        await stream.shows("a", "a", "end")
        assert [data["now"] for event, data in stream.received if event == "thing"] == [6, 6, 1]


async def test_a_stream_opened_on_a_late_duplicate_is_told_what_is_now(probe: Probe, channel: Channel) -> None:
    following = Following(channel, probe)
    following.now = {"a": 6}
    async with following.started(probe) as service, opened(service) as stream:
        await channel.send(Sent("a", 5, name="as it was"), Sent("end"))
        await stream.shows("a", "end")
        assert ("thing", {"key": "a", "now": 6}) in stream.received


async def test_records_that_nobody_listens_to_are_not_even_looked_at(probe: Probe, channel: Channel) -> None:
    following = Following(channel, probe)
    async with following.started(probe) as service:
        async with opened(service) as stream:
            await channel.send(Sent("heard"))
            await stream.shows("heard")
        second = Following(channel, probe)
        async with second.started(probe, "other") as other, opened(other) as stream:
            await channel.send(Sent("unheard"))
            await stream.shows("unheard")
        async with opened(service) as stream:
            await channel.send(Sent("heard again"))
            await stream.shows("heard again")
        assert following.looked_up == ["heard", "heard again"]


async def test_a_stream_is_told_to_refetch_when_the_connection_is_made_anew(
    probe: Probe, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0.1)
    following = Following(channel, probe)
    async with following.started(probe) as service, opened(service) as stream:
        await channel.send_unreadable()  # the consumer fails on it and begins anew
        await eventually(lambda: _is(stream.refetches == 2))
        await channel.send(Sent(f"after-{uuid.uuid4().hex[:4]}"))
        await eventually(lambda: _is(len(stream.things) == 1))


async def test_a_stream_that_falls_behind_is_told_to_refetch(
    probe: Probe, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = Following(channel, probe)
    async with following.started(probe) as service, contextlib.AsyncExitStack() as streams:
        with monkeypatch.context() as small:
            small.setattr(live, "QUEUE_LIMIT", 5)
            slow = await streams.enter_async_context(opened(service))
        slow.door.clear()
        quick = await streams.enter_async_context(opened(service))
        keys = [f"k{number}" for number in range(40)]
        for key in keys:
            await channel.send(Sent(key))
        await quick.shows(*keys)  # each was put into both queues
        slow.door.set()
        await eventually(lambda: _is(slow.refetches == 2))
        await channel.send(Sent("last"))
        await eventually(lambda: _is("last" in slow.things))
        assert len(slow.things) < len(keys)


async def test_a_stream_ends_when_its_caller_has_gone(
    probe: Probe, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.1)
    following = Following(channel, probe)
    async with following.started(probe) as service, opened(service) as stream:
        following.goes_on = False
        await eventually(lambda: _is(stream.ended))
        assert following.live is not None and not following.live._listeners


async def test_a_closed_stream_leaves_nothing_behind(probe: Probe, channel: Channel) -> None:
    following = Following(channel, probe)
    async with following.started(probe) as service:
        async with opened(service), opened(service):
            assert following.live is not None and len(following.live._listeners) == 2
        assert len(following.live._listeners) == 0


async def _is(value: bool) -> bool:
    return value
