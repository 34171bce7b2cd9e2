"""A small HTTP/1.1 client over bare streams: on two cores the load must cost less than what it measures."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson


class Connection:
    """One keep-alive connection to one service."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._token = token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(self, method: str, path: str, body: bytes = b"", *, key: str = "") -> tuple[int, bytes]:
        """Status and body of one answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self._token}\r\n"
        if key:
            head += f"Idempotency-Key: {key}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"\r\n" + body)
        status_line = await reader.readline()
        length = 0
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return int(status_line.split()[1]), await reader.readexactly(length)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


@dataclass
class Measured:
    """What a load saw: how many, in how long, each one's duration in seconds, and what failed."""

    seconds: float = 0.0
    durations: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.durations) / self.seconds if self.seconds else 0.0

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.durations)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


async def measure(
    work: Callable[[int, int], Awaitable[str | None]], *, workers: int, seconds: float, pace_per_second: float = 0.0
) -> Measured:
    """Run `work(worker, number)` over and over for some seconds; with a pace, evenly spread over the workers.

    `work` returns None, or what went wrong.
    """
    measured = Measured()
    started = time.perf_counter()
    end = started + seconds

    async def worker(number: int) -> None:
        step = workers / pace_per_second if pace_per_second else 0.0
        turn = started + step * number / workers
        count = 0
        while time.perf_counter() < end:
            if step:
                await asyncio.sleep(max(0.0, turn - time.perf_counter()))
                turn += step
            begun = time.perf_counter()
            problem = await work(number, count)
            count += 1
            if problem is None:
                measured.durations.append(time.perf_counter() - begun)
            else:
                measured.failures.append(problem)

    await asyncio.gather(*(worker(number) for number in range(workers)))
    measured.seconds = time.perf_counter() - started
    return measured


def as_json(value: object) -> bytes:
    return orjson.dumps(value)
