"""The row that lists, searches and calendars see of a ticket, and by which keys it is found.

What a scope and a list's order ask for stands in fields of the row itself: the store reads an index in the order of
its second field only when neither lies inside another field.
"""

from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.tickets.aggregate.states import WORK_REMAINS
from shared.contracts.tickets import TicketStatus
from shared.text import folded, search_words, squeezed

Document = dict[str, Any]

ROWS = "ticket_rows"

NEWEST_FIRST = (("opened_at", DESCENDING), ("_id", DESCENDING))

DESCRIPTION_WORDS = 40
"""So many distinct words of a description can be searched for."""

NOT_SHOWN = frozenset({"latest_entries", "report"})
"""What a list shows no ticket with."""


async def prepare(db: AsyncDatabase[Document]) -> None:
    rows = db[ROWS]
    await rows.create_index([("account_id", ASCENDING), *NEWEST_FIRST])
    await rows.create_index([("device_id", ASCENDING), *NEWEST_FIRST])
    await rows.create_index(list(NEWEST_FIRST))
    await rows.create_index([("group_ids", ASCENDING)])
    await rows.create_index([("keys", ASCENDING), ("account_id", ASCENDING)])


def row_of(document: Document) -> Document:
    """The row of a ticket's document."""
    ticket = document["ticket"]
    return {
        "ticket": {name: value for name, value in ticket.items() if name not in NOT_SHOWN},
        "account_id": ticket["account_id"],
        "device_id": ticket["device"]["device_id"],
        "opened_at": ticket["opened_at"],
        "group_ids": document["group_ids"],
        "note_count": document["note_count"],
        "flag_count": document["flag_count"],
        "latest_flags": document["latest_flags"],
        "keys": keys_of(ticket, [order["work_order_id"] for order in document["work_orders"]]),
    }


def keys_of(ticket: Mapping[str, Any], order_ids: list[str]) -> list[str]:
    """By what a ticket is found: its status and orders whole, codes and normalised words by their beginnings."""
    device = ticket["device"]
    keys = dict.fromkeys([status_key(ticket["status"]), *map(order_key, order_ids)])
    keys[OPEN if ticket["status"] in WORK_REMAINS else CLOSED] = None
    codes = [ticket["number"], device["serial"], ticket["own_reference"], ticket["error_code"]]
    for code in (*codes, *ticket["external_ids"].values()):
        if code:
            keys[squeezed(code)] = None
            keys.update(dict.fromkeys(search_words(code)))
    for name in (device["own_name"], device["model_name"]):
        if name:
            keys.update(dict.fromkeys(search_words(name)))
            keys.update(dict.fromkeys(folded(name).split()))
    keys.update(dict.fromkeys(search_words(ticket["description"])[:DESCRIPTION_WORDS]))
    keys.pop("", None)
    return list(keys)


OPEN, CLOSED = ":open", ":closed"
"""The key of all that somebody still waits for, and of all others. It begins with a sign as no searched word does."""


def status_key(status: TicketStatus) -> str:
    return f":status:{TicketStatus(status).value}"


def order_key(work_order_id: str) -> str:
    return f":order:{work_order_id}"
