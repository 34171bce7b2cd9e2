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


async def group(db: AsyncDatabase[Document], group_id: str) -> Group:
    """A group that is known to be there: groups stay."""
    document = await groups(db).find_one({"_id": group_id})
    assert document is not None
    return group_of(document)


def group_of(document: Mapping[str, Any]) -> Group:
    return Group(
        state=GroupState.model_validate(document),
        device_ids=document["device_ids"],
        job_id=document["job_id"],
        complete=document["complete"],
    )


def fields(group: Group) -> Document:
    return {
        **group.state.model_dump(mode="json"),
        "device_ids": list(group.device_ids),
        "job_id": group.job_id,
        "complete": group.complete,
    }
