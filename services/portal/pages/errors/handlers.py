"""Refusals and failures as pages: what happened in words, who can help, and the next step as a button."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlencode, urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.portal.gateway.backends import Refused, SignedOut
from services.portal.gateway.cookies import clear_session, session_cookie
from services.portal.gateway.sessions import Session
from services.portal.locale.texts import mark
from services.portal.pages.base.models import Me
from services.portal.pages.base.page import (
    FormExpired,
    Page,
    backends_of,
    edition_for,
    last_known,
    me_of,
    own_address,
    texts_for,
    visitor_of,
)
from services.portal.pages.components.answers import Answer
from services.portal.pages.errors.renewed import form_again
from shared import context
from shared.problems import Problem, Unavailable, allowed_methods, client_gone, response_of

log = logging.getLogger(__name__)

WORDS: dict[int, tuple[str, str, str]] = {
    403: (
        "wait",
        mark("You don't have permission to do this"),
        mark("An administrator of your company can give you the right."),
    ),
    404: (
        "none",
        mark("Page not found"),
        mark("The address may be old, or the thing belongs to somebody else. Search for it, or start at home."),
    ),
    409: ("wait", mark("This no longer fits"), mark("Somebody was faster. Load the page again and look.")),
    429: ("wait", mark("A little slower, please"), mark("Too many requests came from here. Try again in a minute.")),
    503: (
        "wait",
        mark("This part does not answer right now"),
        mark("We know about it and are working on it. Nothing of yours is lost."),
    ),
}
UNREADABLE = (
    "none",
    mark("That could not be read"),
    mark("Something in the address or the form is not as it should be. Start at home, or go back and look again."),
)
SHORTENED = 100
"""Characters of a searched text that every list takes."""

CODES = {404: "not_found", 405: "method_not_allowed", 500: "unexpected"}
OTHER = ("late", mark("Something broke on our side"), mark("We have been told. Please try again."))


def add_error_pages(app: FastAPI) -> None:
    """Pages for people, problem details for `/api`."""

    async def on_signed_out(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        if _wants_data(request):
            response: Response = response_of(error)
        elif "hx-request" in request.headers or request.url.path == "/live":
            response = Response(status_code=401)
        else:
            ended = "ended=1&" if session_cookie(request) else ""
            target = _where(request)
            response = RedirectResponse(f"/sign-in?{ended}next={quote(target, safe='/')}", 303)
        if session_cookie(request):
            clear_session(request.app.state.settings, response)
        return response

    async def on_form_expired(request: Request, error: Exception) -> Response:
        assert isinstance(error, FormExpired)
        try:
            return await form_again(request, error)
        except SignedOut as ended:
            return await on_signed_out(request, ended)
        except Problem as refusal:
            return await on_problem(request, refusal)

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        if _wants_data(request):
            return _data(error)
        status = error.answered if isinstance(error, Refused) else error.status
        if isinstance(error, Refused) and (readable := without_unreadable(request, error)) is not None:
            return RedirectResponse(readable, 303)
        page = await _page(request, status, WORDS.get(status, OTHER if status >= 500 else UNREADABLE))
        page.headers.update(error.headers)
        return page

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return await on_problem(
            request, _Plain(error.status_code, {**(error.headers or {}), **allowed_methods(request, error.status_code)})
        )

    async def on_validation(request: Request, error: Exception) -> Response:
        return await on_problem(request, _Plain(404))

    async def on_store_away(request: Request, error: Exception) -> Response:
        log.error("the store of sessions does not answer", exc_info=error)
        return await on_problem(request, Unavailable())

    async def on_unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected error", exc_info=error)
        return await on_problem(request, _Plain(500))

    app.add_exception_handler(ClientDisconnect, client_gone)
    app.add_exception_handler(SignedOut, on_signed_out)
    app.add_exception_handler(FormExpired, on_form_expired)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(PyMongoError, on_store_away)
    app.add_exception_handler(Exception, on_unexpected)


def without_unreadable(request: Request, refusal: Refused) -> str | None:
    """The address of a list without what could not be read in it: an old cursor, an unknown order, a text too long."""
    query = dict(request.query_params)
    wrong = [name for name in refusal.fields if name in query]
    if request.method != "GET" or not wrong:
        return None
    kept = {name: value for name, value in query.items() if name not in wrong}
    if "q" in wrong and len(query["q"]) > SHORTENED:
        kept["q"] = query["q"][:SHORTENED]
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")


def _where(request: Request) -> str:
    """Where to go on after signing in: this page, or the one whose form was sent."""
    page = urlsplit(str(request.url) if request.method == "GET" else request.headers.get("referer", "/"))
    return own_address(page.path + (f"?{page.query}" if page.query else ""))


class _Plain(Refused):
    """An answer of the portal itself that has no class of its own."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, {"detail": HTTPStatus(status).phrase, "code": CODES.get(status, "http_error")})
        self.headers = dict(headers or {})


def _data(error: Problem) -> Response:
    """Problem details with the status that was answered, which for a Refused is not that of its class."""
    if not isinstance(error, Refused):
        return response_of(error)
    told = error.body() | {"status": error.answered, "title": error.detail, "code": error.reason}
    return JSONResponse(told, error.answered, headers=error.headers, media_type="application/problem+json")


def _wants_data(request: Request) -> bool:
    return request.url.path.startswith(("/api/", "/health", "/assets/"))


async def _page(request: Request, status: int, words: tuple[str, str, str]) -> Response:
    session = await _session(request)
    me = last_known(session) or await _asked(request, session) if session else None
    edition = await edition_for(request, me)
    texts = texts_for(request, me, edition)
    page = Page(request, session, me, texts, edition, visitor_of(request))
    tone, headline, line = words
    ways = [(texts.text("Home"), "/", ""), (texts.text("Contact us"), "/contact", "plain-button")]
    return page.render(
        "errors/error.html",
        status=status,
        answer=Answer(tone, texts.text(headline), (texts.text(line),)),
        code=status,
        ways=ways,
        request_id=context.request_id.get() if status >= 500 else None,
        no_return=True,
    )


async def _asked(request: Request, session: Session) -> Me | None:
    """The person of a session that has not shown a page yet, if identity says so just now."""
    try:
        return await me_of(backends_of(request), session)
    except Problem:
        return None


async def _session(request: Request) -> Session | None:
    """Who sees the error, if that can be told just now."""
    cookie = session_cookie(request)
    if not cookie:
        return None
    try:
        session: Session | None = await request.app.state.sessions.find(cookie)
    except PyMongoError as error:
        log.warning("an error page for nobody in particular", extra={"error": repr(error)})
        return None
    return session
