"""How a consumer is declared: what it reads, as which group, and what kind of work it does.

A **view** keeps a copy of the facts of others: it gets the newest record of each key. A **reaction** changes own data:
it gets every record, in order per key; what it refuses is parked, and later records of that key park behind it.
An **inbound** reaction reads what an outside party sends: what it refuses is parked and answered, and stops nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from shared.contracts.base import Event
from shared.contracts.catalogue import types_of
from shared.wire.envelope import Envelope

D_contra = TypeVar("D_contra", contravariant=True)
"""The form of the service whose handler it is."""


class Kind(Enum):
    VIEW = "view"
    REACTION = "reaction"
    INBOUND = "inbound"


class Refused(Exception):
    """This record can never be carried out; the message says why."""


@dataclass(frozen=True, slots=True)
class Subscription(Generic[D_contra]):
    """One consumer of one topic. `handle` takes a list of envelopes for a view and one envelope otherwise."""

    kind: Kind
    topic: str
    group: str
    types: frozenset[str]
    handle: Callable[[Any, D_contra], Awaitable[None]]
    tombstones: bool = False

    @property
    def dead_letter_topic(self) -> str:
        return f"{self.topic}.{self.group}.dlq"

    @property
    def rejected_topic(self) -> str:
        return f"{self.topic}.rejected"

    @property
    def handler_name(self) -> str:
        return f"{self.handle.__module__}.{self.handle.__qualname__}"


def view(
    topic: str, *, group: str, events: tuple[type[Event], ...], tombstones: bool = False
) -> Callable[[Callable[[list[Any], D_contra], Awaitable[None]]], Subscription[D_contra]]:
    """Declare a view of a topic. Records of other types than `events` and their subclasses are passed over."""

    def declare(handle: Callable[[list[Any], D_contra], Awaitable[None]]) -> Subscription[D_contra]:
        return Subscription(Kind.VIEW, topic, group, types_of(events), handle, tombstones)

    return declare


def reaction(
    topic: str, *, group: str, events: tuple[type[Event], ...]
) -> Callable[[Callable[[Envelope[Any], D_contra], Awaitable[None]]], Subscription[D_contra]]:
    """Declare a reaction to our own events."""

    def declare(handle: Callable[[Envelope[Any], D_contra], Awaitable[None]]) -> Subscription[D_contra]:
        return Subscription(Kind.REACTION, topic, group, types_of(events), handle)

    return declare


def inbound(
    topic: str, *, group: str, events: tuple[type[Event], ...]
) -> Callable[[Callable[[Envelope[Any], D_contra], Awaitable[None]]], Subscription[D_contra]]:
    """Declare the one consumer of a topic that an outside party writes."""

    def declare(handle: Callable[[Envelope[Any], D_contra], Awaitable[None]]) -> Subscription[D_contra]:
        return Subscription(Kind.INBOUND, topic, group, types_of(events), handle)

    return declare
