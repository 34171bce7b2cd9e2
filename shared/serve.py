"""Serves one service over HTTP: `python -m shared.serve identity --port 8000`.

Who connects has to say what he wants: a request whose head or body does not arrive in time is answered 408 and its
connection closed, so that half-sent requests hold nothing.
"""

import argparse
import asyncio
from collections.abc import Sequence

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""From the connection, or the first byte of a later request, to the end of its head."""
BODY_SECONDS = 60.0
"""From the end of the head to the end of the body: two megabytes at 33 kB/s."""
STOP_SECONDS = 5

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Punctual(HttpToolsProtocol):
    """HTTP/1.1 whose requests have to arrive within their time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_for(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._await_for(HEAD_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._await_for(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._arrived()
        super().on_message_complete()

    def _await_for(self, seconds: float) -> None:
        self._arrived()
        self._deadline = self.loop.call_later(seconds, self._give_up)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        is_answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if not is_answering:
            self.transport.write(_TIMED_OUT)
        self.transport.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Serve one service over HTTP.")
    parser.add_argument("service", help="its folder in services/")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args(arguments)
    uvicorn.run(
        f"services.{chosen.service}.main:create_app",
        factory=True,
        host=chosen.host,
        port=chosen.port,
        http=Punctual,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


if __name__ == "__main__":
    main()
