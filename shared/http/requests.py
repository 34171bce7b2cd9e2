"""Around every request: its ids for logs and events, its duration for the metrics. Plain ASGI: streams stay streams."""

import time
import uuid
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import context, metrics

MAX_ID_LENGTH = 100


class RequestContext:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = _text(headers.get(b"x-request-id")) or str(uuid.uuid4())
        context.request_id.set(request_id)
        context.correlation_id.set(_text(headers.get(b"x-correlation-id")) or request_id)
        context.traceparent.set(_text(headers.get(b"traceparent")))
        status = 500
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            route: Any = scope.get("route")
            metrics.REQUESTS.labels(scope["method"], getattr(route, "path", "unknown"), str(status)).observe(
                time.perf_counter() - started
            )


def _text(value: bytes | None) -> str | None:
    if not value or len(value) > MAX_ID_LENGTH:
        return None
    text = value.decode("ascii", "ignore")
    return text if text.isprintable() else None
