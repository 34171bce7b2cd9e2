"""Answers about grants."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from services.catalog.devices import store as devices
from services.catalog.grants import store
from services.catalog.groups import store as groups
from services.catalog.service import Service
from shared.access.callers import VIEW_USERS
from shared.access.permissions import Reach
from shared.access.scope import EVERYTHING, Scope, all_of
from shared.contracts import actions
from shared.contracts.catalog import GrantsState
from shared.contracts.identity import UserStatus


@dataclass(frozen=True, slots=True)
class Manager:
    """One way in which a user manages a device."""

    user_id: str
    via: Literal["device", "group"]
    group_id: str | None = None
    group_name: str | None = None


async def managers_of(deps: Service, *, device_id: str, account_id: str, group_ids: Collection[str]) -> list[Manager]:
    """The active users who manage the device, directly or by a group. Who has no role in its account is not one."""
    found = (
        await store.grants(deps.db)
        .find({"$or": [{"devices": device_id}, {"groups": {"$in": list(group_ids)}}]}, {"devices": 0})
        .to_list()
    )
    direct = {
        document["_id"]
        async for document in store.grants(deps.db).find(
            {"_id": {"$in": [document["_id"] for document in found]}, "devices": device_id}, {"_id": 1}
        )
    }
    roles = [role.value for role in actions.READ_DEVICE.customer]
    active = {
        user["_id"]
        async for user in deps.db[VIEW_USERS].find(
            {
                "_id": {"$in": [document["_id"] for document in found]},
                "status": UserStatus.ACTIVE.value,
                "rights": {"$elemMatch": {"account_id": account_id, "role": {"$in": roles}}},
            },
            {"_id": 1},
        )
    }
    names = {
        group["_id"]: group["name"]
        async for group in groups.groups(deps.db).find({"_id": {"$in": list(group_ids)}}, {"name": 1})
    }
    managers = [Manager(user_id, "device") for user_id in sorted(direct & active)]
    managers += [
        Manager(document["_id"], "group", group_id, names.get(group_id))
        for document in sorted(found, key=lambda d: d["_id"])
        if document["_id"] in active
        for group_id in document["groups"]
        if group_id in group_ids
    ]
    return managers


async def grants_of(deps: Service, user_id: str) -> tuple[GrantsState, int]:
    """A user's grants and their version; nobody's are empty, at version 0."""
    document = await store.grants(deps.db).find_one({"_id": user_id})
    if document is None:
        return GrantsState(user_id=user_id), 0
    return store.state_of(document), document["version"]


async def devices_among(deps: Service, ids: Collection[str], *, where: Reach) -> set[str]:
    """Those of the devices that exist, and stand where somebody's reach is."""
    return await _among(devices.devices(deps.db), ids, where)


async def groups_among(deps: Service, ids: Collection[str], *, where: Reach) -> set[str]:
    """Those of the groups that exist, and belong where somebody's reach is."""
    return await _among(groups.groups(deps.db), ids, where)


async def _among(collection: Any, ids: Collection[str], where: Reach) -> set[str]:
    if not ids:
        return set()
    scope = EVERYTHING if where.everywhere else Scope({"account_id": {"$in": sorted(where.account_ids)}})
    query = all_of(scope, {"_id": {"$in": sorted(ids)}})
    return {document["_id"] async for document in collection.find(query, {"_id": 1})}
