"""Answers about accounts, within what the caller may see."""

from services.identity.accounts import store
from services.identity.accounts.operations import AccountNotFound
from services.identity.accounts.store import Document
from services.identity.service import Service
from shared.access.caller import Caller
from shared.access.permissions import reach
from shared.access.scope import EVERYTHING, NOTHING, Scope, all_of
from shared.contracts import actions
from shared.http.paging import Page
from shared.lists import Order, Position, bounded_total, slice_of

BY_NAME = Order("name", "name_key")


def visible_accounts(caller: Caller) -> Scope:
    """All accounts for staff, else those in which the caller does more than read knowledge."""
    where = reach(caller, actions.READ_ACCOUNT)
    if where.everywhere:
        return EVERYTHING
    return Scope({"_id": {"$in": sorted(where.account_ids)}}) if where.account_ids else NOTHING


async def find_account(deps: Service, *, caller: Caller, account_id: str) -> Document:
    """Raises AccountNotFound, also for an account out of sight."""
    document = await store.collection(deps.db).find_one(all_of(visible_accounts(caller), {"_id": account_id}))
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
    scope = visible_accounts(caller)
    wanted: list[Document] = []
    if text:
        wanted.append(store.search_filter(text))
    if parent_id is not None:
        wanted.append({"parent_id": parent_id})
    accounts = store.collection(deps.db)

    async def read(order: Order, position: Position | None, count: int) -> list[Document]:
        query = all_of(scope, *wanted, order.beyond(position))
        return await accounts.find(query).sort(order.keys()).limit(count).to_list()

    page = await slice_of(BY_NAME, cursor=cursor, limit=limit, read=read)
    total = await bounded_total(accounts, all_of(scope, *wanted)) if with_total else None
    return Page(items=page.documents, next=page.next, previous=page.previous, total=total)
