"""Lists of devices: filtered, ordered, page by page.

The store reads an index in order only behind one equality on its leading field. So a caller's scope is cut into
branches with one equality each, every branch is read in order, and the branches are merged. Each branch names its
index: left alone, the planner likes to collect thousands of matches and sort them (300 ms instead of 3 at 20,000).
"""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Iterable, Mapping
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
from shared.http.paging import CursorInvalid, decode_cursor, encode_cursor

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


@dataclass(frozen=True, slots=True)
class Order:
    """One of the sorts of the list store, `-` for the other direction; ties are broken by id."""

    sort: str = "serial"
    descending: bool = False

    @property
    def path(self) -> str:
        return f"order.{self.sort}"

    @property
    def direction(self) -> int:
        return -1 if self.descending else 1

    def keys(self) -> list[tuple[str, int]]:
        return [(self.path, self.direction), ("_id", self.direction)]

    def after(self, position: tuple[str, str] | None, *, ranged: bool) -> Document:
        """What comes behind a position.

        Ranged, an index on single values starts there. An index on lists of values would lose its order by a range: it
        is read from its beginning, and what comes before the position is passed over.
        """
        if position is None:
            return {}
        key, device_id = position
        from_here, behind = ("$lte", "$lt") if self.descending else ("$gte", "$gt")
        if ranged:
            return {self.path: {from_here: key}, "$or": [{self.path: {behind: key}}, {"_id": {behind: device_id}}]}
        same_key = {"$and": [{"$eq": [f"${self.path}", key]}, {behind: ["$_id", device_id]}]}
        return {"$expr": {"$or": [{behind: [f"${self.path}", key]}, same_key]}}

    def position(self, document: Mapping[str, Any]) -> tuple[str, str]:
        return document["order"][self.sort], document["_id"]


@dataclass(frozen=True, slots=True)
class Branch:
    """One part of a caller's scope and the index that has it; `ranged`: a page may begin in the middle of the index."""

    hint: str
    query: Document = field(default_factory=dict)
    ranged: bool = True


async def page(
    deps: Service, *, caller: Caller, wanted: Wanted, order: Order, limit: int, cursor: str | None, now: datetime
) -> tuple[list[Document], str | None]:
    """One page of the devices that the caller may see, and the cursor of the next one. Raises CursorInvalid."""
    position = None if cursor is None else _position(cursor, order)
    listing = await _listing(deps, caller, wanted, order, now)
    documents = await _read(deps, listing, order, position, limit + 1)
    more = len(documents) > limit
    documents = documents[:limit]
    return documents, _cursor(documents[-1], order) if more else None


async def all_pages(
    deps: Service, *, caller: Caller, wanted: Wanted, order: Order, now: datetime
) -> AsyncIterator[list[Document]]:
    """The whole list, page by page, as an export reads it."""
    listing = await _listing(deps, caller, wanted, order, now)
    position: tuple[str, str] | None = None
    while True:
        documents = await _read(deps, listing, order, position, EXPORT_PAGE)
        if documents:
            yield documents
        if len(documents) < EXPORT_PAGE:
            return
        position = order.position(documents[-1])


async def count(deps: Service, *, caller: Caller, wanted: Wanted, now: datetime) -> int:
    """How many devices the list has."""
    listing = await _listing(deps, caller, wanted, Order(), now)
    return await devices.rows(deps.db).count_documents(listing.query())


async def combinations(deps: Service, *, caller: Caller, wanted: Wanted, now: datetime) -> list[Combination]:
    """Each combination of account, site, model and status in the list.

    Counting reads every device of the list. What took long is remembered for some seconds, so that each page of a large
    customer does not count anew; small lists are always counted afresh.
    """
    listing = await _listing(deps, caller, wanted, Order(), now)
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
    deps: Service, listing: _Listing, order: Order, position: tuple[str, str] | None, limit: int
) -> list[Document]:
    """The first devices behind a position."""
    selected = dict.fromkeys((*devices.VIEW_FIELDS, "order"), 1)

    async def read(branch: Branch) -> list[Document]:
        query = listing.query(branch.query, order.after(position, ranged=branch.ranged))
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
        hint=store.CONTRACT_INDEX if few else store.account_index(order.sort), query={"account_id": account_id}
    )


def _list(key: str, order: Order) -> Branch:
    return Branch(hint=store.list_index(order.sort), query={"lists": key}, ranged=False)


def _merged(parts: Iterable[list[Document]], order: Order, limit: int) -> list[Document]:
    """The first of all branches in order; a device that several of them have comes once."""
    merged: dict[str, Document] = {}
    for document in heapq.merge(*parts, key=order.position, reverse=order.descending):
        merged.setdefault(document["_id"], document)
        if len(merged) == limit:
            break
    return list(merged.values())


def _cursor(document: Mapping[str, Any], order: Order) -> str:
    key, device_id = order.position(document)
    return encode_cursor({"sort": order.sort, "descending": order.descending, "key": key, "id": device_id})


def _position(cursor: str, order: Order) -> tuple[str, str]:
    position = decode_cursor(cursor)
    if position.get("sort") != order.sort or position.get("descending") != order.descending:
        raise CursorInvalid("The cursor belongs to another order.", field="cursor", rule="same_order")
    key, device_id = position.get("key"), position.get("id")
    if not isinstance(key, str) or not isinstance(device_id, str):
        raise CursorInvalid(field="cursor", rule="cursor_invalid")
    return key, device_id
