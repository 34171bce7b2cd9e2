"""What the demonstration saw: the story in product time, and how long each hop really took."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")
PATIENCE_SECONDS = 15.0
POLL_SECONDS = 0.02


class HopMissing(Exception):
    """Something did not happen in time; the text says what."""


@dataclass(frozen=True)
class Line:
    at: datetime
    what: str
    hop: str = ""
    milliseconds: float | None = None


@dataclass
class Timeline:
    zone: ZoneInfo
    lines: list[Line] = field(default_factory=list)

    def note(self, at: datetime, what: str) -> None:
        """Something that a person or a party did."""
        self._add(Line(at, what))

    def hop(self, at: datetime, what: str, hop: str, seconds: float) -> None:
        """Something that followed, and how long after its cause."""
        self._add(Line(at, what, hop, max(seconds, 0.0) * 1000))

    def _add(self, line: Line) -> None:
        self.lines.append(line)
        clock = line.at.astimezone(self.zone).strftime("%a %d %b %H:%M")
        took = f"{line.milliseconds:7.0f} ms  {line.hop}" if line.milliseconds is not None else ""
        print(f"  {clock}  {line.what:<74.74}  {took}", flush=True)


async def wait_for(what: str, look: Callable[[], Awaitable[T | None]], *, patience: float = PATIENCE_SECONDS) -> T:
    """Look until something is there and return it. Raises HopMissing naming `what`."""
    limit = time.monotonic() + patience
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > limit:
            raise HopMissing(f"{what}: did not happen within {patience:.0f} s")
        await asyncio.sleep(POLL_SECONDS)
