"""What is told of a ticket's past: the timeline with receipts, and the state of each party."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel

from services.tickets.service import Service
from services.tickets.tickets.operations import Document
from services.tickets.tickets.store import TICKETS
from services.tickets.tickets.values import Ticket
from services.tickets.tickets.views import PartyView
from shared.outbox import HistoryRow

OUTBOUND = "outbound."

_ACTORS = {"portal": "customer", "desk": "team", "phone": "team", "event": "party", "timer": "system", "api": "system"}


class SeenBy(BaseModel):
    party: str
    seen_at: AwareDatetime | None


class TimelineItem(BaseModel):
    """One thing that happened. Customers see neither notes nor who of the team it was."""

    at: AwareDatetime
    type: str
    actor: str | None
    actor_kind: str
    text: str | None = None
    data: dict[str, Any] = {}
    seen_by: list[SeenBy] = []


async def history(deps: Service, document: Document) -> list[HistoryRow]:
    return await deps.outbox.history(TICKETS, document)


def parties_of(rows: Sequence[HistoryRow]) -> list[PartyView]:
    """The newest message to each party, and its receipt."""
    newest = {row.topic.removeprefix(OUTBOUND): row for row in rows if row.topic.startswith(OUTBOUND)}
    return [
        PartyView(party=party, what=row.type, sent_at=row.at if row.offset is not None else None, seen_at=row.seen_at)
        for party, row in sorted(newest.items())
    ]


def timeline(rows: Sequence[HistoryRow], ticket: Ticket, *, desk: bool) -> list[TimelineItem]:
    """Newest first."""
    told: dict[datetime, list[HistoryRow]] = {}
    for row in rows:
        if row.topic.startswith(OUTBOUND):
            told.setdefault(row.at, []).append(row)  # the events of one write bear the same time
    items: list[TimelineItem] = []
    known_updates: set[str] = set()
    for row in rows:
        if row.topic.startswith(OUTBOUND) or row.value is None:
            continue
        state = row.value["ticket"]
        new = [update for update in state["updates"] if update["update_id"] not in known_updates]
        known_updates.update(update["update_id"] for update in new)
        kind = _ACTORS.get(row.channel or "", "system")
        items.append(
            TimelineItem(
                at=row.value["occurred_at"],
                type=row.type,
                actor=row.actor if desk or kind in ("customer", "party") else None,
                actor_kind=kind,
                text="\n".join(update["text"] for update in new) or None,
                data=_data(row.type, row.value, state),
                seen_by=[
                    SeenBy(party=one.topic.removeprefix(OUTBOUND), seen_at=one.seen_at) for one in told.get(row.at, ())
                ],
            )
        )
    if desk:
        items += [
            TimelineItem(at=note.at, type="note", actor=note.author, actor_kind="team", text=note.text)
            for note in ticket.notes
        ]
        items += [
            TimelineItem(
                at=flag.at, type="flag", actor=flag.party, actor_kind="party", text=flag.reason, data=flag.message
            )
            for flag in ticket.flags
        ]
    return sorted(items, key=lambda item: item.at)[::-1]


def _data(type_: str, value: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"status": state["status"]}
    visit_id = value.get("visit_id")
    if visit_id is not None:
        data["visit"] = next((visit for visit in state["visits"] if visit["visit_id"] == visit_id), None)
    if "clock" in value:
        data["clock"] = next((clock for clock in state["clocks"] if clock["kind"] == value["clock"]), None)
    if type_ == "tickets.visit.reported.v1":
        data["report"] = state["report"]
    if "reason" in value:
        data["reason"] = value["reason"]
    return data
