"""Refuses what a foreign page makes a browser send (OWASP CSRF cheat sheet; ASVS 5, 3.5). Plain ASGI.

A second lock beside the tokens of forms: it holds where there is no session yet, so that nobody is signed in by
somebody else. Programs send neither header and are not touched.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OWN_SITE = ("same-origin", "none")
REFUSAL = "This was sent by a page of another site, and was not carried out.\n"


class SameSite:
    def __init__(self, app: ASGIApp, *, public_url: str) -> None:
        self._app = app
        self._own = urlsplit(public_url).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and not self.is_own(Headers(scope=scope)):
            await PlainTextResponse(REFUSAL, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def is_own(self, headers: Headers) -> bool:
        """Whether a request comes from a page of ours, or from no page at all."""
        if "sec-fetch-site" in headers:
            return headers["sec-fetch-site"] in OWN_SITE
        if "origin" in headers:
            return urlsplit(headers["origin"]).netloc in (self._own, headers.get("host", ""))
        return True
