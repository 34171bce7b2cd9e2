"""Lists in pages: one order by a field and the id, one kind of cursor, forwards and backwards.

A page is found again by where its edge stands in the order, not by how many entries came before: what is added or
removed meanwhile neither repeats nor hides an entry.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from shared.contracts.base import FIRST_YEAR, LAST_YEAR, is_broken
from shared.http.paging import CursorInvalid, decode_cursor, encode_cursor

Document = dict[str, Any]
Key = str | datetime

MOST_COUNTED = 50_000
"""A total beyond this is not counted: it says no more, and costs more than its page."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the edge of a page stands: the entry's key and id; `backwards` asks for what comes before it."""

    key: Key
    entry_id: str
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """An order by one field of the rows, ties broken by id. `name` keeps cursors of other orders out."""

    name: str
    path: str
    kind: type[str] | type[datetime] = str
    descending: bool = False

    @property
    def turned(self) -> "Order":
        return replace(self, descending=not self.descending)

    @property
    def direction(self) -> int:
        return -1 if self.descending else 1

    def keys(self) -> list[tuple[str, int]]:
        """What the store sorts by."""
        return [(self.path, self.direction), ("_id", self.direction)]

    def beyond(self, position: Position | None) -> Document:
        """What comes behind a position, for an index that is read from there on."""
        if position is None:
            return {}
        from_here, behind = ("$lte", "$lt") if self.descending else ("$gte", "$gt")
        same_key = {"_id": {behind: position.entry_id}}
        return {self.path: {from_here: position.key}, "$or": [{self.path: {behind: position.key}}, same_key]}

    def is_beyond(self, document: Mapping[str, Any], position: Position | None) -> bool:
        """What `beyond` asks the store, of a row that is here."""
        if position is None:
            return True
        own, edge = self.of(document), (position.key, position.entry_id)
        return own < edge if self.descending else own > edge

    def of(self, document: Mapping[str, Any]) -> tuple[Any, str]:
        """By what a row is ordered."""
        value: Any = document
        for step in self.path.split("."):
            value = value[step]
        return value, document["_id"]

    def cursor(self, document: Mapping[str, Any], *, backwards: bool = False) -> str:
        return self.cursor_at(Position(*self.of(document), backwards))

    def cursor_at(self, position: Position) -> str:
        key = position.key
        written = key.isoformat() if isinstance(key, datetime) else key
        place = {"order": self._signature, "key": written, "id": position.entry_id}
        return encode_cursor(place | ({"backwards": True} if position.backwards else {}))

    def position(self, cursor: str | None) -> Position | None:
        """The position behind a cursor. Raises CursorInvalid, also for one of another order."""
        if cursor is None:
            return None
        place = decode_cursor(cursor)
        if place.get("order") != self._signature:
            raise CursorInvalid("The cursor belongs to another order.", field="cursor", rule="same_order")
        key, entry_id = place.get("key"), place.get("id")
        if not isinstance(key, str) or not isinstance(entry_id, str) or is_broken(key + entry_id):
            raise CursorInvalid(field="cursor", rule="cursor_invalid")
        return Position(_moment(key) if self.kind is datetime else key, entry_id, place.get("backwards") is True)

    @property
    def _signature(self) -> str:
        return f"-{self.name}" if self.descending else self.name


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of a list, and the cursors of those beside it."""

    documents: list[Document]
    next: str | None = None
    previous: str | None = None


Read = Callable[[Order, Position | None, int], Awaitable[list[Document]]]
"""Reads so many rows in an order, behind a position."""


async def slice_of(order: Order, *, cursor: str | None, limit: int, read: Read) -> Slice:
    """The page behind a cursor, or before it for one that leads backwards. Raises CursorInvalid."""
    position = order.position(cursor)
    if position is not None and position.backwards:
        found = await read(order.turned, position, limit + 1)
        if len(found) > limit:
            documents = found[limit - 1 :: -1]
            return Slice(documents, order.cursor(documents[-1]), order.cursor(documents[0], backwards=True))
        position = None  # the beginning: shown as a whole page
    found = await read(order, position, limit + 1)
    documents = found[:limit]
    previous = None
    if position is not None:  # from a page beyond the end, what was behind it may have gone, there is a way back, too
        edge = Position(*order.of(documents[0])) if documents else position
        previous = order.cursor_at(replace(edge, backwards=True))
    return Slice(documents, order.cursor(documents[-1]) if len(found) > limit else None, previous)


async def every_page(order: Order, *, size: int, read: Read) -> AsyncIterator[list[Document]]:
    """The whole list, page by page, as a file is written; an empty list has no page."""
    position: Position | None = None
    while documents := await read(order, position, size):
        yield documents
        if len(documents) < size:
            return
        position = Position(*order.of(documents[-1]))


async def bounded_total(collection: AsyncCollection[Document], query: Document) -> int | None:
    """How many rows a list has; None where they are more than is counted."""
    number = await collection.count_documents(query, limit=MOST_COUNTED + 1)
    return number if number <= MOST_COUNTED else None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CursorInvalid(field="cursor", rule="cursor_invalid") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise CursorInvalid(field="cursor", rule="cursor_invalid")
    return moment
