"""Carrying out what a form asks for, with the refusals that a page shows beside what was typed."""

from typing import Any

from fastapi import Request

from services.portal.gateway.backends import Refused
from services.portal.gateway.paths import Path
from services.portal.gateway.sessions import Session
from services.portal.pages.base.page import backends_of
from shared.ids import new_id
from shared.problems import NotFound


async def refusal_of(
    request: Request,
    session: Session,
    service: str,
    method: str,
    path: Path,
    form: dict[str, str],
    *,
    body: dict[str, Any] | None = None,
    version: int | None = None,
) -> Refused | None:
    """Carry out one act, with the form's key; why it was refused, or None when it was done.

    Raises NotFound for what is not there, and a refusal for want of permission as it is.
    """
    key = form.get("idempotency_key") or new_id()
    try:
        await backends_of(request).call(session, service, method, path, key=key, version=version, json=body)
    except Refused as refused:
        if refused.answered == 404:
            raise NotFound() from refused
        if refused.answered == 403:
            raise
        return refused
    return None
