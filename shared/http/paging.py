"""Cursor paging: the client gets an opaque cursor for the next page; order is stable, no page is capped silently."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar, cast

import orjson
from fastapi import Query
from pydantic import BaseModel

from shared.contracts.base import FIRST_YEAR, LAST_YEAR
from shared.problems import Problem

Limit = Annotated[int, Query(ge=1, le=200, description="page size")]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


class CursorInvalid(Problem):
    status = 400
    code = "cursor_invalid"
    title = "The cursor is not one of ours"


T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = None
    total: int | None = None


def encode_cursor(position: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def decode_cursor(cursor: str) -> dict[str, Any]:
    """The position behind a cursor. Raises CursorInvalid."""
    try:
        position = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid(field="cursor", rule="cursor_invalid") from error
    if not isinstance(position, dict):
        raise CursorInvalid(field="cursor", rule="cursor_invalid")
    return cast(dict[str, Any], position)


def moment_and_id(cursor: str, *, at: str = "at", of: str = "id") -> tuple[datetime, str]:
    """Where the next page of a list by time begins: a moment in UTC and an id, by their names in the cursor.

    Raises CursorInvalid, also for a moment with which nobody can reckon.
    """
    position = decode_cursor(cursor)
    try:
        moment, last_id = datetime.fromisoformat(position[at]).astimezone(UTC), position[of]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CursorInvalid(field="cursor", rule="cursor_invalid") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR or not isinstance(last_id, str) or "\0" in last_id:
        raise CursorInvalid(field="cursor", rule="cursor_invalid")
    return moment, last_id
