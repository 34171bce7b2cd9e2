"""A ticket with what only staff see of it, and what a decision about it says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import AwareDatetime, Field

from shared.contracts.base import Contract
from shared.contracts.tickets import TicketEvent, TicketState


class Note(Contract):
    """An internal note: a type of its own, so that it cannot slip into the public state (TIC-7)."""

    note_id: str
    at: AwareDatetime
    author: str
    text: str


class Flag(Contract):
    """A party's message that contradicts the ticket: kept whole, for a person to look at."""

    at: AwareDatetime
    party: str
    reason: str
    message: dict[str, Any]


class WorkOrder(Contract):
    """One order to dispatch. A follow-up visit gets a new one."""

    work_order_id: str
    requested_at: AwareDatetime
    symptom: str
    status: Literal["open", "done", "withdrawn"] = "open"


class VisitTrail(Contract):
    """What was told about a visit: the sequences by party, and since when it is in its state."""

    visit_id: str
    state_at: AwareDatetime
    state_by: str = Field(description="the party whose message led to the present state")
    sequences: dict[str, tuple[int, ...]] = Field(default_factory=dict)


class Closing(Contract):
    """When silence closes a resolved ticket, and when the customer is warned of that."""

    warn_at: AwareDatetime
    close_at: AwareDatetime
    warned_at: AwareDatetime | None = None


class Ticket(Contract):
    """The aggregate: `state` is public and travels in every event, the rest stays here."""

    state: TicketState
    notes: tuple[Note, ...] = ()
    flags: tuple[Flag, ...] = ()
    work_orders: tuple[WorkOrder, ...] = ()
    visit_trails: tuple[VisitTrail, ...] = ()
    closing: Closing | None = None
    taken_messages: tuple[str, ...] = ()
    """Ids of the contact centre's messages that were applied: a repeated one changes nothing."""


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
    """The ticket after a decision, what happened, and what the parties have to know."""

    ticket: Ticket
    decided_at: datetime
    happened: Sequence[Happened] = ()
    signals: Sequence[Signal] = ()
    case_change: str | None = None
    """The change as the contact centre's CRM reads it; None where it learns nothing new."""

    @property
    def public_events(self) -> list[TicketEvent]:
        """The events in order; each carries the state after the whole decision."""
        return [event(ticket=self.ticket.state, occurred_at=at, **more) for event, at, more in self.happened]


class Silence(NamedTuple):
    """After how many whole days without an answer a resolved ticket is warned about, and closed."""

    warn_days: int
    close_days: int
