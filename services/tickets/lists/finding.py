"""How a list finds its rows: in the order of the list, or through the rarest of what it is narrowed to.

The store plans neither well by itself. In the order of the list it reads until a page is full, which for three tickets
among a hundred thousand is all of them; through an index of what is looked for it sorts all that it finds, which for a
frequent word is nearly all. So matches are counted first, up to a limit at which both ways cost the same.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection

from shared.access.scope import EVERYTHING, Scope, all_of
from shared.lists import Order, Position, bounded_total
from shared.text import search_words, squeezed

Document = dict[str, Any]
Condition = dict[str, Any]

FEW = 2_000
"""Up to so many matches are sorted; in an account of 100,000 both ways then take 20 ms."""

WORDS_COUNTED = 3
"""The longest words of a search; the others only narrow what these find."""

_NO_INDEX = ("unordered", ASCENDING)
"""A field that no row has: a sort that begins with it is never read from an index."""


class Key(NamedTuple):
    """One thing that a list is narrowed to: as an index finds it, and as it is looked at in rows found otherwise.

    The second denies the first twice, for which the store asks no index.
    """

    found: Condition
    looked_at: Condition


def whole(key: str) -> Key:
    """A key of the row as it stands."""
    return Key({"keys": key}, {"$nor": [{"keys": {"$ne": key}}]})


def beginning(text: str) -> Key:
    """A key of the row begins so."""
    begins = begins_with(text)
    return Key({"keys": begins}, {"$nor": [{"keys": {"$not": begins}}]})


def begins_with(text: str) -> Condition:
    return {"$regex": f"^{re.escape(text)}"}


def with_names(key: Key, *, accounts: Sequence[str], people: Sequence[str]) -> Key:
    """The key, or a row of one of these companies, or about one of these people."""
    named: list[Condition] = []
    if accounts:
        named.append({"account_id": {"$in": list(accounts)}})
    if people:
        named.append({"contact_id": {"$in": list(people)}})
    if not named:
        return key
    return Key({"$or": [key.found, *named]}, {"$or": [key.looked_at, *named]})


@dataclass(frozen=True)
class Search:
    """What somebody typed: every word begins a key of the row, or the whole text, squeezed, begins one."""

    words: tuple[Key, ...] = ()
    code: Key | None = None
    """The whole text, where it is not one word alone."""

    counted: int = 0
    """So many of the words are worth counting: a single sign begins too many keys."""

    texts: tuple[str, ...] = ()
    squeezed: str = ""

    @classmethod
    def of(cls, text: str) -> "Search | None":
        """None where there is nothing to look for in a text of signs alone."""
        words = sorted(search_words(text), key=len, reverse=True)
        if not words:
            return None
        code = beginning(squeezed(text)) if len(words) > 1 else None
        counted = sum(len(word) > 1 for word in words[:WORDS_COUNTED])
        return cls(tuple(map(beginning, words)), code, counted, tuple(words), squeezed(text))

    @property
    def worth_counting(self) -> tuple[Key, ...]:
        return self.words[: self.counted]

    def looked_at(self, *, with_code: bool) -> list[Condition]:
        every = [word.looked_at for word in self.words]
        if not with_code or self.code is None:
            return every
        return [{"$or": [{"$and": every}, self.code.looked_at]}]


NO_SEARCH = Search()


@dataclass(frozen=True)
class Rows:
    """The rows in a scope that meet all conditions, and the way to them."""

    collection: AsyncCollection[Document]
    scope: Scope
    conditions: Sequence[Condition]
    are_few: bool

    async def read(self, order: Order, position: Position | None, count: int) -> list[Document]:
        """So many of them behind a position."""
        keys = [*([_NO_INDEX] if self.are_few else []), *order.keys()]
        query = all_of(self.scope, *self.conditions, order.beyond(position))
        documents: list[Document] = await self.collection.find(query, {"keys": 0}).sort(keys).limit(count).to_list()
        return documents

    async def count(self, key: Key, *, most: int) -> int:
        """How many of them have a further key, up to so many."""
        return await self.collection.count_documents(all_of(self.scope, key.found, *self.conditions), limit=most)

    async def grouped(self, path: str) -> dict[str, int]:
        """How many of them have each value of a field."""
        match = {"$match": all_of(self.scope, *self.conditions)}
        groups = await self.collection.aggregate([match, {"$group": {"_id": f"${path}", "count": {"$sum": 1}}}])
        return {group["_id"]: group["count"] async for group in groups}

    async def total(self) -> int | None:
        return await bounded_total(self.collection, all_of(self.scope, *self.conditions))


async def find(
    collection: AsyncCollection[Document],
    scope: Scope,
    *,
    within: Sequence[Condition] = (),
    keys: Sequence[Key] = (),
    search: Search = NO_SEARCH,
) -> Rows:
    """The way to the rows in a scope that have all keys and are searched for; `within` names an account or a device."""

    async def matches(key: Key | None) -> int:
        found = [key.found] if key else []
        return await collection.count_documents(all_of(scope, *within, *found), limit=FEW)

    looked_at = [key.looked_at for key in keys]
    if not _is_read_in_order(scope, within) and await matches(None) < FEW:
        conditions = [*within, *looked_at, *search.looked_at(with_code=True)]
        return Rows(collection, scope, conditions, are_few=True)

    leads = [*keys, *search.worth_counting]
    of_leads = await asyncio.gather(*map(matches, [*leads, *([search.code] if search.code else [])]))
    of_code = of_leads.pop() if search.code else 0
    looked_at += search.looked_at(with_code=of_code > 0)
    fewest, at = min(((count, at) for at, count in enumerate(of_leads)), default=(FEW, 0))
    if fewest < FEW:
        found = [leads[at].found]
        if search.code and of_code and leads[at] in search.words:
            found.append(search.code.found)
            fewest = max(fewest, of_code)
        looked_at.insert(0, found[0] if len(found) == 1 else {"$or": found})
    return Rows(collection, scope, [*within, *looked_at], are_few=fewest < FEW)


def _is_read_in_order(scope: Scope, within: Sequence[Condition]) -> bool:
    """Whether an index has all rows of the scope, and few others, in the order of the list."""
    return scope == EVERYTHING or scope.is_one("account_id") or any("device_id" in condition for condition in within)
