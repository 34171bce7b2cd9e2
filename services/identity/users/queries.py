"""Answers about users, within what the caller may see."""

from typing import NamedTuple

from services.identity.accounts import store as account_store
from services.identity.service import Service
from services.identity.users import store
from services.identity.users.access import visible_users
from services.identity.users.store import Document
from shared.access.caller import Caller
from shared.access.scope import all_of
from shared.contracts.identity import AccountState, UserStatus
from shared.lists import Order, Position, Slice, slice_of

BY_NAME = Order("name", "last_key")


class UserPage(NamedTuple):
    """`counts` are per status, under all filters but that of the status."""

    page: Slice
    counts: dict[UserStatus, int]
    total: int | None


async def list_users(
    deps: Service,
    *,
    caller: Caller,
    account_id: str | None,
    status: UserStatus | None,
    text: str | None,
    limit: int,
    cursor: str | None,
    with_total: bool,
) -> UserPage:
    """Users by last name. `text` finds by the beginning of the last name or of a word of it. Raises CursorInvalid."""
    scope = visible_users(caller)
    wanted: list[Document] = []
    if account_id is not None:
        wanted.append({"account_ids": account_id})
    if text:
        wanted.append(store.search_filter(text))
    counts = await _counts(deps, all_of(scope, *wanted))
    if status is not None:
        wanted.append({"status": status.value})

    async def read(order: Order, position: Position | None, count: int) -> list[Document]:
        query = all_of(scope, *wanted, order.beyond(position))
        return await store.collection(deps.db).find(query).sort(order.keys()).limit(count).to_list()

    page = await slice_of(BY_NAME, cursor=cursor, limit=limit, read=read)
    total = (counts.get(status, 0) if status else sum(counts.values())) if with_total else None
    return UserPage(page, counts, total)


async def accounts_named_in(deps: Service, document: Document) -> dict[str, AccountState]:
    """The accounts of a user's rights that are known here."""
    return await account_store.states(deps.db, document["account_ids"])


async def _counts(deps: Service, query: Document) -> dict[UserStatus, int]:
    pipeline = [{"$match": query}, {"$group": {"_id": "$status", "count": {"$sum": 1}}}]
    rows = await store.collection(deps.db).aggregate(pipeline)
    return {UserStatus(row["_id"]): row["count"] async for row in rows}
