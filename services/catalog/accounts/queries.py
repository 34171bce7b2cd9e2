"""Answers about accounts, from the local view."""

from collections.abc import Collection, Mapping
from typing import Any

from services.catalog.accounts import store
from services.catalog.lists.store import search_filter
from services.catalog.service import Service
from shared.access.caller import Caller
from shared.access.permissions import reach
from shared.access.scope import EVERYTHING, Scope, all_of
from shared.contracts import actions

MOST = 200


async def labels(deps: Service, account_ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """Name and both numbers by account id; one that is not known yet is missing."""
    found = store.accounts(deps.db).find(
        {"_id": {"$in": sorted(account_ids)}}, {"name": 1, "service_number": 1, "billing_number": 1}
    )
    return {account["_id"]: account async for account in found}


async def found_by(deps: Service, *, text: str, caller: Caller) -> list[str]:
    """The accounts in the caller's scope that a search text names."""
    query = search_filter(text)
    if query is None:
        return []
    where = reach(caller, actions.LIST_DEVICES)
    scope = EVERYTHING if where.everywhere else Scope({"_id": {"$in": sorted(where.account_ids)}})
    found = store.accounts(deps.db).find(all_of(scope, query), {"_id": 1}).limit(MOST)
    return sorted([account["_id"] async for account in found])
