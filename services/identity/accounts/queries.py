"""Answers about accounts, within what the caller may see."""

from typing import Any

from services.identity.accounts import store
from services.identity.accounts.operations import AccountNotFound
from services.identity.accounts.store import Document
from services.identity.users.access import WRITE_SCOPE
from shared.access import NOTHING, sees_everything
from shared.auth import Caller
from shared.contracts.identity import Role
from shared.paging import Page, decode_cursor, encode_cursor
from shared.service import Service


def visible_accounts(caller: Caller) -> dict[str, Any]:
    """The store filter: all accounts for staff, else those in which the caller does more than read knowledge."""
    if sees_everything(caller) or WRITE_SCOPE in caller.scopes:
        return {}
    own = {right.account_id for right in caller.rights if right.role is not Role.KNOWLEDGE_USER}
    return {"_id": {"$in": sorted(own)}} if own else dict(NOTHING)


async def find_account(deps: Service, *, caller: Caller, account_id: str) -> Document:
    """Raises AccountNotFound, also for an account out of sight."""
    document = await store.collection(deps.db).find_one({"$and": [visible_accounts(caller), {"_id": account_id}]})
    if document is None:
        raise AccountNotFound()
    return document


async def list_accounts(
    deps: Service,
    *,
    caller: Caller,
    text: str | None,
    parent_id: str | None,
    limit: int,
    cursor: str | None,
    with_total: bool,
) -> Page[Document]:
    """Accounts by name. `text` finds by words of the name and by both numbers, former ones included."""
    wanted: list[Document] = [visible_accounts(caller)]
    if text:
        wanted.append(store.search_filter(text))
    if parent_id is not None:
        wanted.append({"parent_id": parent_id})
    query: Document = {"$and": wanted}
    position: list[Document] = []
    if cursor is not None:
        after = decode_cursor(cursor)
        name, last_id = str(after.get("name", "")), str(after.get("id", ""))
        position = [{"name_key": {"$gte": name}}, {"$or": [{"name_key": {"$gt": name}}, {"_id": {"$gt": last_id}}]}]
    accounts = store.collection(deps.db)
    found = (
        await accounts.find({"$and": [*wanted, *position]}).sort({"name_key": 1, "_id": 1}).limit(limit + 1).to_list()
    )
    items = found[:limit]
    follow = encode_cursor({"name": items[-1]["name_key"], "id": items[-1]["_id"]}) if len(found) > limit else None
    total = await accounts.count_documents(query) if with_total else None
    return Page(items=items, next=follow, total=total)
