"""A ticket's timeline in pages, newest first: one for everybody who sees it, with notes and flags for the desk."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from services.tickets.aggregate.lines import ENTRIES, FLAG, NOTE, Line
from services.tickets.aggregate.store import TIMELINE_INDEX, Document
from services.tickets.devices.store import PEOPLE
from services.tickets.receipts.queries import Receipt, receipts_of
from services.tickets.service import Service
from shared.http.paging import Page
from shared.lists import Order, Position, slice_of
from shared.outbox import waiting_rows

_ACTORS = {"portal": "customer", "desk": "team", "phone": "team", "event": "party", "timer": "system", "api": "system"}
_ACTOR_OF = {NOTE: "team", FLAG: "party"}

NEWEST_FIRST = Order("at", "at", datetime, descending=True)


class SeenBy(BaseModel):
    party: str
    seen_at: AwareDatetime | None


class TimelineItem(BaseModel):
    """One thing that happened. Customers see neither notes nor flags, nor who of the team it was."""

    line_id: str
    at: AwareDatetime
    type: str
    actor: str | None
    actor_name: str | None = Field(default=None, description="of the customer's people, for those who see the ticket")
    actor_kind: str
    text: str | None = None
    data: dict[str, Any] = {}
    seen_by: list[SeenBy] = []


async def timeline(
    deps: Service, document: Document, *, desk: bool, limit: int, cursor: str | None
) -> Page[TimelineItem]:
    """A page of the timeline of a ticket, by the times at which things happened. Raises CursorInvalid."""

    async def read(order: Order, position: Position | None, count: int) -> list[Line]:
        return await _lines(deps, document, order, position, desk=desk, count=count)

    page = await slice_of(NEWEST_FIRST, cursor=cursor, limit=limit, read=read)
    wanted = {sequence for line in page.documents for sequence in line["told"].values()}
    receipts = await receipts_of(deps, document, wanted)
    names = await _names(deps, page.documents)
    items = [_item(line, receipts, names, desk=desk) for line in page.documents]
    return Page[TimelineItem](items=items, next=page.next, previous=page.previous)


async def _lines(
    deps: Service, document: Document, order: Order, position: Position | None, *, desk: bool, count: int
) -> list[Line]:
    """The first lines behind a position, with those that still wait in the document."""
    query: dict[str, Any] = {"ticket_id": document["_id"], **order.beyond(position)}
    if not desk:
        query["internal"] = False
    found = deps.db[ENTRIES].find(query, hint=TIMELINE_INDEX).sort(order.keys())
    lines = {line["_id"]: line for line in await found.limit(count).to_list()}
    for line in waiting_rows(document, ENTRIES):
        if order.is_beyond(line, position) and (desk or not line["internal"]):
            lines.setdefault(line["_id"], line)
    return sorted(lines.values(), key=order.of, reverse=order.descending)[:count]


async def _names(deps: Service, lines: Sequence[Line]) -> dict[str, str]:
    """The names of the customer's people who acted; of somebody whose data were erased there is none."""
    acted = sorted({line["actor"] for line in lines if line["channel"] == "portal" and line["actor"]})
    if not acted:
        return {}
    found = deps.db[PEOPLE].find({"_id": {"$in": acted}, "last_name": {"$exists": True}})
    return {row["_id"]: f"{row['first_name']} {row['last_name']}".strip() async for row in found}


def _item(line: Line, receipts: Mapping[int, Receipt], names: Mapping[str, str], *, desk: bool) -> TimelineItem:
    kind = _ACTOR_OF.get(line["type"]) or _ACTORS.get(line["channel"], "system")
    return TimelineItem(
        line_id=line["_id"],
        at=line["at"],
        type=line["type"],
        actor=line["actor"] if desk or kind in ("customer", "party") else None,
        actor_name=names.get(line["actor"]) if kind == "customer" else None,
        actor_kind=kind,
        text=line["text"],
        data=line["data"],
        seen_by=[
            SeenBy(party=party, seen_at=_seen_at(line, party, receipts.get(sequence)))
            for party, sequence in line["told"].items()
        ],
    )


def _seen_at(line: Line, party: str, receipt: Receipt | None) -> datetime | None:
    """A party has seen its own act; else when it was seen to have read past it."""
    if party == line.get("own"):
        acted_at: datetime = line["at"]
        return acted_at
    return receipt.seen_at if receipt else None
