"""The portal's cookies: the session's, and the visitor's that binds forms before sign-in. No token, no person."""

import re

from fastapi import Request
from starlette.responses import Response

from services.portal.settings import Settings

VISITOR_SECONDS = 3600 * 24
LANGUAGE_SECONDS = 3600 * 24 * 365
DEVICE_SECONDS = 3600 * 24 * 365

DEVICE_TOKEN = re.compile("[A-Za-z0-9_-]{32,100}")


def _name(settings: Settings, plain: str) -> str:
    return f"__Host-{plain}" if settings.https else plain


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def session_cookie(request: Request) -> str | None:
    return request.cookies.get(_name(_settings(request), "lockstep"))


def visitor_cookie(request: Request) -> str | None:
    return request.cookies.get(_name(_settings(request), "lockstep-visitor"))


def language_cookie(request: Request) -> str | None:
    return request.cookies.get(_name(_settings(request), "lockstep-language"))


def device_cookie(request: Request) -> str | None:
    """By which identity knows a browser again: nobody can use up its tries from elsewhere."""
    found = request.cookies.get(_name(_settings(request), "lockstep-device"), "")
    return found if DEVICE_TOKEN.fullmatch(found) else None


def set_device(settings: Settings, response: Response, token: str) -> None:
    _set(settings, response, "lockstep-device", token, DEVICE_SECONDS)


def set_session(settings: Settings, response: Response, cookie: str) -> None:
    _set(settings, response, "lockstep", cookie, settings.session_hours * 3600)


def set_visitor(settings: Settings, response: Response, cookie: str) -> None:
    _set(settings, response, "lockstep-visitor", cookie, VISITOR_SECONDS)


def set_language(settings: Settings, response: Response, language: str) -> None:
    _set(settings, response, "lockstep-language", language, LANGUAGE_SECONDS)


def clear_session(settings: Settings, response: Response) -> None:
    response.delete_cookie(_name(settings, "lockstep"), path="/", secure=settings.https, httponly=True, samesite="lax")


def _set(settings: Settings, response: Response, plain: str, value: str, seconds: int) -> None:
    response.set_cookie(
        _name(settings, plain),
        value,
        max_age=seconds,
        path="/",
        secure=settings.https,
        httponly=True,
        samesite="lax",
    )
