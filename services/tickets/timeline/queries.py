"""A ticket's timeline in pages, newest first: one for everybody who sees it, with notes and flags for the desk."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel
from pymongo import DESCENDING

from services.tickets.aggregate.lines import ENTRIES, FLAG, NOTE, Line
from services.tickets.aggregate.store import TIMELINE_INDEX, Document
from services.tickets.receipts.queries import Receipt, receipts_of
from services.tickets.service import Service
from shared.http.paging import Page, encode_cursor, moment_and_id
from shared.outbox import waiting_rows

_ACTORS = {"portal": "customer", "desk": "team", "phone": "team", "event": "party", "timer": "system", "api": "system"}
_ACTOR_OF = {NOTE: "team", FLAG: "party"}

Position = tuple[datetime, str]
"""The moment and the id of the last thing that a page showed."""


class SeenBy(BaseModel):
    party: str
    seen_at: AwareDatetime | None


class TimelineItem(BaseModel):
    """One thing that happened. Customers see neither notes nor flags, nor who of the team it was."""

    line_id: str
    at: AwareDatetime
    type: str
    actor: str | None
    actor_kind: str
    text: str | None = None
    data: dict[str, Any] = {}
    seen_by: list[SeenBy] = []


async def timeline(
    deps: Service, document: Document, *, desk: bool, limit: int, cursor: str | None
) -> Page[TimelineItem]:
    """A page of the timeline of a ticket, by the times at which things happened. Raises CursorInvalid."""
    position = position_of(cursor)
    lines = await _lines(deps, document, desk=desk, position=position, count=limit + 1)
    after = None
    if len(lines) > limit:
        lines = lines[:limit]
        after = encode_cursor({"at": lines[-1]["at"].isoformat(), "id": lines[-1]["_id"]})
    wanted = {sequence for line in lines for sequence in line["told"].values()}
    receipts = await receipts_of(deps, document, wanted)
    return Page[TimelineItem](items=[_item(line, receipts, desk=desk) for line in lines], next=after)


async def _lines(deps: Service, document: Document, *, desk: bool, position: Position | None, count: int) -> list[Line]:
    """The newest lines before a position, with those that still wait in the document."""
    query: dict[str, Any] = {"ticket_id": document["_id"]}
    if not desk:
        query["internal"] = False
    if position is not None:
        at, last_id = position
        query |= {"at": {"$lte": at}, "$or": [{"at": {"$lt": at}}, {"_id": {"$lt": last_id}}]}
    found = deps.db[ENTRIES].find(query, hint=TIMELINE_INDEX).sort([("at", DESCENDING), ("_id", DESCENDING)])
    lines = {line["_id"]: line for line in await found.limit(count).to_list()}
    for line in waiting_rows(document, ENTRIES):
        before = position is None or (line["at"], line["_id"]) < position
        if before and (desk or not line["internal"]):
            lines.setdefault(line["_id"], line)
    return sorted(lines.values(), key=lambda line: (line["at"], line["_id"]), reverse=True)[:count]


def position_of(cursor: str | None) -> Position | None:
    """The position behind a cursor. Raises CursorInvalid."""
    return None if cursor is None else moment_and_id(cursor)


def _item(line: Line, receipts: Mapping[int, Receipt], *, desk: bool) -> TimelineItem:
    kind = _ACTOR_OF.get(line["type"]) or _ACTORS.get(line["channel"], "system")
    return TimelineItem(
        line_id=line["_id"],
        at=line["at"],
        type=line["type"],
        actor=line["actor"] if desk or kind in ("customer", "party") else None,
        actor_kind=kind,
        text=line["text"],
        data=line["data"],
        seen_by=[
            SeenBy(party=party, seen_at=receipts[sequence].seen_at if sequence in receipts else None)
            for party, sequence in line["told"].items()
        ],
    )
