"""The row that lists, searches and calendars see of a ticket, and by which keys it is found.

What a scope and a list's order ask for stands in fields of the row itself: the store reads an index in the order of
its second field only when neither lies inside another field.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.tickets.aggregate.states import WORK_REMAINS
from shared.contracts.base import LAST_YEAR
from shared.contracts.tickets import TicketStatus, VisitStatus
from shared.text import folded, search_words, squeezed

Document = dict[str, Any]

ROWS = "ticket_rows"

NEWEST_FIRST = (("opened_at", DESCENDING), ("_id", DESCENDING))

DESCRIPTION_WORDS = 40
"""So many distinct words of a description can be searched for."""

NEVER = datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
"""The deadline of a ticket that has none, behind all others."""

NOT_SHOWN = frozenset({"latest_entries", "report"})
"""What a list shows no ticket with."""


async def prepare(db: AsyncDatabase[Document]) -> None:
    rows = db[ROWS]
    await rows.create_index([("account_id", ASCENDING), *NEWEST_FIRST])
    await rows.create_index([("device_id", ASCENDING), *NEWEST_FIRST])
    await rows.create_index(list(NEWEST_FIRST))
    await rows.create_index([("group_ids", ASCENDING)])
    await rows.create_index([("contact_id", ASCENDING)])
    await rows.create_index([("keys", ASCENDING), ("account_id", ASCENDING)])


def row_of(document: Document) -> Document:
    """The row of a ticket's document."""
    ticket = document["ticket"]
    return {
        "ticket": {name: value for name, value in ticket.items() if name not in NOT_SHOWN},
        "account_id": ticket["account_id"],
        "device_id": ticket["device"]["device_id"],
        "contact_id": ticket["contact_user_id"] or ticket["on_behalf_of"] or ticket["opened_by"],
        "opened_at": ticket["opened_at"],
        "due_at": due_at(ticket),
        "group_ids": document["group_ids"],
        "note_count": document["note_count"],
        "flag_count": document["flag_count"],
        "latest_flags": document["latest_flags"],
        "keys": [
            *map(queue_key, queues_of(document)),
            *keys_of(ticket, [order["work_order_id"] for order in document["work_orders"]]),
        ],
    }


class Queue(StrEnum):
    """What the contact centre has to look at; a ticket may stand in several."""

    ACKNOWLEDGE = "acknowledge"
    OVERDUE = "overdue"
    OTHER_TIME = "other_time"
    FLAGGED = "flagged"
    PARTS = "parts"


def queues_of(document: Document) -> Iterator[Queue]:
    """The queues that a ticket stands in."""
    ticket = document["ticket"]
    unsent = any(answer.get("failed_at") for answer in document.get("held") or ())
    if document["flag_count"] > document.get("flags_settled", 0) or unsent:
        yield Queue.FLAGGED
    if ticket["status"] not in WORK_REMAINS:
        return
    if ticket["status"] == TicketStatus.RECEIVED:
        yield Queue.ACKNOWLEDGE
    if any(clock["state"] == "breached" and not clock["met_at"] for clock in ticket["clocks"]):
        yield Queue.OVERDUE
    if any(
        visit["status"] == VisitStatus.PLANNED and visit["customer_reply"] == "other_window_wanted"
        for visit in ticket["visits"]
    ):
        yield Queue.OTHER_TIME
    if ticket["status"] == TicketStatus.WAITING_FOR_PARTS:
        yield Queue.PARTS


def due_at(ticket: Mapping[str, Any]) -> datetime:
    """The next deadline that still runs or was missed; `NEVER` where there is none."""
    if ticket["status"] not in WORK_REMAINS:
        return NEVER
    open_clocks = [clock for clock in ticket["clocks"] if clock["state"] in ("running", "breached")]
    return min((clock["due_at"] for clock in open_clocks if not clock["met_at"]), default=NEVER)


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
    for name in (device["own_name"], device["model_name"], ticket["site"]["name"], ticket["site"]["city"]):
        if name:
            keys.update(dict.fromkeys(search_words(name)))
            keys.update(dict.fromkeys(folded(name).split()))
    keys.update(dict.fromkeys(search_words(ticket["description"])[:DESCRIPTION_WORDS]))
    keys.pop("", None)
    return list(keys)


OPEN, CLOSED = ":open", ":closed"
"""The key of all that somebody still waits for, and of all others. It begins with a sign as no searched word does."""


def queue_key(queue: Queue) -> str:
    return f":queue:{queue.value}"


def status_key(status: TicketStatus) -> str:
    return f":status:{TicketStatus(status).value}"


def order_key(work_order_id: str) -> str:
    return f":order:{work_order_id}"
