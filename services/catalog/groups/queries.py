"""Answers about groups."""

from services.catalog.groups import store
from services.catalog.groups.operations import visible_groups
from services.catalog.service import Service
from shared.access.caller import Caller
from shared.access.scope import all_of


async def groups_in_scope(deps: Service, *, caller: Caller, account_id: str | None) -> list[store.Document]:
    """The groups that the caller may see, by account and name."""
    narrowed = {"account_id": account_id} if account_id else {}
    found = store.groups(deps.db).find(all_of(visible_groups(caller), narrowed))
    return await found.sort([("account_id", 1), ("name", 1)]).to_list()
