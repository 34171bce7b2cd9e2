"""A ticket with what only staff see of it, and what a decision about it says. No value grows with a ticket's use."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import AwareDatetime, Field

from shared.contracts.base import Contract
from shared.contracts.tickets import EXCERPT_LIMIT, PublicEntry, SolutionCause, TicketEvent, TicketState
from shared.ids import derived_id

Then = Literal["nothing", "wait_for_customer", "wait_for_parts", "resolve", "close"]
"""What becomes of a ticket with an answer of the team."""


class MessageReference(Contract):
    """Where a party's message stands, and how it begins: the record itself is kept by its topic."""

    record_id: str
    type: str
    topic: str
    partition: int
    offset: int
    excerpt: str = Field(max_length=EXCERPT_LIMIT)


class Note(Contract):
    """An internal note: a type of its own, so that it cannot slip into the public state (TIC-7)."""

    note_id: str
    at: AwareDatetime
    author: str
    text: str


class Flag(Contract):
    """A party's message that contradicts the ticket, for a person to look at."""

    at: AwareDatetime
    party: str
    reason: str
    message: MessageReference


class FlagInShort(Contract):
    at: AwareDatetime
    party: str
    reason: str


class WorkOrder(Contract):
    """One order to dispatch. A follow-up visit gets a new one."""

    work_order_id: str
    requested_at: AwareDatetime
    symptom: str
    status: Literal["open", "done", "withdrawn"] = "open"


class VisitTrail(Contract):
    """What was told about a visit that the state holds: since when it is in its state, and the sequences by party.

    Of the sequences the highest are kept, in order. One below all of them may have been seen or not: it is older.
    """

    visit_id: str
    state_at: AwareDatetime
    state_by: str = Field(description="the party whose message led to the present state")
    sequences: dict[str, tuple[int, ...]] = Field(default_factory=dict)


class Closing(Contract):
    """When silence closes a resolved ticket, and when the customer is warned of that."""

    warn_at: AwareDatetime
    close_at: AwareDatetime
    warned_at: AwareDatetime | None = None


class HeldAnswer(Contract):
    """What an agent has written and may still take back: it leaves at `due_at`, with all that goes with it.

    One that could not leave any more, because the ticket had ended, stays with its text and `failed_at`.
    """

    answer_id: str
    kind: Literal["reply", "note"] = "reply"
    text: str
    then: Then = "nothing"
    cause: SolutionCause | None = None
    language: str | None = None
    author: str = Field(description="user id of the agent")
    channel: str
    held_at: AwareDatetime
    due_at: AwareDatetime
    failed_at: AwareDatetime | None = None


class Ticket(Contract):
    """The aggregate: `state` is public and travels in every event, the rest stays here."""

    state: TicketState
    note_count: int = 0
    flag_count: int = 0
    latest_flags: tuple[FlagInShort, ...] = Field(default=(), description="the last three, oldest first")
    work_orders: tuple[WorkOrder, ...] = Field(default=(), description="the open ones, and the last ten others")
    order_count: int = 0
    visit_trails: tuple[VisitTrail, ...] = ()
    closing: Closing | None = None
    held: tuple[HeldAnswer, ...] = Field(default=(), description="in the order in which they were written")
    flags_settled: int = Field(default=0, description="so many of the flags somebody has looked at")


class Mark(NamedTuple):
    """Something to be remembered for ever beside a ticket, found by its id: a message taken, a visit that is over."""

    mark_id: str
    facts: Mapping[str, Any] = {}


class Happened(NamedTuple):
    """A public event, before the state it will carry is final."""

    event: type[TicketEvent]
    at: datetime
    more: dict[str, Any]


class Signal(NamedTuple):
    """What dispatch or the engineer is to be told."""

    kind: Literal[
        "order_requested", "order_changed", "order_withdrawn", "sheet_issued", "sheet_changed", "sheet_withdrawn"
    ]
    work_order_id: str
    visit_id: str | None = None
    reason: str = ""


class Decision(NamedTuple):
    """The ticket after a decision, what happened, what was written, and what the parties have to know."""

    ticket: Ticket
    decided_at: datetime
    happened: Sequence[Happened] = ()
    signals: Sequence[Signal] = ()
    case_change: str | None = None
    """The change as the contact centre's CRM reads it; None where it learns nothing new."""
    notes: Sequence[Note] = ()
    flags: Sequence[Flag] = ()
    marks: Sequence[Mark] = ()
    new_orders: Sequence[str] = ()

    @property
    def public_events(self) -> list[TicketEvent]:
        """The events in order; each carries the state after the whole decision."""
        return [event(ticket=self.ticket.state, occurred_at=at, **more) for event, at, more in self.happened]

    @property
    def public_entries(self) -> list[PublicEntry]:
        return [more["entry"] for _, _, more in self.happened if more.get("entry") is not None]


class Silence(NamedTuple):
    """After how many whole days without an answer a resolved ticket is warned about, and closed."""

    warn_days: int
    close_days: int


def taken_mark(ticket_id: str, party: str, record_id: str) -> str:
    """The mark of a party's message that was applied to a ticket."""
    return derived_id("taken", ticket_id, party, record_id)


def past_visit_mark(ticket_id: str, visit_id: str) -> str:
    """The mark of a visit that has left the state: it holds the highest sequence of each party."""
    return derived_id("past-visit", ticket_id, visit_id)


def in_short(text: str) -> tuple[str, bool]:
    """The beginning of a text, and whether that is not all of it."""
    return text[:EXCERPT_LIMIT], len(text) > EXCERPT_LIMIT
