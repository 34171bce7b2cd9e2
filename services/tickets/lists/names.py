"""The desk's search also knows companies and people: a word stands for the tickets of those whose names begin so."""

import asyncio
from dataclasses import replace

from services.tickets.devices import store as devices
from services.tickets.devices.store import Database
from services.tickets.lists.finding import Key, Search, begins_with, with_names

MOST_NAMED = 200
"""A word that begins more names than that, such as the form of a company, says too little to look for by names."""

LETTERS = 2


async def with_names_of(db: Database, search: Search) -> Search:
    """The search in which each word, and the whole text, finds by the names of companies and people, too.

    A word of too many names narrows nothing where there are others.
    """
    pairs = list(zip(search.words, search.texts, strict=True))
    named = await asyncio.gather(*(_named(db, word, text) for word, text in pairs))
    code = await _named(db, search.code, search.squeezed) if search.code is not None else None
    telling = [key for key in named if key is not None] or list(search.words)
    return replace(
        search,
        words=tuple(telling),
        code=code or search.code,
        counted=min(search.counted, len(telling)),
    )


async def _named(db: Database, key: Key, text: str) -> Key | None:
    """The key with the names that begin so; None where they are too many."""
    if len(text) < LETTERS:
        return key
    accounts, people = await asyncio.gather(_ids(db, devices.ACCOUNTS, text), _ids(db, devices.PEOPLE, text))
    if len(accounts) > MOST_NAMED or len(people) > MOST_NAMED:
        return None
    return with_names(key, accounts=accounts, people=people)


async def _ids(db: Database, collection: str, text: str) -> list[str]:
    found = db[collection].find({"keys": begins_with(text)}, {"_id": 1}).limit(MOST_NAMED + 1)
    return [row["_id"] async for row in found]
