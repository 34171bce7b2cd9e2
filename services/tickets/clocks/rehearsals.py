"""A new calendar or target, tried on past clocks before it is activated. Nothing is changed by it."""

from collections.abc import Iterable
from datetime import datetime

from services.tickets.clocks.calendars import BusinessCalendar, Value
from services.tickets.clocks.domain import Clock, ClockKind, ServiceLevel, contracted_minutes, recomputed


class PastClock(Value):
    ticket_id: str
    clock: Clock


class MovedDeadline(Value):
    """A deadline that would have been another; `new_due_at` is None where the new service level has no such clock."""

    ticket_id: str
    kind: ClockKind
    old_due_at: datetime
    new_due_at: datetime | None
    was_late: bool
    would_be_late: bool


class Rehearsal(Value):
    calendar: str
    calendar_version: int
    examined: int
    moved: tuple[MovedDeadline, ...]


def rehearse(
    past: Iterable[PastClock], calendar: BusinessCalendar, *, now: datetime, service_level: ServiceLevel | None = None
) -> Rehearsal:
    """What would have changed for these clocks under `calendar`, and under `service_level` where one is given.

    A clock that still runs is judged as of `now`. Raises CalendarNeverOpens.
    """
    targets = None if service_level is None else contracted_minutes(service_level)
    examined = 0
    moved: list[MovedDeadline] = []
    for entry in past:
        examined += 1
        old = entry.clock
        target = old.target_minutes if targets is None else targets.get(old.kind)
        new = None if target is None else recomputed(old, calendar, target)
        if new is not None and new.due_at == old.due_at:
            continue
        moved.append(
            MovedDeadline(
                ticket_id=entry.ticket_id,
                kind=old.kind,
                old_due_at=old.due_at,
                new_due_at=new.due_at if new else None,
                was_late=_is_late(old, now),
                would_be_late=new is not None and _is_late(new, now),
            )
        )
    return Rehearsal(calendar=calendar.code, calendar_version=calendar.version, examined=examined, moved=tuple(moved))


def _is_late(clock: Clock, now: datetime) -> bool:
    return (clock.halted_at or now) > clock.due_at
