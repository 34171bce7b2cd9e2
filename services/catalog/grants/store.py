"""Grants in the store: one document per user, its id the user's."""

from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from shared.contracts.catalog import GrantsState
from shared.outbox import Aggregate

Document = dict[str, Any]

GRANTS = Aggregate(name="grants", collection="grants")


def grants(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return db[GRANTS.collection]


async def prepare(db: AsyncDatabase[Document]) -> None:
    await grants(db).create_index([("devices", ASCENDING)], name="devices")
    await grants(db).create_index([("groups", ASCENDING)], name="groups")


async def load(db: AsyncDatabase[Document], user_id: str) -> Mapping[str, Any] | None:
    """What the lookup of callers reads, straight from the owner's documents."""
    return await grants(db).find_one({"_id": user_id}, {"devices": 1, "groups": 1})


def state_of(document: Mapping[str, Any]) -> GrantsState:
    return GrantsState(user_id=document["_id"], devices=document["devices"], groups=document["groups"])


def fields(state: GrantsState) -> Document:
    return {"devices": list(state.devices), "groups": list(state.groups)}
