"""Cursor paging: the client gets an opaque cursor for the next page; order is stable, no page is capped silently."""

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar, cast

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

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
    next: str | None = Field(default=None, description="cursor of the page behind this one")
    previous: str | None = Field(default=None, description="cursor of the page before this one")
    total: int | None = Field(default=None, description="of all pages, where it was asked for and is not too many")


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
