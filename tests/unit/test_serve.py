"""A request that does not arrive holds its connection for a bounded time only."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from shared import serve
from shared.serve import Punctual
from tests.support.waiting import eventually

LATE = b"HTTP/1.1 408 "


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(body.decode())(scope, receive, send)


async def is_started(server: uvicorn.Server) -> bool:
    return server.started


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(serve, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(serve, "BODY_SECONDS", 0.6)
    server = uvicorn.Server(uvicorn.Config(echo, port=0, http=Punctual, lifespan="off", log_config=None))
    with contextlib.suppress(asyncio.CancelledError):
        task = asyncio.create_task(server.serve())
        await eventually(lambda: is_started(server), within=10, what="the server does not start")
        yield server.servers[0].sockets[0].getsockname()[1]
        server.should_exit = True
        await task


async def answer_to(port: int, *parts: bytes) -> bytes:
    """All that comes until the server closes; it has five seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
async def test_a_request_that_stays_half_sent_is_answered_408_and_its_connection_closed(port: int, half: bytes) -> None:
    assert (await answer_to(port, half)).startswith(LATE)


async def test_the_time_counts_again_for_each_request_of_a_connection(port: int) -> None:
    whole = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwhole"
    first, _, second = (await answer_to(port, whole, whole[:-2])).partition(b"whole")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(LATE)


async def test_a_slow_request_within_its_time_is_answered(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in (b"POST / HTTP/1.1\r\nHost: x\r\n", b"Content-Length: 4\r\n\r\n", b"sl", b"ow"):
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.1)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()
