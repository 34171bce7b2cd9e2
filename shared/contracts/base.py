"""The common form of everything that travels over a topic."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Moments from outside lie in these years: within them every time zone's moment has a UTC one."""

TEXT_BROKEN = PydanticCustomError("text_broken", "must not hold a NUL or half of a surrogate pair")


def is_broken(text: str) -> bool:
    """Whether stores, mails or other programs would stumble over a text."""
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


class Contract(BaseModel):
    """A frozen value. Readers ignore fields that they do not know, so that a version may grow by optional fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Contract):
    """One kind of record on one topic.

    The wire form is CloudEvents 1.0 in Kafka's binary mode: `type` travels in the header `ce_type`, the fields of the
    class are the JSON value. The key is the aggregate's id.
    """

    topic: ClassVar[str]
    type: ClassVar[str]
