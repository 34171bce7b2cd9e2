"""Answers about many tickets, and the search among them (TIC-11)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal, NamedTuple

from services.tickets.aggregate import rows
from services.tickets.aggregate.callers import is_desk, visible_rows
from services.tickets.aggregate.rows import Queue
from services.tickets.aggregate.store import Document
from services.tickets.devices import store as devices
from services.tickets.lists import finding, names
from services.tickets.service import Service
from shared.access.caller import Caller
from shared.access.scope import all_of
from shared.contracts.tickets import TicketStatus
from shared.lists import Order, every_page, slice_of

OLDEST_FIRST = Order("opened", "opened_at", datetime)
ORDERS = {
    "opened": OLDEST_FIRST,
    "-opened": OLDEST_FIRST.turned,
    "due": Order("due", "due_at", datetime),
}
EXPORT_PAGE = 500
MOST_OF_A_STATUS = 1_000
"""A status with more tickets is not counted further where counting reads them all."""


class Wanted(NamedTuple):
    """What a list is narrowed to; a queue is the contact centre's."""

    state: Literal["open", "closed", "all"] = "all"
    status: TicketStatus | None = None
    device_id: str | None = None
    account_id: str | None = None
    q: str | None = None
    queue: Queue | None = None


class Found(NamedTuple):
    documents: list[Document]
    next: str | None
    previous: str | None
    total: int | None
    accounts: dict[str, dict[str, Any]]


async def find_tickets(
    deps: Service,
    caller: Caller,
    wanted: Wanted,
    *,
    order: Order,
    limit: int,
    cursor: str | None,
    with_total: bool,
) -> Found:
    """One page of the tickets that the caller may see, stable under paging. Raises CursorInvalid."""
    listed = await _listed(deps, caller, wanted)
    if listed is None:
        order.position(cursor)
        return Found([], None, None, 0 if with_total else None, {})
    page = await slice_of(order, cursor=cursor, limit=limit, read=listed.read)
    total = await listed.total() if with_total else None
    return Found(page.documents, page.next, page.previous, total, await _accounts(deps, page.documents))


async def all_tickets(
    deps: Service, caller: Caller, wanted: Wanted, *, order: Order
) -> AsyncIterator[tuple[list[Document], dict[str, dict[str, Any]]]]:
    """The whole list with the accounts in it, page by page, as an export reads it."""
    listed = await _listed(deps, caller, wanted)
    if listed is None:
        return
    async for documents in every_page(order, size=EXPORT_PAGE, read=listed.read):
        yield documents, await _accounts(deps, documents)


async def by_status(deps: Service, caller: Caller, wanted: Wanted) -> dict[TicketStatus, int]:
    """How many tickets of each status are in the list, whatever status it is narrowed to; none that has none."""
    listed = await _listed(deps, caller, wanted._replace(status=None))
    if listed is None:
        return {}
    if listed.are_few:
        return {TicketStatus(status): number for status, number in (await listed.grouped("ticket.status")).items()}

    async def number(status: TicketStatus) -> int:
        return await listed.count(finding.whole(rows.status_key(status)), most=MOST_OF_A_STATUS)

    numbers = await asyncio.gather(*map(number, TicketStatus))
    return {status: found for status, found in zip(TicketStatus, numbers, strict=True) if found}


async def by_queue(deps: Service, caller: Caller) -> dict[Queue, int]:
    """How many tickets stand in each queue of the contact centre, up to a thousand."""

    async def number(queue: Queue) -> int:
        condition = all_of(visible_rows(caller), {"keys": rows.queue_key(queue)})
        return await deps.db[rows.ROWS].count_documents(condition, limit=MOST_OF_A_STATUS)

    return dict(zip(Queue, await asyncio.gather(*map(number, Queue)), strict=True))


async def _listed(deps: Service, caller: Caller, wanted: Wanted) -> finding.Rows | None:
    """The rows of a list; None where a text of signs alone finds nothing."""
    search = finding.Search.of(wanted.q) if wanted.q else finding.NO_SEARCH
    if search is None:
        return None
    if wanted.q and is_desk(caller):
        search = await names.with_names_of(deps.db, search)
    return await finding.find(
        deps.db[rows.ROWS], visible_rows(caller), within=_within(wanted), keys=_keys(wanted), search=search
    )


async def _accounts(deps: Service, documents: list[Document]) -> dict[str, dict[str, Any]]:
    return await devices.accounts_by_id(deps.db, [one["account_id"] for one in documents])


def _within(wanted: Wanted) -> list[Document]:
    named = {"account_id": wanted.account_id, "device_id": wanted.device_id}
    conditions: list[Document] = [{name: value} for name, value in named.items() if value is not None]
    if wanted.queue is not None:
        conditions.append({"keys": rows.queue_key(wanted.queue)})
    return conditions


def _keys(wanted: Wanted) -> list[finding.Key]:
    keys = []
    if wanted.status is not None:
        keys.append(finding.whole(rows.status_key(wanted.status)))
    if wanted.state != "all":
        keys.append(finding.whole(rows.OPEN if wanted.state == "open" else rows.CLOSED))
    return keys
