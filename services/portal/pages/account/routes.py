"""Sign-in and sign-out, language, profile and own sessions."""

import logging
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.addresses import client_address, counted_as
from services.portal.gateway.backends import Refused, ServiceDown, tokens_of
from services.portal.gateway.cookies import clear_session, device_cookie, set_device, set_language, set_session
from services.portal.gateway.paths import one, v1
from services.portal.gateway.sessions import Session, Sessions
from services.portal.locale.texts import LANGUAGES, mark
from services.portal.pages.base.models import SessionView
from services.portal.pages.base.page import (
    FormDep,
    SessionDep,
    VisitorDep,
    backends_of,
    may,
    open_page,
    own_address,
    see_other,
)
from services.portal.pages.components.labels import ROLES
from services.portal.pages.components.refusals import by_field, sentence
from shared.contracts import actions
from shared.http.caller import public

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

PROFILE = ("first_name", "last_name", "phone", "language", "time_zone")
REGIONS = ("Europe/", "Atlantic/", "Africa/", "America/", "Asia/", "Australia/", "Pacific/")
NEEDED = mark("Please fill this in.")


@router.get("/sign-in", dependencies=[public(actions.SIGN_IN)])
async def sign_in_form(request: Request, session: VisitorDep, next: str = "/", ended: str = "") -> Response:
    if session is not None:
        return see_other(own_address(next))
    page = await open_page(request, None)
    return page.render("account/sign_in.html", next=own_address(next), form={}, errors={}, ended=bool(ended))


@router.post("/sign-in", dependencies=[public(actions.SIGN_IN)])
async def sign_in(request: Request, session: VisitorDep, form: FormDep) -> Response:
    address = client_address(request)
    request.app.state.rates["sign_in"].take(counted_as(address))
    settings, sessions = request.app.state.settings, request.app.state.sessions
    target = own_address(form.get("next"))
    device = device_cookie(request)
    backends = backends_of(request)
    answer = await backends.ask(
        "identity",
        "POST",
        v1("sessions"),
        headers={"User-Agent": request.headers.get("user-agent", "")} | backends.stating(address),
        json={"email": form.get("email", ""), "password": form.get("password", ""), "device_token": device},
    )
    if answer.status_code not in (200, 201):
        page = await open_page(request, None)
        texts = page.texts
        if answer.status_code == 429:
            message = texts.text("Too many tries. Please wait a minute.")
        elif answer.status_code >= 500:
            message = texts.text("Sign-in is not possible right now. Please try again in a moment.")
        else:
            message = texts.text("That e-mail and password do not match.")
        return page.render(
            "account/sign_in.html",
            status=answer.status_code if answer.status_code >= 500 else 401,
            next=target,
            form={"email": form.get("email", "")},
            errors={"email": message},
            ended=False,
        )
    body = answer.json()
    opened = await sessions.open(body["user_id"], body["session_id"], tokens_of(body))
    if session is not None:
        await sessions.close(session)
    response = see_other(target)
    set_session(settings, response, opened.cookie)
    if token := body.get("device_token"):
        set_device(settings, response, token)
    return response


@router.post("/sign-out", dependencies=[public(actions.KEEP_SESSION)])
async def sign_out(request: Request, session: VisitorDep, form: FormDep) -> Response:
    response = see_other("/sign-in")
    response.headers["Clear-Site-Data"] = '"storage"'
    clear_session(request.app.state.settings, response)
    if session is not None:
        if (language := str((session.me or {}).get("language"))) in LANGUAGES:
            set_language(request.app.state.settings, response, language)
        sessions: Sessions = request.app.state.sessions
        await sessions.close(session)
        try:
            await backends_of(request).ask(
                "identity", "POST", v1("sessions", "sign-out"), json={"refresh_token": session.tokens.refresh}
            )
        except ServiceDown:
            log.warning("signed out here alone: identity is away, and the tokens are forgotten")
    return response


@router.post("/language", dependencies=[public(actions.LOOK_AROUND)])
async def choose_language(request: Request, session: VisitorDep, form: FormDep) -> Response:
    language = form.get("language", "")
    response = see_other(own_address(form.get("next")))
    if language in LANGUAGES:
        set_language(request.app.state.settings, response, language)
        if session is not None:
            await backends_of(request).call(session, "identity", "PATCH", v1("me"), json={"language": language})
    return response


@router.get("/profile")
async def profile(
    request: Request, session: Annotated[Session, may(actions.READ_PROFILE)], saved: str = ""
) -> Response:
    return await _profile(request, session, {}, {}, saved=bool(saved))


async def _profile(
    request: Request, session: SessionDep, form: dict[str, str], errors: dict[str, str], *, saved: bool = False
) -> Response:
    page = await open_page(
        request, session, sessions=backends_of(request).call(session, "identity", "GET", v1("sessions"))
    )
    found = page.value("sessions") or []
    rows = found.get("items", []) if isinstance(found, dict) else found
    sessions = [SessionView.model_validate(item) for item in rows]
    shown = {name: str(getattr(page.me, name, None) or "") for name in PROFILE} | form
    return page.render(
        "account/profile.html",
        status=422 if errors else 200,
        form=shown,
        errors=errors,
        saved=saved,
        zones=_zones(shown["time_zone"]),
        roles={role: page.texts.text(words) for role, words in ROLES.items()},
        sessions=[(one, one.current or one.session_id == session.identity_session_id) for one in sessions],
        sessions_down=page.down("sessions"),
    )


def _zones(present: str) -> list[tuple[str, str]]:
    names = {name for name in available_timezones() if name.startswith(REGIONS)} | {"UTC"}
    if present:
        names.add(present)
    return [(name, name.replace("_", " ")) for name in sorted(names)]


@router.post("/profile")
async def save_profile(
    request: Request, session: Annotated[Session, may(actions.CHANGE_PROFILE)], form: FormDep
) -> Response:
    changes: dict[str, str | None] = {name: form[name] for name in PROFILE if name in form}
    empty = [name for name in ("first_name", "last_name") if not changes.get(name)]
    if empty:
        page = await open_page(request, session)
        return await _profile(request, session, form, {name: page.texts.text(NEEDED) for name in empty})
    changes["phone"] = changes.get("phone") or None
    try:
        await backends_of(request).call(session, "identity", "PATCH", v1("me"), json=changes)
    except Refused as refusal:
        texts = (await open_page(request, session)).texts
        return await _profile(request, session, form, by_field(texts, refusal) or {"": sentence(texts, refusal)})
    response = see_other("/profile?saved=1")
    if form.get("language") in LANGUAGES:
        set_language(request.app.state.settings, response, form["language"])
    return response


@router.post("/profile/sessions/{session_id}/end")
async def end_session(
    request: Request, session: Annotated[Session, may(actions.END_SESSION)], session_id: str, form: FormDep
) -> Response:
    backends = backends_of(request)
    await backends.call(session, "identity", "DELETE", one("sessions", session_id))
    await backends.sessions.close_of(session.user_id, session_id)
    return see_other("/profile#sessions")
