"""Answers about tickets: one, many, and the search among them (TIC-10, TIC-11)."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from pymongo import DESCENDING

from services.tickets.aggregate import store
from services.tickets.aggregate.callers import visible_tickets
from services.tickets.aggregate.operations import TicketNotFound
from services.tickets.aggregate.states import WORK_REMAINS
from services.tickets.aggregate.store import Document
from services.tickets.aggregate.values import Ticket
from services.tickets.devices import store as devices
from services.tickets.service import Service
from services.tickets.timeline.queries import Position, position_of
from shared.access.caller import Caller
from shared.access.scope import EVERYTHING, Scope, all_of
from shared.contracts.tickets import TicketStatus
from shared.http.paging import encode_cursor
from shared.text import search_words

WINDOWS = (timedelta(days=30), timedelta(days=365))
"""A list over several accounts sorts what it finds: recent tickets are asked for first, then older ones."""


class Wanted(NamedTuple):
    """What a list is narrowed to."""

    state: Literal["open", "closed", "all"] = "all"
    status: TicketStatus | None = None
    device_id: str | None = None
    account_id: str | None = None
    q: str | None = None


class Found(NamedTuple):
    documents: list[Document]
    next: str | None
    total: int | None
    accounts: dict[str, dict[str, Any]]


async def ticket_document(deps: Service, caller: Caller, ticket_id: str) -> Document:
    """Raises TicketNotFound for an unknown ticket, and for one that the caller may not see."""
    document = await deps.db[store.TICKETS.collection].find_one(all_of(visible_tickets(caller), {"_id": ticket_id}))
    if document is None:
        raise TicketNotFound()
    return document


async def account_of(deps: Service, ticket: Ticket) -> dict[str, Any] | None:
    account_id = ticket.state.account_id
    return (await devices.accounts_by_id(deps.db, [account_id])).get(account_id)


async def find_tickets(
    deps: Service, caller: Caller, wanted: Wanted, *, limit: int, cursor: str | None, with_total: bool
) -> Found:
    """The newest tickets that the caller may see, newest first, stable under paging. Raises CursorInvalid."""
    scope = visible_tickets(caller)
    narrowed = _conditions(wanted)
    position = position_of(cursor)
    windows = () if scope.fixes("ticket.account_id") or scope == EVERYTHING or wanted.device_id else WINDOWS
    documents = await _newest(deps, scope, narrowed, position, limit + 1, windows)
    after = None
    if len(documents) > limit:
        documents = documents[:limit]
        last = documents[-1]
        after = encode_cursor({"at": last["ticket"]["opened_at"].isoformat(), "id": last["_id"]})
    total = await deps.db[store.ROWS].count_documents(all_of(scope, *narrowed)) if with_total else None
    accounts = await devices.accounts_by_id(deps.db, [one["ticket"]["account_id"] for one in documents])
    return Found(documents, after, total, accounts)


async def _newest(
    deps: Service,
    scope: Scope,
    narrowed: Sequence[Document],
    position: Position | None,
    count: int,
    windows: Sequence[timedelta],
) -> list[Document]:
    rows = deps.db[store.ROWS]
    paged = [*narrowed, _after(position)] if position else narrowed
    begin = position[0] if position else deps.clock()
    for window in windows:
        found = await _sorted(rows, all_of(scope, *paged, {"ticket.opened_at": {"$gt": begin - window}}), count)
        if len(found) == count:
            return found
    return await _sorted(rows, all_of(scope, *paged), count)


async def _sorted(rows: Any, query: Document, count: int) -> list[Document]:
    found = rows.find(query, {"keys": 0}).sort([("ticket.opened_at", DESCENDING), ("_id", DESCENDING)])
    documents: list[Document] = await found.limit(count).to_list()
    return documents


def _conditions(wanted: Wanted) -> list[Document]:
    conditions: list[Document] = []
    if wanted.account_id is not None:
        conditions.append({"ticket.account_id": wanted.account_id})
    if wanted.device_id is not None:
        conditions.append({"ticket.device.device_id": wanted.device_id})
    if wanted.status is not None:
        conditions.append({"ticket.status": wanted.status.value})
    if wanted.state != "all":
        inside = [status.value for status in TicketStatus if (status in WORK_REMAINS) == (wanted.state == "open")]
        conditions.append({"ticket.status": {"$in": inside}})
    if wanted.q:
        conditions.append(_search(wanted.q))
    return conditions


def _search(text: str) -> Document:
    """Every word begins a key of the ticket, or the whole, squeezed, begins a code."""
    words = sorted(search_words(text), key=len, reverse=True)
    if not words:
        return {"_id": {"$in": []}}
    by_word: list[Document] = [{"keys": _beginning(word)} for word in words]
    if len(words) == 1:
        return by_word[0]
    return {"$or": [{"$and": by_word}, {"keys": _beginning(store.squeezed(text))}]}


def _beginning(key: str) -> Document:
    return {"$regex": f"^{re.escape(key)}"}


def _after(position: Position) -> Document:
    at, last_id = position
    return {"ticket.opened_at": {"$lte": at}, "$or": [{"ticket.opened_at": {"$lt": at}}, {"_id": {"$lt": last_id}}]}
