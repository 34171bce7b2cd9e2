"""A decision in the making: every rule about a ticket changes it through the same few steps, clocks included."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from services.tickets.aggregate.states import WAITING, WITH_VISIT, Action, next_status
from services.tickets.aggregate.values import Decision, Flag, Happened, Note, Signal, Ticket
from services.tickets.clocks import domain as clocks
from services.tickets.clocks.calendars import BusinessCalendar
from services.tickets.clocks.domain import Clock
from shared.contracts.tickets import (
    ClockKind,
    ClockState,
    DeadlineBreached,
    DeadlineBreachWithdrawn,
    PauseState,
    PublicUpdate,
    TicketEvent,
    TicketFlagged,
    TicketState,
    TicketStatus,
    TicketUpdated,
    VisitState,
    VisitStatus,
)

_WAITING_REASON: dict[TicketStatus, clocks.WaitingReason] = {
    TicketStatus.WAITING_FOR_CUSTOMER: "waiting_for_customer",
    TicketStatus.WAITING_FOR_PARTS: "waiting_for_parts",
}

_BY_VISIT = (
    (VisitStatus.ARRIVED, TicketStatus.ON_SITE),
    (VisitStatus.TRAVELLING, TicketStatus.ON_THE_WAY),
    (VisitStatus.PLANNED, TicketStatus.VISIT_PLANNED),
)


class Draft:
    """Collects the changes of one decision; `decision()` closes it.

    `calendar` is the one that the ticket's clocks name, in their version; a ticket without clocks needs none.
    """

    def __init__(self, ticket: Ticket, calendar: BusinessCalendar | None, now: datetime) -> None:
        self._before = ticket
        self.ticket = ticket
        self.now = now
        self._calendar = calendar
        self._happened: list[Happened] = []
        self._signals: list[Signal] = []
        self._case_change: str | None = None

    @property
    def state(self) -> TicketState:
        return self.ticket.state

    def keep(self, **fields: Any) -> None:
        """Change what only staff see."""
        self.ticket = self.ticket.model_copy(update=fields)

    def show(self, **fields: Any) -> None:
        """Change the public state."""
        self.keep(state=self.state.model_copy(update=fields))

    def happened(self, event: type[TicketEvent], at: datetime, **more: Any) -> None:
        self._happened.append(Happened(event, at, more))

    def signal(self, signal: Signal) -> None:
        self._signals.append(signal)

    def tell_contact_centre(self, change: str) -> None:
        """The first change named is the one that the case carries; the rest follows from its state."""
        self._case_change = self._case_change or change

    def act(self, action: Action, at: datetime) -> bool:
        """Take an action if the table allows it; leaving and entering a wait moves the clocks."""
        target = next_status(self.state.status, action)
        if target is None:
            return False
        self.enter(target, at)
        return True

    def enter(self, target: TicketStatus, at: datetime) -> None:
        left = self.state.status
        if target is left:
            return
        self.show(status=target, status_since=at)
        reason = _WAITING_REASON.get(target)
        if reason is not None:
            level = self.state.entitlement
            self.each_clock(lambda clock, calendar: clocks.pause(clock, calendar, at, reason, level))
        elif left in WAITING:
            self.each_clock(lambda clock, calendar: clocks.resume(clock, calendar, at))

    def follow_visits(self, at: datetime) -> None:
        """Let the most advanced open visit decide the state, where a visit decides it at all."""
        if self.state.status not in WITH_VISIT:
            return
        present = {visit.status for visit in self.state.visits}
        for visit_status, status in _BY_VISIT:
            if visit_status in present:
                self.enter(status, at)
                return
        self.act(Action.END_VISIT, at)

    def each_clock(
        self, change: Callable[[Clock, BusinessCalendar], Clock], only: frozenset[ClockKind] = frozenset(ClockKind)
    ) -> None:
        """Change clocks; a breach that shows or goes away by it is an event."""
        if self._calendar is None or not self.state.clocks:
            return
        changed = []
        for before in self.state.clocks:
            after = before
            if before.kind in only:
                clock = clock_of(before)
                moved = change(clock, self._calendar)
                if moved is not clock:
                    after = clock_state(moved)
                    self._breach_changes(before, after)
            changed.append(after)
        self.show(clocks=tuple(changed))

    def meet(self, kind: ClockKind, at: datetime) -> None:
        """What the clock waits for happened at `at`, which may be long before it was told."""
        self.each_clock(lambda clock, calendar: clocks.meet(clock, calendar, at), frozenset({kind}))

    def stop(self, at: datetime, *kinds: ClockKind) -> None:
        self.each_clock(
            lambda clock, calendar: clocks.stop(clock, calendar, at),
            frozenset(kinds) if kinds else frozenset(ClockKind),
        )

    def update(self, update_id: str, author: Literal["customer", "team", "engineer", "system"], text: str,
               *, author_id: str | None = None, language: str | None = None) -> None:  # fmt: skip
        """Add a public entry."""
        entry = PublicUpdate(
            update_id=update_id, at=self.now, author=author, author_id=author_id, text=text, language=language
        )
        self.show(updates=(*self.state.updates, entry))

    def note(self, note_id: str, author: str, text: str) -> None:
        """Add an internal entry."""
        entry = Note(note_id=note_id, at=self.now, author=author, text=text)
        self.keep(notes=(*self.ticket.notes, entry))

    def flag(self, party: str, reason: str, message: dict[str, Any]) -> None:
        """Keep a contradictory message and let a person look at it."""
        entry = Flag(at=self.now, party=party, reason=reason, message=message)
        self.keep(flags=(*self.ticket.flags, entry))
        self.happened(TicketFlagged, self.now, reason=reason)
        self.tell_contact_centre("flagged")

    def put_visit(self, visit: VisitState) -> None:
        """Add a visit or replace the one of the same id."""
        others = self.state.visits
        if any(known.visit_id == visit.visit_id for known in others):
            self.show(visits=tuple(visit if known.visit_id == visit.visit_id else known for known in others))
        else:
            self.show(visits=(*others, visit))

    def decision(self) -> Decision | None:
        """What was decided; None when it changes nothing. A public change never goes without an event."""
        if self.ticket == self._before:
            return None
        if not self._happened and self.state != self._before.state:
            self.happened(TicketUpdated, self.now)
        return Decision(self.ticket, self.now, self._happened, self._signals, self._case_change)

    def _breach_changes(self, before: ClockState, after: ClockState) -> None:
        if before.breached_at is None and after.breached_at is not None:
            self.happened(DeadlineBreached, after.breached_at, clock=after.kind)
        elif before.breached_at is not None and after.breached_at is None:
            self.happened(DeadlineBreachWithdrawn, self.now, clock=after.kind)
            self.tell_contact_centre("breach_withdrawn")


def clock_state(clock: Clock) -> ClockState:
    """A clock in its public form. Both forms are frozen values of the same fields, so nothing is validated again."""
    pauses = tuple(PauseState.model_construct(**dict(pause)) for pause in clock.pauses)
    return ClockState.model_construct(**{**dict(clock), "kind": ClockKind(clock.kind), "pauses": pauses})


def clock_of(state: ClockState) -> Clock:
    """A public clock as the rules know it."""
    pauses = tuple(clocks.Pause.model_construct(**dict(pause)) for pause in state.pauses)
    return Clock.model_construct(**{**dict(state), "kind": state.kind.value, "pauses": pauses})
