"""The desk's search also knows companies and people: a word stands for the tickets of those whose names begin so."""

import asyncio
from dataclasses import replace

from services.tickets.devices import store as devices
from services.tickets.devices.store import Database
from services.tickets.lists.finding import Key, Search, begins_with, with_names

MOST_NAMED = 200
"""A word that begins more names than that finds none by name: it says too little."""

LETTERS = 2


async def with_names_of(db: Database, search: Search) -> Search:
    """The search in which each word, and the whole text, finds by the names of companies and people, too."""
    words = await asyncio.gather(
        *(_named(db, word, text) for word, text in zip(search.words, search.texts, strict=True))
    )
    code = await _named(db, search.code, search.squeezed) if search.code is not None else None
    return replace(search, words=tuple(words), code=code)


async def _named(db: Database, key: Key, text: str) -> Key:
    if len(text) < LETTERS:
        return key
    accounts, people = await asyncio.gather(_ids(db, devices.ACCOUNTS, text), _ids(db, devices.PEOPLE, text))
    return with_names(key, accounts=accounts, people=people)


async def _ids(db: Database, collection: str, text: str) -> list[str]:
    found = db[collection].find({"keys": begins_with(text)}, {"_id": 1}).limit(MOST_NAMED + 1)
    ids = [row["_id"] async for row in found]
    return ids if len(ids) <= MOST_NAMED else []
