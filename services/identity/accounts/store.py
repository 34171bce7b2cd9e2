"""Accounts in the store: `state` is the public state; the rest are keys for search and the tree."""

import re
from collections.abc import Collection, Sequence
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.identity.accounts.domain import Account, path_below
from services.identity.service import Service
from shared.contracts.identity import AccountState
from shared.outbox import Aggregate
from shared.text import folded, search_key, search_words, squeezed

Document = dict[str, Any]

ACCOUNTS = Aggregate(name="accounts", collection="accounts")


def collection(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return db[ACCOUNTS.collection]


async def prepare(service: Service) -> None:
    accounts = collection(service.db)
    await accounts.create_index([("ancestor_ids", ASCENDING)])
    await accounts.create_index([("parent_id", ASCENDING)])
    await accounts.create_index([("search", ASCENDING)])
    await accounts.create_index([("name_key", ASCENDING), ("_id", ASCENDING)])


def account_of(document: Document) -> Account:
    return Account(state=AccountState.model_validate(document["state"]), released=document.get("released", {}))


def fields(account: Account) -> Document:
    state = account.state
    numbers = (state.billing_number, state.service_number, *state.former_numbers)
    name_words = [*search_words(state.name), *folded(state.name).split()]
    return {
        "state": state.model_dump(mode="json"),
        "released": dict(account.released),
        "parent_id": state.parent_id,
        "ancestor_ids": list(state.ancestor_ids),
        "name_key": search_key(state.name),
        "search": sorted({*name_words, *(squeezed(number) for number in numbers)} - {""}),
    }


def search_filter(text: str) -> Document:
    """Accounts whose name has words beginning like all words of `text`, or one of whose numbers begins like it."""
    words = search_words(text)
    if not words:
        return {"_id": None}
    by_words = {"$and": [{"search": _beginning(word)} for word in words]}
    return {"$or": [by_words, {"search": _beginning(squeezed(text))}]}


def _beginning(key: str) -> Document:
    return {"$regex": f"^{re.escape(key)}"}


async def find(db: AsyncDatabase[Document], account_id: str) -> Document | None:
    return await collection(db).find_one({"_id": account_id})


async def path_to(db: AsyncDatabase[Document], parent_id: str | None) -> tuple[str, ...]:
    """The ancestors that a child of `parent_id` has now."""
    document = await find(db, parent_id) if parent_id is not None else None
    return path_below(parent_id, account_of(document).state if document else None)


async def known(db: AsyncDatabase[Document], account_ids: Collection[str]) -> set[str]:
    return {row["_id"] async for row in collection(db).find({"_id": {"$in": list(account_ids)}}, {"_id": 1})}


async def states(db: AsyncDatabase[Document], account_ids: Collection[str]) -> dict[str, AccountState]:
    found = collection(db).find({"_id": {"$in": list(account_ids)}}, {"state": 1})
    return {row["_id"]: AccountState.model_validate(row["state"]) async for row in found}


async def tree_below(db: AsyncDatabase[Document], account_ids: Collection[str]) -> dict[str, set[str]]:
    """The ids of all accounts below each of the given ones."""
    below: dict[str, set[str]] = {account_id: set() for account_id in account_ids}
    found = collection(db).find({"ancestor_ids": {"$in": list(account_ids)}}, {"ancestor_ids": 1})
    async for row in found:
        for ancestor_id in row["ancestor_ids"]:
            if ancestor_id in below:
                below[ancestor_id].add(row["_id"])
    return below


async def children(db: AsyncDatabase[Document], account_id: str) -> Sequence[str]:
    return [row["_id"] async for row in collection(db).find({"parent_id": account_id}, {"_id": 1})]
