"""Answers about tickets: one, many, and the search among them (TIC-10, TIC-11)."""

from typing import Any, Literal, NamedTuple

from services.tickets.aggregate import rows, store
from services.tickets.aggregate.callers import visible_rows, visible_tickets
from services.tickets.aggregate.operations import TicketNotFound
from services.tickets.aggregate.store import Document
from services.tickets.aggregate.values import Ticket
from services.tickets.devices import store as devices
from services.tickets.service import Service
from services.tickets.tickets import finding
from services.tickets.timeline.queries import Position, position_of
from shared.access.caller import Caller
from shared.access.scope import all_of
from shared.contracts.tickets import TicketStatus
from shared.http.paging import encode_cursor


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
    position = position_of(cursor)
    search = finding.Search.of(wanted.q) if wanted.q else finding.NO_SEARCH
    if search is None:
        return Found([], None, 0 if with_total else None, {})
    listed = await finding.find(
        deps.db[rows.ROWS], visible_rows(caller), within=_within(wanted), keys=_keys(wanted), search=search
    )
    documents = await listed.newest(limit + 1, after=_after(position) if position else None)
    after = None
    if len(documents) > limit:
        documents = documents[:limit]
        last = documents[-1]
        after = encode_cursor({"at": last["opened_at"].isoformat(), "id": last["_id"]})
    total = await listed.total() if with_total else None
    accounts = await devices.accounts_by_id(deps.db, [one["account_id"] for one in documents])
    return Found(documents, after, total, accounts)


def _within(wanted: Wanted) -> list[Document]:
    named = {"account_id": wanted.account_id, "device_id": wanted.device_id}
    return [{name: value} for name, value in named.items() if value is not None]


def _keys(wanted: Wanted) -> list[finding.Key]:
    keys = []
    if wanted.status is not None:
        keys.append(finding.whole(rows.status_key(wanted.status)))
    if wanted.state != "all":
        keys.append(finding.whole(rows.OPEN if wanted.state == "open" else rows.CLOSED))
    return keys


def _after(position: Position) -> Document:
    at, last_id = position
    return {"opened_at": {"$lte": at}, "$or": [{"opened_at": {"$lt": at}}, {"_id": {"$lt": last_id}}]}
