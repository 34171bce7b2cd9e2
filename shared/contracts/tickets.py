"""Tickets with their visits, clocks and updates: owned by services/tickets."""

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.base import Contract, Event
from shared.contracts.catalog import Entitlement, Location, Site

ENTRY_LIMIT = 10_000
"""So many characters an entry holds at most, whoever writes it and by whichever way."""

EXCERPT_LIMIT = 500
"""So many characters of an entry, or of a party's message, stand where its whole text does not."""

LATEST = 3
"""So many entries a ticket's state names in short."""


class TicketStatus(StrEnum):
    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    WAITING_FOR_PARTS = "waiting_for_parts"
    VISIT_PLANNED = "visit_planned"
    ON_THE_WAY = "on_the_way"
    ON_SITE = "on_site"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class ClockKind(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    RESPONSE = "response"
    RESOLVE = "resolve"


class TicketDevice(Contract):
    """The device as it was when the ticket was opened."""

    device_id: str
    serial: str
    model_id: str
    model_name: str
    own_name: str | None = None


class PauseState(Contract):
    from_at: AwareDatetime
    to_at: AwareDatetime | None = None
    reason: str


class ClockState(Contract):
    """One service-level clock. Deadlines name the calendar's version that they were computed with."""

    kind: ClockKind
    state: Literal["running", "paused", "met", "breached", "stopped"]
    target_minutes: int
    started_at: AwareDatetime
    warn_at: AwareDatetime | None = None
    due_at: AwareDatetime
    warned_at: AwareDatetime | None = None
    met_at: AwareDatetime | None = None
    breached_at: AwareDatetime | None = None
    calendar: str
    calendar_version: int
    time_zone: str
    pauses: tuple[PauseState, ...] = ()


class PromiseState(Contract):
    """What the customer was told at receipt: when work starts, and by when the engineer comes."""

    work_starts_at: AwareDatetime
    acknowledge_by: AwareDatetime | None = None
    engineer_by: AwareDatetime | None = None
    resolve_by: AwareDatetime | None = None
    time_zone: str = Field(description="IANA name of the site's zone, in which the promise is read")


class VisitStatus(StrEnum):
    PLANNED = "planned"
    TRAVELLING = "travelling"
    ARRIVED = "arrived"
    DONE = "done"
    CANCELLED = "cancelled"


class VisitState(Contract):
    """A trip of an engineer. The window is what the customer was promised, not the planner's schedule."""

    visit_id: str = Field(description="minted by dispatch")
    work_order_id: str
    status: VisitStatus
    window_from: AwareDatetime | None = None
    window_to: AwareDatetime | None = None
    moved: int = Field(default=0, description="how often the window changed")
    customer_reply: Literal["confirmed", "other_window_wanted"] | None = None
    travelling_at: AwareDatetime | None = None
    expected_at: AwareDatetime | None = None
    arrived_at: AwareDatetime | None = None
    done_at: AwareDatetime | None = None
    old_address: bool = Field(default=False, description="planned before the device's site changed")


class Part(Contract):
    number: str = Field(max_length=200)
    name: str = Field(max_length=200)
    quantity: int = Field(gt=0, le=1_000_000)


class ReportState(Contract):
    """What the engineer found and did, as the customer may read it."""

    visit_id: str
    symptom: str
    cause: str
    action: str
    parts: tuple[Part, ...] = ()
    counters: dict[str, int] = Field(default_factory=dict)
    outcome: Literal["resolved", "follow_up", "parts_needed"]
    advice: str | None = None
    reported_at: AwareDatetime


Author = Literal["customer", "team", "engineer", "system"]

SolutionCause = Literal["operation", "settings", "consumables", "paper", "network", "hardware", "no_fault", "other"]
"""What it was, by the contact centre that solved it; of a visit the engineer's report says it."""


class PublicEntry(Contract):
    """An entry that the customer may read. Notes for staff are another type and never in these events."""

    entry_id: str
    at: AwareDatetime
    author: Author
    author_id: str | None = None
    text: str = Field(max_length=ENTRY_LIMIT)
    language: str | None = None


class EntryInShort(Contract):
    """The beginning of an entry; the whole stood in the event that brought it."""

    entry_id: str
    at: AwareDatetime
    author: Author
    text: str = Field(max_length=EXCERPT_LIMIT)
    cut: bool = Field(default=False, description="whether the entry goes on")


class TicketState(Contract):
    """A ticket of any length: what grows with its use is counted here, and told in the events that bring it."""

    ticket_id: str
    number: str
    ticket_type: str = "fault"
    status: TicketStatus
    account_id: str
    device: TicketDevice
    group_ids: tuple[str, ...] = ()
    site: Site
    location: Location = Location()
    contact_user_id: str | None = None
    opened_by: str | None = None
    on_behalf_of: str | None = None
    channel: Literal["portal", "phone", "api", "remote_link"] = "portal"
    own_reference: str | None = None
    description: str
    language: str
    error_code: str | None = None
    impact: Literal["down", "impaired", "question"] = "impaired"
    entitlement: Entitlement
    contract_line_id: str
    promise: PromiseState
    clocks: tuple[ClockState, ...] = ()
    work_order_id: str | None = None
    visits: tuple[VisitState, ...] = Field(default=(), description="those not over yet, and the last ten that are")
    report: ReportState | None = Field(default=None, description="the latest")
    entry_count: int = Field(default=0, description="of public entries")
    latest_entries: tuple[EntryInShort, ...] = Field(default=(), description="the last three, oldest first")
    last_customer_entry_at: AwareDatetime | None = None
    external_ids: dict[str, str] = Field(default_factory=dict)
    opened_at: AwareDatetime
    status_since: AwareDatetime
    resolved_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    solution_cause: SolutionCause | None = Field(default=None, description="of a fault solved without a visit")


class TicketEvent(Event):
    """Every event carries the ticket's public state after the change, and the entry that was written with it."""

    topic: ClassVar[str] = "tickets.tickets"
    ticket: TicketState
    entry: PublicEntry | None = None
    occurred_at: AwareDatetime = Field(description="when it happened, which may be before it was told")


class TicketOpened(TicketEvent):
    type: ClassVar[str] = "tickets.ticket.opened.v1"


class TicketAcknowledged(TicketEvent):
    type: ClassVar[str] = "tickets.ticket.acknowledged.v1"


class TicketUpdated(TicketEvent):
    """A public entry was added, or the customer's own reference or contact changed."""

    type: ClassVar[str] = "tickets.ticket.updated.v1"


class TicketStatusChanged(TicketEvent):
    """A change of state that has no event of its own: in progress, waiting, reopened."""

    type: ClassVar[str] = "tickets.ticket.status-changed.v1"


class VisitPlanned(TicketEvent):
    type: ClassVar[str] = "tickets.visit.planned.v1"
    visit_id: str


class VisitMoved(TicketEvent):
    type: ClassVar[str] = "tickets.visit.moved.v1"
    visit_id: str


class VisitCancelled(TicketEvent):
    type: ClassVar[str] = "tickets.visit.cancelled.v1"
    visit_id: str


class VisitAnswered(TicketEvent):
    """The customer confirmed the window or asked for another one."""

    type: ClassVar[str] = "tickets.visit.answered.v1"
    visit_id: str


class EngineerTravelling(TicketEvent):
    type: ClassVar[str] = "tickets.engineer.travelling.v1"
    visit_id: str


class EngineerArrived(TicketEvent):
    type: ClassVar[str] = "tickets.engineer.arrived.v1"
    visit_id: str


class VisitReported(TicketEvent):
    type: ClassVar[str] = "tickets.visit.reported.v1"
    visit_id: str


class TicketResolved(TicketEvent):
    type: ClassVar[str] = "tickets.ticket.resolved.v1"


class TicketReopened(TicketEvent):
    type: ClassVar[str] = "tickets.ticket.reopened.v1"


class TicketClosed(TicketEvent):
    type: ClassVar[str] = "tickets.ticket.closed.v1"


class TicketCancelled(TicketEvent):
    type: ClassVar[str] = "tickets.ticket.cancelled.v1"


class DeadlineAtRisk(TicketEvent):
    """75 % of a clock's business time are used up."""

    type: ClassVar[str] = "tickets.deadline.at-risk.v1"
    clock: ClockKind


class DeadlineBreached(TicketEvent):
    type: ClassVar[str] = "tickets.deadline.breached.v1"
    clock: ClockKind


class DeadlineBreachWithdrawn(TicketEvent):
    """A fact dated before the deadline arrived late: the clock was met after all."""

    type: ClassVar[str] = "tickets.deadline.breach-withdrawn.v1"
    clock: ClockKind


class TicketFlagged(TicketEvent):
    """A party's message contradicts the ticket; it is kept and a person has to look."""

    type: ClassVar[str] = "tickets.ticket.flagged.v1"
    reason: str


EVENTS: tuple[type[Event], ...] = (
    TicketOpened,
    TicketAcknowledged,
    TicketUpdated,
    TicketStatusChanged,
    VisitPlanned,
    VisitMoved,
    VisitCancelled,
    VisitAnswered,
    EngineerTravelling,
    EngineerArrived,
    VisitReported,
    TicketResolved,
    TicketReopened,
    TicketClosed,
    TicketCancelled,
    DeadlineAtRisk,
    DeadlineBreached,
    DeadlineBreachWithdrawn,
    TicketFlagged,
)
