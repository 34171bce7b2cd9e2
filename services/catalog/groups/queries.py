"""Answers about groups."""

from services.catalog.groups import store
from services.catalog.groups.operations import visible_groups
from shared.auth import Caller
from shared.service import Service


async def groups_in_scope(deps: Service, *, caller: Caller, account_id: str | None) -> list[store.Document]:
    """The groups that the caller may see, by account and name."""
    narrowed = [{"account_id": account_id}] if account_id else []
    found = store.groups(deps.db).find({"$and": [*narrowed, visible_groups(caller)]})
    return await found.sort([("account_id", 1), ("name", 1)]).to_list()
