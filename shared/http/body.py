"""The body of a request."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from shared.contracts.base import TEXT_BROKEN, is_broken


class Body(BaseModel):
    """What a client asks for.

    A field that is not known is refused: a misspelt one must not count as left out. So is a text that could not be
    kept or told as it is, at any depth.
    """

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _can_be_kept(cls, value: Any) -> Any:
        if any(is_broken(text) for text in _texts(value)):
            raise TEXT_BROKEN
        return value


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case BaseModel():
            for _, part in value:
                yield from _texts(part)
        case dict():
            for name, part in value.items():
                yield from _texts(name)
                yield from _texts(part)
        case list() | tuple():
            for part in value:
                yield from _texts(part)
