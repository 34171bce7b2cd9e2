"""The one timeline: every event of a ticket in words, newest first, with who took notice. It comes in pages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.portal.locale.texts import Texts, mark
from services.portal.pages.base.models import TimelineRow
from services.portal.pages.components.labels import party, ticket_state
from shared.contracts.tickets import TicketStatus

WHAT: dict[str, tuple[str, str, str]] = {
    "tickets.ticket.opened": (mark("Request received"), "mail", "calm"),
    "tickets.ticket.acknowledged": (mark("We have confirmed we are on it"), "check", "calm"),
    "tickets.ticket.updated": (mark("New message"), "chat", "calm"),
    "tickets.ticket.status-changed": (mark("State changed"), "info", "none"),
    "tickets.visit.planned": (mark("Visit planned"), "calendar", "calm"),
    "tickets.visit.moved": (mark("Visit moved"), "calendar", "wait"),
    "tickets.visit.cancelled": (mark("Visit cancelled"), "close", "late"),
    "tickets.visit.answered": (mark("Visit answered"), "calendar", "calm"),
    "tickets.engineer.travelling": (mark("Engineer set off"), "van", "calm"),
    "tickets.engineer.arrived": (mark("Engineer arrived"), "pin", "good"),
    "tickets.visit.reported": (mark("Engineer's report"), "note", "calm"),
    "tickets.ticket.resolved": (mark("Solved"), "check-circle", "good"),
    "tickets.ticket.reopened": (mark("Opened again"), "chat", "wait"),
    "tickets.ticket.closed": (mark("Request closed"), "check-circle", "none"),
    "tickets.ticket.cancelled": (mark("Withdrawn"), "close", "none"),
    "tickets.deadline.at-risk": (mark("Deadline close"), "hourglass", "wait"),
    "tickets.deadline.breached": (mark("Deadline missed"), "alert", "late"),
    "tickets.deadline.breach-withdrawn": (mark("Deadline was kept after all"), "check", "good"),
    "note": (mark("Internal note"), "note", "wait"),
    "flag": (mark("Needs a look"), "alert", "late"),
}
OTHER = (mark("Changed"), "info", "none")
WHO: dict[str, str] = {
    "team": mark("Service team"),
    "system": mark("automatically"),
}
ANSWERED = {
    "confirmed": mark("The visit was confirmed"),
    "other_window_wanted": mark("Another time was asked for"),
}
ONLY_WITH_WORDS = frozenset({"tickets.ticket.updated"})
"""Events that say nothing of their own: without words they are no entry."""
INTERNAL = frozenset({"note", "flag"})
PARTY_OF = {
    "tickets.visit": "dispatch",
    "tickets.engineer": "engineer",
    "tickets.ticket.acknowledged": "contact_centre",
    "tickets.ticket.updated": "contact_centre",
    "tickets.ticket.status-changed": "contact_centre",
}


@dataclass(frozen=True)
class Entry:
    at: datetime
    what: str
    icon: str
    tone: str
    who: str | None
    text: str | None
    internal: bool
    seen: tuple[str, ...]
    own: bool = False
    """The reader's own words."""
    together: bool = False
    """Of the same minute and the same person as the entry above it, which says both."""


def kind_of(event_type: str) -> str:
    """The type without its version."""
    head, _, tail = event_type.rpartition(".")
    return head if tail[:1] == "v" and tail[1:].isdigit() else event_type


def timeline(
    texts: Texts, rows: Sequence[TimelineRow], *, team_name: str | None = None, staff: bool = False, reader: str = ""
) -> list[Entry]:
    """The rows in words, in the order in which they came: newest first. `reader` is the user id of who reads them."""
    told = (row for row in rows if row.text or kind_of(row.type) not in ONLY_WITH_WORDS)
    entries: list[Entry] = []
    for row in told:
        entry = _entry(texts, row, team_name, staff, reader)
        above = entries[-1] if entries else None
        entries.append(replace(entry, together=above is not None and _are_together(above, entry)))
    return entries


def _are_together(above: Entry, entry: Entry) -> bool:
    same_minute = above.at.replace(second=0, microsecond=0) == entry.at.replace(second=0, microsecond=0)
    return same_minute and above.who == entry.who and above.internal == entry.internal


def _entry(texts: Texts, row: TimelineRow, team_name: str | None, staff: bool, reader: str) -> Entry:
    kind = kind_of(row.type)
    words, icon, tone = WHAT.get(kind, OTHER)
    seen = [
        texts.text("%(party)s %(time)s", party=party(texts, receipt.party), time=texts.moment(receipt.seen_at))
        for receipt in row.seen_by
        if receipt.seen_at
    ]
    return Entry(
        at=row.at,
        what=_what(texts, kind, words, row.data, staff),
        icon=icon,
        tone=tone,
        who=_customer(texts, row, staff, reader)
        if row.actor_kind == "customer"
        else _who(texts, kind, row.actor_kind, team_name),
        text=row.text,
        internal=kind in INTERNAL,
        seen=tuple(seen),
        own=row.actor_kind == "customer" and bool(row.actor) and row.actor == reader,
    )


def _what(texts: Texts, kind: str, words: str, data: dict[str, Any], staff: bool) -> str:
    said = texts.text(words)
    visit = data.get("visit") or {}
    if kind in ("tickets.visit.planned", "tickets.visit.moved"):
        start, end = _moment(visit.get("window_from")), _moment(visit.get("window_to"))
        if start and end:
            return f"{said}: {texts.window(start, end)}"
    if kind == "tickets.visit.answered":
        answer = ANSWERED.get(str(visit.get("customer_reply")))
        return texts.text(answer) if answer else said
    if kind == "tickets.ticket.status-changed" and data.get("status") in set(TicketStatus):
        return ticket_state(texts, TicketStatus(data["status"]), staff=staff).text
    return said


def _customer(texts: Texts, row: TimelineRow, staff: bool, reader: str) -> str:
    """Who of the customer's people it was: the reader himself, a colleague by name; erased names are nobody's."""
    if row.actor and row.actor == reader:
        return texts.text("You")
    if row.actor_name:
        return row.actor_name
    return texts.text("Customer") if staff else texts.text("A colleague of yours")


def _who(texts: Texts, kind: str, actor_kind: str | None, team_name: str | None) -> str | None:
    if kind == "tickets.visit.reported":
        return party(texts, "engineer")
    if actor_kind == "party":
        code = PARTY_OF.get(kind) or PARTY_OF.get(kind.rpartition(".")[0])
        return party(texts, code) if code else None
    if actor_kind == "team" and team_name:
        return team_name
    words = WHO.get(actor_kind or "")
    return texts.text(words) if words else None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None
