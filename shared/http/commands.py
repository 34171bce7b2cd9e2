"""Idempotency of commands, and versions in headers."""

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from shared.http.caller import CallerDep
from shared.outbox.command import Command
from shared.problems import Problem

MAX_KEY_LENGTH = 200
_ETAG = re.compile(r'^(?:W/)?"v(\d{1,18})"$')


class IdempotencyKeyMissing(Problem):
    status = 400
    code = "idempotency_key_missing"
    title = "Every write needs an Idempotency-Key header"


class IfMatchInvalid(Problem):
    status = 400
    code = "if_match_invalid"
    title = "If-Match takes one entity tag as it was given, or *"


async def required(
    request: Request,
    caller: CallerDep,
    idempotency_key: Annotated[str | None, Header(max_length=MAX_KEY_LENGTH)] = None,
) -> Command:
    if not idempotency_key:
        raise IdempotencyKeyMissing(field="Idempotency-Key", rule="required")
    told = request.url.query.encode() + b"\n" + await request.body()
    return Command(
        caller_id=caller.id,
        route=f"{request.method} {request.url.path}",
        key=idempotency_key,
        body_hash=hashlib.sha256(told).hexdigest(),
    )


async def optional(
    request: Request,
    caller: CallerDep,
    idempotency_key: Annotated[str | None, Header(max_length=MAX_KEY_LENGTH)] = None,
) -> Command | None:
    return await required(request, caller, idempotency_key) if idempotency_key else None


async def if_match(if_match: Annotated[str | None, Header(max_length=MAX_KEY_LENGTH)] = None) -> int | None:
    """The version that a command is about; None for any."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.match(if_match.strip())
    if found is None:
        raise IfMatchInvalid(field="If-Match", rule="entity_tag")
    return int(found.group(1))


CommandDep = Annotated[Command, Depends(required)]
OptionalCommandDep = Annotated[Command | None, Depends(optional)]
"""For PUT and PATCH, whose repetition If-Match or their own nature makes harmless."""
IfMatch = Annotated[int | None, Depends(if_match)]


def etag(version: int) -> str:
    return f'"v{version}"'


def with_etag(response: Response, version: int) -> None:
    response.headers["ETag"] = etag(version)
