"""Tickets in the store: document and value, and what is asked of them by others' ids.

The document is found by its id, its device and its timer alone; every list and search reads rows. Group ids stand
beside the ticket and not in it: they are refreshed without a version, and a command that read the ticket before must
not write the old ones back. What grows with a ticket's use stands in collections of its own: the lines of its timeline,
the marks of what was taken, and by which orders it is found.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.tickets.aggregate import closing, rows, timers
from services.tickets.aggregate.lines import ENTRIES, MARKS, WORK_ORDERS
from services.tickets.aggregate.states import WORK_REMAINS
from services.tickets.aggregate.values import Ticket
from services.tickets.devices.store import KnownDevice
from shared.access.scope import EVERYTHING
from shared.contracts.catalog import DeviceState
from shared.contracts.tickets import TicketState
from shared.outbox import Aggregate, Cause, Change, Outbox, Shown, waiting_rows

Database = AsyncDatabase[dict[str, Any]]
Document = dict[str, Any]

TIMELINE_INDEX = "timeline"
"""In the order of reading, and named to the store: left alone it may sort all lines of a long ticket for a page."""

_DESK_FIELDS = (
    "note_count",
    "flag_count",
    "latest_flags",
    "work_orders",
    "order_count",
    "visit_trails",
    "closing",
    "held",
    "flags_settled",
)


async def prepare(db: Database) -> None:
    await db[TICKETS.collection].create_index([("ticket.device.device_id", ASCENDING)])
    await rows.prepare(db)
    await db[ENTRIES].create_index(
        [("ticket_id", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name=TIMELINE_INDEX
    )


def ticket_of(document: Document) -> Ticket:
    """The ticket of a document."""
    state = TicketState.model_validate({**document["ticket"], "group_ids": document["group_ids"]})
    desk = {name: document[name] for name in _DESK_FIELDS if document.get(name) is not None}
    return Ticket.model_validate({"state": state, **desk})


def new_document(ticket: Ticket, *, device_version: int) -> Document:
    """A ticket that was opened on this version of its device."""
    fields, _ = fields_of(ticket)
    groups = {"group_ids": list(ticket.state.group_ids), "group_ids_of": device_version}
    return {"_id": ticket.state.ticket_id, **groups, **fields}


def fields_of(ticket: Ticket) -> tuple[Document, list[str]]:
    """What to set and what to drop to store a ticket; its group ids are left as they are."""
    state = ticket.state
    optional = {
        "next_at": next_at(ticket),
        "closing": ticket.closing.model_dump() if ticket.closing else None,
    }
    fields: Document = {
        "ticket": state.model_dump(exclude={"group_ids"}),
        **ticket.model_dump(exclude={"state", "closing"}),
        **{name: value for name, value in optional.items() if value is not None},
    }
    return fields, [name for name, value in optional.items() if value is None]


def next_at(ticket: Ticket) -> datetime | None:
    """The earliest moment at which the ticket wants to be looked at."""
    leaving = [answer.due_at for answer in ticket.held if answer.failed_at is None]
    moments = (timers.next_moment(ticket.state), closing.next_moment(ticket.closing), *leaving)
    return min((moment for moment in moments if moment is not None), default=None)


TICKETS = Aggregate("tickets", "tickets", shown=(Shown(rows.ROWS, rows.row_of, form=2),))


_WORK_REMAINS = {"$in": sorted(WORK_REMAINS)}


async def open_tickets_of(db: Database, device_ids: Sequence[str]) -> list[Document | None]:
    """For each device id, number and account of a ticket that somebody still waits for; None where there is none."""
    query = {"ticket.device.device_id": {"$in": sorted(set(device_ids))}, "ticket.status": _WORK_REMAINS}
    fields = {"ticket.number": 1, "ticket.account_id": 1, "ticket.device.device_id": 1}
    found = {
        document["ticket"]["device"]["device_id"]: document
        async for document in db[TICKETS.collection].find(query, fields)
    }
    return [found.get(device_id) for device_id in device_ids]


async def open_ticket_ids(db: Database, device: DeviceState) -> list[str]:
    """Tickets of the device, opened in the account that it belongs to, that somebody still waits for."""
    query = {
        "ticket.device.device_id": device.device_id,
        "ticket.status": _WORK_REMAINS,
        "ticket.account_id": device.account_id,
    }
    return [document["_id"] async for document in db[TICKETS.collection].find(query, {"_id": 1})]


async def ticket_id_of_order(db: Database, work_order_id: str) -> str | None:
    """The ticket that an order belongs to, also one that the ticket no longer holds."""
    row = await db[rows.ROWS].find_one({"keys": rows.order_key(work_order_id)}, {"_id": 1})
    if row is not None:
        return str(row["_id"])
    # An order leaves the ticket long after its place was moved here: ten others came after it.
    place = await db[WORK_ORDERS].find_one({"_id": work_order_id})
    return None if place is None else str(place["ticket_id"])


async def marks(db: Database, document: Document, wanted: Sequence[str]) -> Mapping[str, Document]:
    """Those of the wanted marks that stand beside a ticket, by id; what waits in its document, as read, counts.

    The drain moves a mark before it clears the document, so that who reads the document first misses none.
    """
    if not wanted:
        return {}
    found = {mark["_id"]: mark for mark in waiting_rows(document, MARKS) if mark["_id"] in wanted}
    async for mark in db[MARKS].find({"_id": {"$in": list(wanted)}}):
        found[mark["_id"]] = mark
    return found


class Sight(NamedTuple):
    """What a stream has to know of a ticket as it is now: its version, and who may see it."""

    version: int
    account_id: str
    device_id: str
    group_ids: tuple[str, ...]


async def sights(db: Database, ticket_ids: Collection[str]) -> dict[str, Sight]:
    """The tickets that there are, by id."""
    fields = {"version": 1, "group_ids": 1, "ticket.account_id": 1, "ticket.device.device_id": 1}
    found = db[TICKETS.collection].find({"_id": {"$in": list(ticket_ids)}}, fields)
    return {
        document["_id"]: Sight(
            document["version"],
            document["ticket"]["account_id"],
            document["ticket"]["device"]["device_id"],
            tuple(document["group_ids"]),
        )
        async for document in found
    }


async def refresh_groups(outbox: Outbox, devices: Iterable[KnownDevice]) -> None:
    """Bring the copies of group ids up to date, without a version, while the device stays in the ticket's account.

    Each copy keeps the device's version that it was made from: an older one, from whatever view, never undoes it.
    """
    by_id = {device.state.device_id: device for device in devices}
    found = outbox.db[TICKETS.collection].find(
        {"ticket.device.device_id": {"$in": list(by_id)}},
        {"group_ids": 1, "ticket.device.device_id": 1, "ticket.account_id": 1},
    )
    concerned = [
        (document["_id"], device)
        async for document in found
        if _regroups(document, device := by_id[document["ticket"]["device"]["device_id"]])
    ]
    await asyncio.gather(*(_regroup(outbox, ticket_id, device) for ticket_id, device in concerned))


async def _regroup(outbox: Outbox, ticket_id: str, device: KnownDevice) -> None:
    def decide(document: Document) -> Change | None:
        is_newer = document.get("group_ids_of") is None or document["group_ids_of"] < device.version
        if not is_newer or not _regroups(document, device):
            return None
        return Change(set={"group_ids": list(device.state.group_ids), "group_ids_of": device.version})

    await outbox.change(TICKETS, ticket_id, decide, scope=EVERYTHING, cause=Cause.by_itself("tickets"))


def _regroups(document: Document, device: KnownDevice) -> bool:
    same_account = document["ticket"]["account_id"] == device.state.account_id
    return same_account and not _same(document["group_ids"], device.state.group_ids)


def _same(these: Sequence[str], those: Sequence[str]) -> bool:
    return set(these) == set(those)
