"""Which mail an event asks for, and what becomes of it. A mail is queued once and ends sent, skipped or failed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime

from shared.contracts.base import Contract
from shared.contracts.catalog import Location, Site
from shared.contracts.identity import PersonState, UserState, UserStatus
from shared.contracts.notifier import MessageChanged, MessageState, MessageStatus
from shared.contracts.tickets import (
    EngineerTravelling,
    PromiseState,
    PublicEntry,
    ReportState,
    TicketAcknowledged,
    TicketCancelled,
    TicketClosed,
    TicketDevice,
    TicketEvent,
    TicketOpened,
    TicketResolved,
    TicketState,
    TicketStatus,
    TicketStatusChanged,
    TicketUpdated,
    VisitCancelled,
    VisitMoved,
    VisitPlanned,
    VisitState,
)


class MessageKind(StrEnum):
    """What a mail is about; also the name of its template."""

    TICKET_OPENED = "ticket_opened"
    TICKET_UPDATED = "ticket_updated"
    TICKET_WAITING = "ticket_waiting"
    VISIT_PLANNED = "visit_planned"
    VISIT_MOVED = "visit_moved"
    VISIT_CANCELLED = "visit_cancelled"
    ENGINEER_TRAVELLING = "engineer_travelling"
    TICKET_RESOLVED = "ticket_resolved"
    TICKET_CLOSED = "ticket_closed"
    TICKET_CANCELLED = "ticket_cancelled"


KIND_OF_EVENT: Mapping[type[TicketEvent], MessageKind] = {
    TicketOpened: MessageKind.TICKET_OPENED,
    VisitPlanned: MessageKind.VISIT_PLANNED,
    VisitMoved: MessageKind.VISIT_MOVED,
    EngineerTravelling: MessageKind.ENGINEER_TRAVELLING,
    TicketResolved: MessageKind.TICKET_RESOLVED,
    TicketClosed: MessageKind.TICKET_CLOSED,
    TicketCancelled: MessageKind.TICKET_CANCELLED,
}

WRITTEN: tuple[type[TicketEvent], ...] = (TicketUpdated, TicketStatusChanged, TicketAcknowledged)
"""Events that mail only the word that came with them."""

MAILED: tuple[type[TicketEvent], ...] = (*KIND_OF_EVENT, *WRITTEN, VisitCancelled)
"""All events that may mail something."""

_OVER = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.CANCELLED})
_ENDED = frozenset({MessageKind.TICKET_RESOLVED, MessageKind.TICKET_CLOSED, MessageKind.TICKET_CANCELLED})
_VISIT_CHANGED = frozenset({MessageKind.VISIT_PLANNED, MessageKind.VISIT_MOVED, MessageKind.VISIT_CANCELLED}) | _ENDED
SUPERSEDED_BY: Mapping[MessageKind, frozenset[MessageKind]] = {
    MessageKind.TICKET_OPENED: frozenset(),
    MessageKind.TICKET_UPDATED: frozenset(),
    MessageKind.TICKET_WAITING: _ENDED,
    MessageKind.VISIT_PLANNED: _VISIT_CHANGED,
    MessageKind.VISIT_MOVED: _VISIT_CHANGED,
    MessageKind.VISIT_CANCELLED: _VISIT_CHANGED,
    MessageKind.ENGINEER_TRAVELLING: _VISIT_CHANGED,
    MessageKind.TICKET_RESOLVED: frozenset(),
    MessageKind.TICKET_CLOSED: frozenset(),
    MessageKind.TICKET_CANCELLED: frozenset(),
}
"""A mail that waited for the mail server is dropped when a later event has made its promise untrue."""

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 15, 60, 300, 1800))
"""Pauses between attempts; the last one repeats until the event is too old."""

VIEW_GRACE = timedelta(seconds=10)
"""How long a recipient whom the views do not know or allow yet is looked up again before the mail is dropped."""


class SkipReason(StrEnum):
    """Why a mail was not sent although an event asked for it."""

    PERSON_UNKNOWN = "person_unknown"
    NOT_ACTIVE = "not_active"
    NOT_PERMITTED = "not_permitted"
    NOT_WANTED = "not_wanted"
    STAFF = "staff"
    SUPERSEDED = "superseded"
    TOO_OLD = "too_old"


OUTCOME_UNKNOWN = "outcome_unknown"
"""Why a mail failed whose repeat was lost, too. Other failures carry the mail server's answer, as `refused_550`."""


class TicketFacts(Contract):
    """What the mails show of a ticket as it was at the event, and what the permission to see it depends on."""

    ticket_id: str
    number: str
    account_id: str
    group_ids: tuple[str, ...] = ()
    device: TicketDevice
    site: Site
    location: Location
    own_reference: str | None = None
    error_code: str | None = None
    description: str
    impact: str = "impaired"
    promise: PromiseState
    opened_at: AwareDatetime
    visit: VisitState | None = None
    report: ReportState | None = None
    written: str | None = None
    """What was written to the customer with the event."""

    @classmethod
    def of(cls, ticket: TicketState, *, visit_id: str | None, entry: PublicEntry | None = None) -> "TicketFacts":
        visit = next((visit for visit in ticket.visits if visit.visit_id == visit_id), None)
        return cls.model_validate(ticket.model_dump() | {"visit": visit, "written": word_to_customer(entry)})


class Message(Contract):
    """One mail to one person about one event.

    `attempt` counts attempts to reach the mail server. `unanswered` counts those whose outcome nobody knows: the
    process died, or the connection broke, between the first byte and the server's answer. `handed_over` is set while
    one is under way.
    """

    message_id: str
    user_id: str
    kind: MessageKind
    status: MessageStatus = MessageStatus.QUEUED
    reason: str | None = None
    event_id: str
    event_at: AwareDatetime
    event_sequence: int
    correlation_id: str | None = None
    facts: TicketFacts
    template_version: str
    language: str | None = None
    subject: str | None = None
    attempt: int = 0
    unanswered: int = 0
    handed_over: bool = False
    queued_at: AwareDatetime
    at: AwareDatetime

    def changed(self) -> MessageChanged:
        return MessageChanged(
            message=MessageState(
                message_id=self.message_id,
                user_id=self.user_id,
                kind=self.kind,
                ticket_id=self.facts.ticket_id,
                status=self.status,
                reason=self.reason,
                template_version=self.template_version,
                at=self.at,
            )
        )


def word_to_customer(entry: PublicEntry | None) -> str | None:
    """The text of an entry that is not the customer's own."""
    return entry.text if entry is not None and entry.author != "customer" else None


def kind_of(event: TicketEvent) -> MessageKind | None:
    """Which mail an event asks for; None where it asks for none."""
    if isinstance(event, VisitCancelled):
        return None if event.ticket.status in _OVER else MessageKind.VISIT_CANCELLED
    kind = KIND_OF_EVENT.get(type(event))
    if kind is not None or not isinstance(event, WRITTEN):
        return kind
    is_written = bool(word_to_customer(event.entry))
    if event.ticket.status is TicketStatus.WAITING_FOR_CUSTOMER and (is_written or _waits_without_a_word(event)):
        return MessageKind.TICKET_WAITING
    return MessageKind.TICKET_UPDATED if is_written else None


def _waits_without_a_word(event: TicketEvent) -> bool:
    """Whether the ticket begins to wait and no question travels in another event of the same moment."""
    latest = event.ticket.latest_entries[-1:]
    is_asked = any(entry.author == "team" and entry.at == event.occurred_at for entry in latest)
    return isinstance(event, TicketStatusChanged) and not is_asked


def recipient(ticket: TicketState) -> str | None:
    """Who hears about a ticket: its contact, else the person it was opened for, else who opened it."""
    return ticket.contact_user_id or ticket.on_behalf_of or ticket.opened_by


def too_old(event_at: datetime, *, now: datetime, limit: timedelta) -> bool:
    """Whether an event is history: a replay, or an outage longer than `limit`, must not mail."""
    return now - event_at > limit


def refusal(user: UserState | None, person: PersonState | None, *, permitted: bool, wanted: bool) -> SkipReason | None:
    """Why this person must not get the mail now, or None. Staff without customer rights use their desk instead."""
    if user is None or person is None:
        return SkipReason.PERSON_UNKNOWN
    if user.status is not UserStatus.ACTIVE:
        return SkipReason.NOT_ACTIVE
    if user.staff_roles and not user.rights:
        return SkipReason.STAFF
    if not permitted:
        return SkipReason.NOT_PERMITTED
    return None if wanted else SkipReason.NOT_WANTED


def may_heal(reason: SkipReason, *, queued_at: datetime, now: datetime) -> bool:
    """Whether the refusal may only be a view that has not caught up with the event yet."""
    behind = {SkipReason.PERSON_UNKNOWN, SkipReason.NOT_PERMITTED, SkipReason.NOT_ACTIVE}
    return reason in behind and now - queued_at < VIEW_GRACE


def pause_after(attempt: int) -> timedelta:
    """The pause after the `attempt`th unsuccessful attempt, counted from 1."""
    return BACKOFF[min(attempt, len(BACKOFF)) - 1]


def handed_over(message: Message) -> Message:
    """Written before the first byte goes out. A handover still under way means that its outcome was lost."""
    return message.model_copy(
        update={
            "attempt": message.attempt + 1,
            "unanswered": message.unanswered + (1 if message.handed_over else 0),
            "handed_over": True,
        }
    )


def repeat_allowed(message: Message) -> bool:
    """At most one repeat after lost outcomes: the recipient sees two mails with one Message-ID at the worst."""
    return message.unanswered + (1 if message.handed_over else 0) <= 1


def sent(message: Message, *, language: str, subject: str, template_version: str, now: datetime) -> Message:
    return message.model_copy(
        update={
            "status": MessageStatus.SENT,
            "reason": None,
            "language": language,
            "subject": subject,
            "template_version": template_version,
            "handed_over": False,
            "at": now,
        }
    )


def unreached(message: Message, *, reason: str) -> Message:
    """The mail server could not be spoken to; a handover before this one keeps its uncertainty."""
    return message.model_copy(update={"attempt": message.attempt + 1, "reason": reason})


def postponed(message: Message, *, reason: str, unanswered: bool) -> Message:
    """Not delivered this time. An `unanswered` handover may have arrived all the same."""
    return message.model_copy(
        update={
            "reason": reason,
            "handed_over": False,
            "unanswered": message.unanswered + (1 if unanswered else 0),
        }
    )


def skipped(message: Message, reason: SkipReason, *, now: datetime) -> Message:
    return message.model_copy(
        update={"status": MessageStatus.SKIPPED, "reason": reason, "handed_over": False, "at": now}
    )


def dropped(message: Message, obstacle: SkipReason, *, now: datetime) -> Message:
    """A mail that the server did not take within its time has failed, for the last reason; any other is skipped."""
    if obstacle is SkipReason.TOO_OLD and message.attempt:
        return failed(message, message.reason or OUTCOME_UNKNOWN, now=now)
    return skipped(message, obstacle, now=now)


def failed(message: Message, reason: str, *, now: datetime) -> Message:
    return message.model_copy(
        update={"status": MessageStatus.FAILED, "reason": reason, "handed_over": False, "at": now}
    )
