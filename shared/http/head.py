"""HEAD wherever there is GET (RFC 9110, 9.1 and 9.3.2): the same answer without its body. Plain ASGI."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Asks the application for GET and keeps what it sends to itself but the beginning.

    The client counts as gone after that, so that a stream ends and nothing more is made.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        begun = False

        async def receive_until_begun() -> Message:
            return {"type": "http.disconnect"} if begun else await receive()

        async def send_the_beginning(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and not begun:
                begun = True
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app({**scope, "method": "GET"}, receive_until_begun, send_the_beginning)
