"""Groups in the store."""

from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.catalog.groups.domain import Group
from shared.contracts.catalog import GroupState
from shared.outbox import Aggregate

Document = dict[str, Any]

GROUPS = Aggregate(name="groups", collection="groups")


def groups(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return db[GROUPS.collection]


async def prepare(db: AsyncDatabase[Document]) -> None:
    await groups(db).create_index([("account_id", ASCENDING), ("name", ASCENDING)], name="account")


def group_of(document: Mapping[str, Any]) -> Group:
    return Group(state=GroupState.model_validate(document), device_ids=document["device_ids"])


def fields(group: Group) -> Document:
    return {**group.state.model_dump(mode="json"), "device_ids": list(group.device_ids)}
