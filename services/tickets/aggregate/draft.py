"""A decision in the making: every rule about a ticket changes it through the same few steps, clocks included."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.tickets.aggregate.states import WAITING, WITH_VISIT, Action, next_status
from services.tickets.aggregate.values import (
    Decision,
    Flag,
    FlagInShort,
    Happened,
    Mark,
    MessageReference,
    Note,
    Signal,
    Ticket,
    WorkOrder,
    in_short,
    past_visit_mark,
)
from services.tickets.clocks import domain as clocks
from services.tickets.clocks.calendars import BusinessCalendar
from services.tickets.clocks.domain import Clock
from shared.contracts.tickets import (
    LATEST,
    Author,
    ClockKind,
    ClockState,
    DeadlineBreached,
    DeadlineBreachWithdrawn,
    EntryInShort,
    PauseState,
    PublicEntry,
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


PAST_KEPT = 10
"""So many visits and work orders that are over stay in the ticket; the rest stands in its timeline."""

OVER = frozenset({VisitStatus.DONE, VisitStatus.CANCELLED})


class Draft:
    """Collects the changes of one decision; `decision()` closes it.

    `calendar` is the one that the ticket's clocks name, in their version; else the contract's. `marks`
    are those that stand beside the ticket, of the ids that the rule asked about.
    """

    def __init__(
        self,
        ticket: Ticket,
        calendar: BusinessCalendar | None,
        now: datetime,
        marks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._before = ticket
        self.ticket = ticket
        self.now = now
        self.marks = marks or {}
        self._calendar = calendar
        self._happened: list[Happened] = []
        self._signals: list[Signal] = []
        self._case_change: str | None = None
        self._entries: list[tuple[type[TicketEvent], PublicEntry]] = []
        self._notes: list[Note] = []
        self._flags: list[Flag] = []
        self._new_marks: list[Mark] = []
        self._new_orders: list[str] = []
        self._changed_visits: set[str] = set()

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

    def start(self, kind: ClockKind) -> datetime | None:
        """Let one more contracted clock run from now; its deadline. None where it is not contracted."""
        if self._calendar is None:
            return None
        started = clocks.start_clocks(self.state.entitlement, self._calendar, self.now, frozenset({kind.value}))
        self.show(clocks=(*self.state.clocks, *map(clock_state, started)))
        return started[0].due_at if started else None

    def write(
        self,
        entry_id: str,
        author: Author,
        text: str,
        *,
        by: type[TicketEvent] = TicketUpdated,
        author_id: str | None = None,
        language: str | None = None,
    ) -> None:
        """Add a public entry. It travels in the decision's event of the kind `by`, or in an event of its own."""
        entry = PublicEntry(
            entry_id=entry_id, at=self.now, author=author, author_id=author_id, text=text, language=language
        )
        beginning, cut = in_short(text)
        short = EntryInShort(entry_id=entry_id, at=self.now, author=author, text=beginning, cut=cut)
        self._entries.append((by, entry))
        self.show(entry_count=self.state.entry_count + 1, latest_entries=(*self.state.latest_entries, short)[-LATEST:])
        if author == "customer":
            self.show(last_customer_entry_at=self.now)

    def note(self, note_id: str, author: str, text: str) -> None:
        """Add an internal entry; the contact centre hears of it."""
        self._notes.append(Note(note_id=note_id, at=self.now, author=author, text=text))
        self.keep(note_count=self.ticket.note_count + 1)
        self.tell_contact_centre("noted")

    def flag(self, party: str, reason: str, message: MessageReference) -> None:
        """Keep the trace of a contradictory message and let a person look at it."""
        self._flags.append(Flag(at=self.now, party=party, reason=reason, message=message))
        short = FlagInShort(at=self.now, party=party, reason=reason)
        self.keep(flag_count=self.ticket.flag_count + 1, latest_flags=(*self.ticket.latest_flags, short)[-LATEST:])
        self.happened(TicketFlagged, self.now, reason=reason)
        self.tell_contact_centre("flagged")

    def mark(self, mark_id: str, **facts: Any) -> None:
        """Remember something for ever, where it can be asked for by its id."""
        self._new_marks.append(Mark(mark_id, facts))

    def order(self, order: WorkOrder) -> None:
        """Add a work order, which the ticket is found by from now on."""
        self.keep(work_orders=(*self.ticket.work_orders, order), order_count=self.ticket.order_count + 1)
        self._new_orders.append(order.work_order_id)

    def put_visit(self, visit: VisitState) -> None:
        """Add a visit or replace the one of the same id."""
        self._changed_visits.add(visit.visit_id)
        others = self.state.visits
        if any(known.visit_id == visit.visit_id for known in others):
            self.show(visits=tuple(visit if known.visit_id == visit.visit_id else known for known in others))
        else:
            self.show(visits=(*others, visit))

    def decision(self) -> Decision | None:
        """What was decided; None when it changes nothing. A public change never goes without an event."""
        if self.ticket == self._before and not self._new_marks:
            return None
        happened = self._with_entries()
        if not happened and self.state != self._before.state:
            happened.append(Happened(TicketUpdated, self.now, {}))
        if happened:
            self._let_go_of_past_visits()
        self._let_go_of_past_orders()
        return Decision(
            self.ticket,
            self.now,
            happened,
            self._signals,
            self._case_change,
            self._notes,
            self._flags,
            self._new_marks,
            self._new_orders,
        )

    def _with_entries(self) -> list[Happened]:
        happened = list(self._happened)
        for event, entry in self._entries:
            for number, one in enumerate(happened):
                if one.event is event and "entry" not in one.more:
                    happened[number] = one._replace(more={**one.more, "entry": entry})
                    break
            else:
                happened.append(Happened(TicketUpdated, self.now, {"entry": entry}))
        return happened

    def _let_go_of_past_visits(self) -> None:
        """Keep the visits that are not over, those of this decision, and the last ten others.

        What leaves stays in the timeline; its mark says that it is over, so that no late message makes it anew.
        """
        over = [
            visit.visit_id
            for visit in self.state.visits
            if visit.status in OVER and visit.visit_id not in self._changed_visits
        ]
        gone = frozenset(over[:-PAST_KEPT])
        if not gone:
            return
        trails = {trail.visit_id: trail for trail in self.ticket.visit_trails}
        for visit_id in sorted(gone):
            told = trails[visit_id].sequences if visit_id in trails else {}
            highest = {party: max(sequences) for party, sequences in told.items()}
            self.mark(past_visit_mark(self.state.ticket_id, visit_id), highest=highest)
        self.show(visits=tuple(visit for visit in self.state.visits if visit.visit_id not in gone))
        self.keep(visit_trails=tuple(trail for trail in self.ticket.visit_trails if trail.visit_id not in gone))

    def _let_go_of_past_orders(self) -> None:
        """Keep the orders that are open, those that somebody is told of now, and the last ten others in short."""
        told = {signal.work_order_id for signal in self._signals}
        over = [
            order.work_order_id
            for order in self.ticket.work_orders
            if order.status != "open" and order.work_order_id not in told
        ]
        gone, over = over[:-PAST_KEPT], over[-PAST_KEPT:]
        self.keep(
            work_orders=tuple(
                order.model_copy(update={"symptom": in_short(order.symptom)[0]})
                if order.work_order_id in over
                else order
                for order in self.ticket.work_orders
                if order.work_order_id not in gone
            )
        )

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
