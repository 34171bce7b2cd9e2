"""What the clocks of a ticket say when their time has come."""

from datetime import datetime

from services.tickets.aggregate.draft import Draft, clock_of, clock_state
from services.tickets.clocks import domain as clocks
from services.tickets.clocks.domain import Clock
from shared.contracts.tickets import DeadlineAtRisk, DeadlineBreached, TicketState


def clocks_of(state: TicketState) -> list[Clock]:
    return [clock_of(clock) for clock in state.clocks]


def next_moment(state: TicketState) -> datetime | None:
    """When one of the clocks has something to say; None when all are silent for good."""
    return clocks.next_timer_at(clocks_of(state)) if state.clocks else None


def let_clocks_speak(draft: Draft) -> None:
    """Give the warnings and breaches that are due, in the order of their moments, each dated at its moment."""
    due = sorted(
        (
            (timer.at, number, timer.kind)
            for number, clock in enumerate(clocks_of(draft.state))
            for timer in clocks.due_timers(clock)
            if timer.at <= draft.now
        ),
    )
    for at, number, kind in due:
        before = clock_of(draft.state.clocks[number])
        after = clocks.fire(before, kind, draft.now)
        if after is before:
            continue
        states = list(draft.state.clocks)
        states[number] = clock_state(after)
        draft.show(clocks=tuple(states))
        draft.happened(DeadlineAtRisk if kind == "warning" else DeadlineBreached, at, clock=states[number].kind)
        draft.tell_contact_centre("deadline_at_risk" if kind == "warning" else "deadline_breached")
