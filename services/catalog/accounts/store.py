"""The local view of identity's accounts: what lists show and search of them."""

from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.catalog.lists.store import text_keys
from shared.contracts.identity import AccountState

Document = dict[str, Any]


def accounts(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return db["view_accounts"]


async def prepare(db: AsyncDatabase[Document]) -> None:
    await accounts(db).create_index([("search", ASCENDING)], name="search")


def fields(state: AccountState) -> Document:
    return {
        "name": state.name,
        "service_number": state.service_number,
        "billing_number": state.billing_number,
        "search": sorted(text_keys(state.name, state.service_number, state.billing_number, *state.former_numbers)),
    }
