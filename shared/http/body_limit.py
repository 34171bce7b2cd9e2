"""A limit on what one request may bring, before anything of it is kept. Plain ASGI."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.problems import Problem, response_of

MOST_BYTES = 2_000_000


class BodyTooLarge(Problem):
    status = 413
    code = "body_too_large"
    title = "The body is larger than is taken"


class _Exceeded(Exception):
    """The body grew beyond the limit while it was read."""


class BodyLimit:
    def __init__(self, app: ASGIApp, *, most: int = MOST_BYTES) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._most:
            await response_of(BodyTooLarge())(scope, receive, send)
            return
        received = 0
        is_answered = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                raise _Exceeded()
            return message

        async def sent(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self._app(scope, counted, sent)
        except _Exceeded:
            if not is_answered:
                await response_of(BodyTooLarge())(scope, receive, send)
