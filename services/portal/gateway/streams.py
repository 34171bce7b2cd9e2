"""How many event streams may be open at once: a bounded number for one session, and for the process.

Whoever gets none goes on by asking from time to time; nothing else of the portal is touched by open tabs.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.problems import Problem

RETRY_SECONDS = 60


class TooManyStreams(Problem):
    status = 429
    code = "too_many_streams"
    title = "Too many live streams are open; ask from time to time instead"


class Streams:
    """The open streams of this process, by who holds them."""

    def __init__(self, *, each: int, all_together: int) -> None:
        self._each = each
        self._most = all_together
        self._open: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._open.total()

    @contextlib.contextmanager
    def place(self, holder: str) -> Iterator[None]:
        """A place for one stream, for as long as it is open. Raises TooManyStreams."""
        if self._open[holder] >= self._each or len(self) >= self._most:
            raise TooManyStreams(headers={"Retry-After": str(RETRY_SECONDS)})
        self._open[holder] += 1
        try:
            yield
        finally:
            self._open[holder] -= 1
            if not self._open[holder]:
                del self._open[holder]


class HeldStream(StreamingResponse):
    """A response that holds something, such as its place and its source, until it has ended in whatever way."""

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        held: contextlib.AsyncExitStack,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(chunks, status_code, headers=headers, media_type=media_type)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)
