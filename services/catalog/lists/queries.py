"""Lists of devices: filtered, ordered, page by page.

The store reads an index in order only behind one equality on its leading field. So a caller's scope is cut into
branches with one equality each, every branch is read in order, and the branches are merged. Each branch names its
index: left alone, the planner likes to collect thousands of matches and sort them (300 ms instead of 3 at 20,000).
"""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.catalog.accounts import queries as accounts
from services.catalog.contracts.domain import ContractStanding
from services.catalog.devices import store as devices
from services.catalog.lists import store
from services.catalog.lists.combinations import Combination
from services.catalog.service import Service
from shared.access.caller import Caller
from shared.access.permissions import is_everywhere
from shared.access.scope import Scope, accounts_of, all_of, visible
from shared.contracts import actions
from shared.contracts.catalog import DeviceStatus
from shared.lists import Order, Position, Read, Slice, bounded_total, every_page, slice_of

Document = dict[str, Any]

BROAD = 200
"""A search with more hits than this is read in the order of the list: a page is full soon."""
MANY = 500
"""Who manages more single devices than this has a good part of an account: it is read in order, and narrowed."""
EXPORT_PAGE = 500
LONG_SECONDS = 0.1
REMEMBERED_SECONDS = 15.0
REMEMBERED = 500
SAMPLE_FIELDS = {"account_id": 1, "site": 1, "model_id": 1, "model_name": 1, "status": 1}

NONE_OF_THEM: Document = {"_id": {"$in": []}}
"""What is found by a text of signs alone."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to."""

    account_id: str | None = None
    site_id: str | None = None
    model_id: str | None = None
    group_id: str | None = None
    status: DeviceStatus | None = None
    contract: ContractStanding | None = None
    q: str | None = None


BY_SERIAL = Order("serial", "order.serial")


def order_of(sort: str) -> Order:
    """One of the sorts of the list store, `-` in front for the other direction."""
    name = sort.removeprefix("-")
    return Order(name, f"order.{name}", descending=sort.startswith("-"))


def _passed_over(order: Order, position: Position | None) -> Document:
    """What comes behind a position, for an index on lists of values.

    Such an index would lose its order by a range: it is read from its beginning, and what comes before the position is
    passed over.
    """
    if position is None:
        return {}
    behind, path = ("$lt" if order.descending else "$gt"), f"${order.path}"
    same_key = {"$and": [{"$eq": [path, position.key]}, {behind: ["$_id", position.entry_id]}]}
    return {"$expr": {"$or": [{behind: [path, position.key]}, same_key]}}


@dataclass(frozen=True, slots=True)
class Branch:
    """One part of a caller's scope and the index that has it; `ranged`: a page may begin in the middle of the index."""

    hint: str
    query: Document = field(default_factory=dict)
    ranged: bool = True


async def page(
    deps: Service, *, caller: Caller, wanted: Wanted, order: Order, limit: int, cursor: str | None, now: datetime
) -> Slice:
    """One page of the devices that the caller may see. Raises CursorInvalid."""
    read = await _reading(deps, caller, wanted, order, now)
    return await slice_of(order, cursor=cursor, limit=limit, read=read)


async def all_pages(
    deps: Service, *, caller: Caller, wanted: Wanted, order: Order, now: datetime
) -> AsyncIterator[list[Document]]:
    """The whole list, page by page, as an export reads it."""
    read = await _reading(deps, caller, wanted, order, now)
    async for documents in every_page(order, size=EXPORT_PAGE, read=read):
        yield documents


async def _reading(deps: Service, caller: Caller, wanted: Wanted, order: Order, now: datetime) -> Read:
    listing = await _listing(deps, caller, wanted, order, now)

    async def read(order: Order, position: Position | None, count: int) -> list[Document]:
        return await _read(deps, listing, order, position, count)

    return read


async def count(deps: Service, *, caller: Caller, wanted: Wanted, now: datetime) -> int | None:
    """How many devices the list has; None where they are more than is counted."""
    listing = await _listing(deps, caller, wanted, BY_SERIAL, now)
    return await bounded_total(devices.rows(deps.db), listing.query())


async def combinations(deps: Service, *, caller: Caller, wanted: Wanted, now: datetime) -> list[Combination]:
    """Each combination of account, site, model and status in the list.

    Counting reads every device of the list. What took long is remembered for some seconds, so that each page of a large
    customer does not count anew; small lists are always counted afresh.
    """
    listing = await _listing(deps, caller, wanted, BY_SERIAL, now)
    remembered = deps.parts.combinations
    key, started = repr(listing.query()), time.monotonic()
    if key in remembered and started < remembered[key][0]:
        return remembered[key][1]
    collection = devices.rows(deps.db)
    groups = await collection.aggregate(
        [
            {"$match": listing.query()},
            {"$group": {"_id": "$facet", "sample": {"$first": "$_id"}, "devices": {"$sum": 1}}},
        ]
    )
    numbers = {group["sample"]: group["devices"] async for group in groups}
    samples = collection.find(all_of(listing.scope, {"_id": {"$in": sorted(numbers)}}), SAMPLE_FIELDS)
    found = [Combination(numbers[sample["_id"]], sample) async for sample in samples]
    ended = time.monotonic()
    if ended - started > LONG_SECONDS:
        if len(remembered) >= REMEMBERED:
            remembered.clear()
        remembered[key] = (ended + REMEMBERED_SECONDS, found)
    return found


@dataclass(frozen=True, slots=True)
class _Listing:
    """A list as the store is asked for it."""

    branches: list[Branch]
    scope: Scope
    filters: Document
    search: Document | None

    def query(self, *more: Document) -> Document:
        return all_of(self.scope, *more, self.filters, self.search or {})


async def _listing(deps: Service, caller: Caller, wanted: Wanted, order: Order, now: datetime) -> _Listing:
    equalities = {
        "account_id": wanted.account_id,
        "site.site_id": wanted.site_id,
        "model_id": wanted.model_id,
        "group_ids": wanted.group_id,
        "status": wanted.status,
    }
    filters: Document = {path: value for path, value in equalities.items() if value is not None}
    if wanted.contract is not None:
        filters |= _standing(wanted.contract, now, timedelta(days=deps.settings.contract_ending_days))
    branches, search = _branches(caller, wanted, order), None
    by_device = store.search_filter(wanted.q) if wanted.q else None
    if wanted.q and wanted.q.strip() and by_device is None:
        search = NONE_OF_THEM
    elif by_device is not None:
        account_ids = await accounts.found_by(deps, text=wanted.q or "", caller=caller)
        search = {"$or": [by_device, {"account_id": {"$in": account_ids}}]} if account_ids else by_device
        if not account_ids and await _is_narrow(deps, by_device):
            branches = [Branch(hint=store.SEARCH_INDEX)]
    return _Listing(branches, visible(caller, actions.LIST_DEVICES, device="_id"), filters, search)


def _standing(standing: ContractStanding, now: datetime, ending: timedelta) -> Document:
    match standing:
        case ContractStanding.NONE:
            return {"$or": [{"contract_from": None}, {"contract_from": {"$gt": now}}]}
        case ContractStanding.EXPIRED:
            return {"contract_until": {"$lte": now}}
        case ContractStanding.ENDING:
            return {"contract_from": {"$lte": now}, "contract_until": {"$gt": now, "$lte": now + ending}}
        case ContractStanding.VALID:
            return {"contract_from": {"$lte": now}, "contract_until": {"$gt": now + ending}}


async def _read(
    deps: Service, listing: _Listing, order: Order, position: Position | None, limit: int
) -> list[Document]:
    """The first devices behind a position."""
    selected = dict.fromkeys((*devices.VIEW_FIELDS, "order"), 1)

    async def read(branch: Branch) -> list[Document]:
        behind = order.beyond(position) if branch.ranged else _passed_over(order, position)
        query = listing.query(branch.query, behind)
        found = devices.rows(deps.db).find(query, selected).sort(order.keys()).limit(limit)
        return await found.hint(branch.hint).to_list()

    if not listing.branches:
        return []
    parts = await asyncio.gather(*map(read, listing.branches))
    return parts[0] if len(parts) == 1 else _merged(parts, order, limit)


async def _is_narrow(deps: Service, search: Document) -> bool:
    return await devices.rows(deps.db).count_documents(search, limit=BROAD + 1, hint=store.SEARCH_INDEX) <= BROAD


def _branches(caller: Caller, wanted: Wanted, order: Order) -> list[Branch]:
    """The lists to read; each is narrowed by the caller's filter of visibility again when it is read."""
    if wanted.group_id is not None:
        return [_list(store.group_list(wanted.group_id), order)]
    if wanted.site_id is not None:
        return [_list(store.site_list(wanted.site_id), order)]
    if is_everywhere(caller, actions.LIST_DEVICES):
        if wanted.account_id is None:
            return [_list(store.EVERYWHERE, order)]
        return [_account(wanted.account_id, wanted, order)]
    whole, partly = accounts_of(caller.rights, actions.LIST_DEVICES.customer)
    if wanted.account_id is not None:
        whole, partly = whole & {wanted.account_id}, partly & {wanted.account_id}
    if len(caller.devices) > MANY:
        return [_account(account_id, wanted, order) for account_id in sorted(whole | partly)]
    branches = [_account(account_id, wanted, order) for account_id in sorted(whole)]
    if partly:
        branches += [_list(store.group_list(group_id), order) for group_id in sorted(caller.groups)]
    if partly and caller.devices:
        branches.append(Branch(hint="_id_", query={"_id": {"$in": sorted(caller.devices)}}))
    return branches


def _account(account_id: str, wanted: Wanted, order: Order) -> Branch:
    """An account's devices; where a filter picks few of them, by an index that has just those."""
    if wanted.model_id is not None:
        return _list(store.account_model_list(account_id, wanted.model_id), order)
    if wanted.status is not None and wanted.status is not DeviceStatus.INSTALLED:
        return _list(store.account_status_list(account_id, wanted.status), order)
    few = wanted.contract in (ContractStanding.ENDING, ContractStanding.EXPIRED)
    return Branch(
        hint=store.CONTRACT_INDEX if few else store.account_index(order.name), query={"account_id": account_id}
    )


def _list(key: str, order: Order) -> Branch:
    return Branch(hint=store.list_index(order.name), query={"lists": key}, ranged=False)


def _merged(parts: Iterable[list[Document]], order: Order, limit: int) -> list[Document]:
    """The first of all branches in order; a device that several of them have comes once."""
    merged: dict[str, Document] = {}
    for document in heapq.merge(*parts, key=order.of, reverse=order.descending):
        merged.setdefault(document["_id"], document)
        if len(merged) == limit:
            break
    return list(merged.values())
