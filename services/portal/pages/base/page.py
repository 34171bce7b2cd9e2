"""Opening a page: who reads it, in which language and zone, and what the services say, asked all at once."""

import hmac
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.portal.gateway.addresses import client_address, counted_as
from services.portal.gateway.backends import Backends, Part, ServiceDown, SignedOut, parts
from services.portal.gateway.cookies import language_cookie, session_cookie, set_visitor, visitor_cookie
from services.portal.gateway.paths import v1
from services.portal.gateway.rates import RateLimit
from services.portal.gateway.sessions import Session, Sessions, form_token
from services.portal.locale.texts import LANGUAGES, Texts, chosen_language, chosen_zone
from services.portal.pages.base.models import EditionView, Me
from services.portal.pages.base.navigation import areas, footer_links
from shared.access.permissions import refusal
from shared.clock import Clock
from shared.contracts.actions import Action, Relation
from shared.contracts.texts import cleaned
from shared.http.caller import Declaration
from shared.problems import Forbidden

log = logging.getLogger(__name__)

EDITION_SECONDS = 30.0
KEY = re.compile("[ -~]{1,200}")
"""An Idempotency-Key, as every service takes it: printable ASCII."""

HOME_COUNTRY = {"de": "DE", "fi": "FI", "fr": "FR", "it": "IT", "es": "ES", "en": "GB"}


SECRET_FIELDS = ("password", "current_password", "new_password")
"""What is taken as it was typed, space at the ends included."""


class FormExpired(Forbidden):
    """The form's token does not belong to this browser's session: it was open while that ended or began."""

    code = "form_expired"

    def __init__(self, session: Session | None, posted: Mapping[str, str]) -> None:
        super().__init__("The page was open for too long.")
        self.session = session
        self.posted = posted


def backends_of(request: Request) -> Backends:
    backends: Backends = request.app.state.backends
    return backends


async def current_session(request: Request) -> Session | None:
    """The session of the browser, or None. Counts the request."""
    sessions: Sessions = request.app.state.sessions
    rates: Mapping[str, RateLimit] = request.app.state.rates
    cookie = session_cookie(request)
    session = await sessions.find(cookie) if cookie else None
    if session:
        rates["session"].take(session.id)
    else:
        rates["address"].take(counted_as(client_address(request)))
    return session


VisitorDep = Annotated[Session | None, Depends(current_session)]


async def needed_session(session: VisitorDep) -> Session:
    if session is None:
        raise SignedOut()
    return session


SessionDep = Annotated[Session, Depends(needed_session)]


@dataclass(frozen=True, slots=True)
class PageDoor(Declaration):
    """Lets a signed-in person in. What is no one object's is decided when the page knows who reads (`open_page`)."""

    async def __call__(self, request: Request, session: SessionDep) -> Session:
        request.state.action = self.action
        return session


def may(action: Action) -> Any:
    """The dependency of a page that is for people who may do this; its value is the session."""
    return Depends(PageDoor(action))


async def checked_form(request: Request, session: VisitorDep) -> dict[str, str]:
    """The fields of a posted form, with surrounding space taken off but of secrets. Raises FormExpired.

    Nobody without a visitor's cookie has a valid token: what is the same for everybody proves nothing.

    Texts are cleaned as at the services, so that both count alike: browsers count a line break as one character and
    send two.
    An idempotency key that no header can hold is left out: nothing can have been sent with it, so a fresh one will do.
    """
    posted = {
        name: value if name in SECRET_FIELDS else cleaned(value).replace("\0", "")
        for name, value in (await request.form()).items()
        if isinstance(value, str)
    }
    visitor = visitor_cookie(request)
    expected = session.csrf if session else form_token(request.app.state.form_key, visitor) if visitor else None
    token = posted.pop("csrf", "")
    if expected is None or not hmac.compare_digest(token.encode(), expected.encode()):
        raise FormExpired(session, posted)
    if not KEY.fullmatch(posted.get("idempotency_key", "")):
        posted.pop("idempotency_key", None)
    return posted


FormDep = Annotated[dict[str, str], Depends(checked_form)]


@dataclass(slots=True)
class Page:
    """What every template needs, and the parts that this page asked for."""

    request: Request
    session: Session | None
    me: Me | None
    texts: Texts
    edition: EditionView | None
    visitor: str
    parts: dict[str, Part] = field(default_factory=dict)
    identity_down: bool = False

    def render(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        csrf = self.session.csrf if self.session else form_token(self.request.app.state.form_key, self.visitor)
        html = self.request.app.state.templates.render(
            template,
            self.texts.language,
            {
                "t": self.texts,
                "me": self.me,
                "areas": areas(self.texts, self.me) if self.me else [],
                "edition": self.edition,
                "footer_links": footer_links(self.texts, self.edition),
                "csrf": csrf,
                "languages": LANGUAGES,
                "here": self.request.url.path,
                "address": self.request.url.path + (f"?{self.request.url.query}" if self.request.url.query else ""),
                "identity_down": self.identity_down,
                **values,
            },
        )
        response = HTMLResponse(html, status, headers={"Content-Language": self.texts.language})
        if self.session is None and visitor_cookie(self.request) != self.visitor:
            set_visitor(self.request.app.state.settings, response, self.visitor)
        return response

    def value(self, name: str) -> Any:
        return self.parts[name].value

    def down(self, name: str) -> bool:
        return self.parts[name].down


def visitor_of(request: Request) -> str:
    """The visitor's cookie, or a new one for this answer to set."""
    return visitor_cookie(request) or secrets.token_urlsafe(16)


async def open_page(request: Request, session: Session | None, **calls: Awaitable[Any]) -> Page:
    """Ask identity who reads, and the services for the parts, all at once.

    When identity is away, the person is shown as he was last known. Raises SignedOut, Refused (400 and 409–422), and
    Forbidden for a page that is not for him.
    """
    backends = backends_of(request)
    asked = await parts(me=me_of(backends, session), **calls)
    me = asked.pop("me")
    person = me.value or (last_known(session) if session else None)
    _require(request, person)
    edition = await edition_for(request, person)
    return Page(
        request=request,
        session=session,
        me=person,
        texts=texts_for(request, person, edition),
        edition=edition,
        visitor=visitor_of(request),
        parts=asked,
        identity_down=me.down,
    )


def _require(request: Request, person: Me | None) -> None:
    action: Action | None = getattr(request.state, "action", None)
    if action is None or action.relation is not Relation.NONE or person is None or person.may(action.name):
        return
    raise refusal(action)


async def me_of(backends: Backends, session: Session | None) -> Me | None:
    if session is None:
        return None
    answer = await backends.call(session, "identity", "GET", v1("me"))
    await backends.sessions.remember_me(session, answer)
    return Me.model_validate(answer)


def last_known(session: Session) -> Me | None:
    """The person as identity last described him."""
    return Me.model_validate(session.me) if session.me else None


def country_of(request: Request, me: Me | None) -> str:
    """The edition to show: the person's country, else the region or language that his browser asks for."""
    if me and me.country:
        return me.country
    wanted = request.headers.get("accept-language", "").split(",")[0].strip()
    region = wanted.partition("-")[2].upper()
    if re.fullmatch("[A-Z]{2}", region):
        return region
    return home_country(request, me)


def home_country(request: Request, me: Me | None) -> str:
    """The country of the reader's language: its edition stands in for one that there is not (en-US)."""
    wanted = me.language if me else language_cookie(request) or request.headers.get("accept-language")
    return HOME_COUNTRY[chosen_language(wanted)]


def texts_for(request: Request, me: Me | None, edition: EditionView | None) -> Texts:
    clock: Clock = request.app.state.clock
    if me:
        return Texts(chosen_language(me.language), chosen_zone(me.time_zone), clock())
    language = chosen_language(language_cookie(request) or request.headers.get("accept-language"))
    return Texts(language, chosen_zone(edition.time_zone if edition else None), clock())


async def edition_for(request: Request, me: Me | None) -> EditionView | None:
    """The reader's edition: his country's, else his language's. None only while identity is away."""
    return await _edition(request, country_of(request, me)) or await _edition(request, home_country(request, me))


async def _edition(request: Request, country: str) -> EditionView | None:
    """A country's edition, kept for half a minute; the last known one, or None, while identity is away."""
    known: dict[str, tuple[float, EditionView | None]] = request.app.state.editions
    kept = known.get(country)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    edition = kept[1] if kept else None
    try:
        answer = await backends_of(request).ask("identity", "GET", v1("editions", country))
        if answer.status_code == 200:
            edition = EditionView.model_validate(answer.json())
    except ServiceDown:
        log.info("the edition is shown as last known", extra={"country": country})
    except ValidationError as error:
        log.warning("an edition of a form that the pages do not know", extra={"error": str(error)})
    known[country] = (time.monotonic() + EDITION_SECONDS, edition)
    return edition


def see_other(address: str) -> Response:
    """After a form: the page that shows its effect."""
    return RedirectResponse(address, 303)


def own_address(wanted: str | None) -> str:
    """A place inside the portal to go to next; anything else leads home."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    return wanted
