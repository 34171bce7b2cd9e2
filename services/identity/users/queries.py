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
from shared.http.paging import decode_cursor, encode_cursor


class UserPage(NamedTuple):
    """`counts` are per status, under all filters but that of the status."""

    items: list[Document]
    counts: dict[UserStatus, int]
    next: str | None
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
    """Users by last name. `text` finds by the beginning of the last name or of a word of it."""
    scope = visible_users(caller)
    wanted: list[Document] = []
    if account_id is not None:
        wanted.append({"account_ids": account_id})
    if text:
        wanted.append(store.search_filter(text))
    counts = await _counts(deps, all_of(scope, *wanted))
    if status is not None:
        wanted.append({"status": status.value})
    position: list[Document] = []
    if cursor is not None:
        after = decode_cursor(cursor)
        name, last_id = str(after.get("name", "")), str(after.get("id", ""))
        position = [{"last_key": {"$gte": name}}, {"$or": [{"last_key": {"$gt": name}}, {"_id": {"$gt": last_id}}]}]
    users = store.collection(deps.db)
    query = all_of(scope, *wanted, *position)
    found = await users.find(query).sort({"last_key": 1, "_id": 1}).limit(limit + 1).to_list()
    items = found[:limit]
    follow = encode_cursor({"name": items[-1]["last_key"], "id": items[-1]["_id"]}) if len(found) > limit else None
    total = (counts.get(status, 0) if status else sum(counts.values())) if with_total else None
    return UserPage(items, counts, follow, total)


async def accounts_named_in(deps: Service, document: Document) -> dict[str, AccountState]:
    """The accounts of a user's rights that are known here."""
    return await account_store.states(deps.db, document["account_ids"])


async def _counts(deps: Service, query: Document) -> dict[UserStatus, int]:
    pipeline = [{"$match": query}, {"$group": {"_id": "$status", "count": {"$sum": 1}}}]
    rows = await store.collection(deps.db).aggregate(pipeline)
    return {UserStatus(row["_id"]): row["count"] async for row in rows}
