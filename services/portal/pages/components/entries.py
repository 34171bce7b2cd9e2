"""Entries of a list, one by one: one that cannot be shown is left out and counted, and the others stand."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entries(Generic[T]):
    shown: list[T]
    left_out: int = 0


def each(items: Iterable[Mapping[str, Any]], make: Callable[[Mapping[str, Any]], T]) -> Entries[T]:
    """What `make` makes of each item; whatever is wrong with one of them is its own affair."""
    shown: list[T] = []
    left_out = 0
    for item in items:
        try:
            shown.append(make(item))
        except Exception:
            left_out += 1
            log.exception(
                "an entry that cannot be shown", extra={"entry": item.get("ticket_id") or item.get("device_id")}
            )
    return Entries(shown, left_out)
