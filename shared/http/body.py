"""The body of a request."""

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from shared.contracts.base import TEXT_BROKEN, is_broken
from shared.contracts.texts import cleaned_all


class Body(BaseModel):
    """What a client asks for.

    A field that is not known is refused: a misspelt one must not count as left out. Texts are cleaned before they are
    counted; one that could not be kept or told even so is refused, at any depth.
    """

    model_config = ConfigDict(extra="forbid")
    verbatim: ClassVar[frozenset[str]] = frozenset()
    """Fields that are taken as they come, such as secrets."""

    @model_validator(mode="before")
    @classmethod
    def _cleaned(cls, value: Any) -> Any:
        return cleaned_all(value, but=cls.verbatim)

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
