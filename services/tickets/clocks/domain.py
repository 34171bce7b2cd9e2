"""Service-level clocks: what is promised at receipt, and how facts move, meet and breach it.

Three clocks run from receipt; the entitlement says which are contracted. A clock keeps facts (started, paused, resumed,
met, stopped) and what follows from them: deadline, warning and state are recomputed from the facts at every change, so
that a fact told late, but dated before the deadline, withdraws a breach. Moments are UTC in whole milliseconds, as
the store keeps them.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, NamedTuple, Protocol

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.tickets.clocks.business_time import Interval, add_business_time, business_time_between, next_open
from services.tickets.clocks.calendars import BusinessCalendar

ClockKind = Literal["acknowledge", "response", "resolve"]
"""What the clock waits for: somebody took notice; the engineer arrived; the fault is gone."""

CLOCK_KINDS: frozenset[ClockKind] = frozenset({"acknowledge", "response", "resolve"})

ClockStatus = Literal["running", "paused", "met", "breached", "stopped"]

WaitingReason = Literal["waiting_for_customer", "waiting_for_parts"]

PauseReason = Literal[WaitingReason, "resolved", "stopped"]
"""Why a clock stands still; `resolved` until the ticket was reopened, `stopped` for good."""

TimerKind = Literal["warning", "breach"]

WARNING_SHARE = 0.75
"""The part of the contracted business time after which a clock warns."""


def _moment(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


Moment = Annotated[AwareDatetime, AfterValidator(_moment)]


class WrongCalendar(Exception):
    """A clock was to be recomputed with another calendar or version than the one its deadline was promised with."""

    status = 500
    code = "wrong_calendar"
    title = "The clock belongs to another version of the calendar"


class ServiceLevel(Protocol):
    """What an entitlement says about clocks, in business minutes from receipt; a clock without minutes does not run."""

    @property
    def acknowledge_minutes(self) -> int | None: ...
    @property
    def response_minutes(self) -> int | None: ...
    @property
    def resolve_minutes(self) -> int | None: ...
    @property
    def parts_pause(self) -> bool:
        """Whether waiting for parts stops the clocks; waiting for the customer always does."""
        ...


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Pause(_Value):
    """Time that does not count. The last pause of a clock may be open: `to_at` is None."""

    from_at: Moment
    to_at: Moment | None = None
    reason: PauseReason


class Clock(_Value):
    """One clock of one ticket.

    `due_at` of a paused clock is what it would be if the clock went on at once. `breached_at` is the missed deadline
    itself, whenever that was noticed, and stays when the clock is met late; `warned_at` is when the warning was given.
    """

    kind: ClockKind
    state: ClockStatus = "running"
    target_minutes: int = Field(gt=0)
    started_at: Moment
    warn_at: Moment
    due_at: Moment
    warned_at: Moment | None = None
    met_at: Moment | None = None
    breached_at: Moment | None = None
    calendar: str
    calendar_version: int
    time_zone: str
    pauses: tuple[Pause, ...] = ()

    @property
    def open_pause(self) -> Pause | None:
        return self.pauses[-1] if self.pauses and self.pauses[-1].to_at is None else None

    @property
    def halted_at(self) -> datetime | None:
        """Since when the clock does not run: met, paused or stopped."""
        return self.met_at or (self.open_pause.from_at if self.open_pause else None)


class Timer(NamedTuple):
    kind: TimerKind
    at: datetime


class Promise(_Value):
    """What the customer is told at receipt, to be read in `time_zone`. A deadline that is not contracted is None."""

    work_starts_at: Moment
    acknowledge_by: Moment | None
    engineer_by: Moment | None
    resolve_by: Moment | None
    time_zone: str
    calendar: str
    calendar_version: int


def contracted_minutes(service_level: ServiceLevel) -> dict[ClockKind, int]:
    """The contracted clocks with their business minutes."""
    minutes: dict[ClockKind, int | None] = {
        "acknowledge": service_level.acknowledge_minutes,
        "response": service_level.response_minutes,
        "resolve": service_level.resolve_minutes,
    }
    return {kind: target for kind, target in minutes.items() if target is not None}


def start_clocks(
    service_level: ServiceLevel,
    calendar: BusinessCalendar,
    received_at: datetime,
    kinds: Collection[ClockKind] = CLOCK_KINDS,
) -> tuple[Clock, ...]:
    """The contracted clocks of these kinds, running from receipt. Raises CalendarNeverOpens."""
    received_at = _moment(received_at)
    return tuple(
        _settled(
            Clock(
                kind=kind,
                target_minutes=minutes,
                started_at=received_at,
                warn_at=received_at,
                due_at=received_at,
                **_version_of(calendar),
            ),
            calendar,
        )
        for kind, minutes in contracted_minutes(service_level).items()
        if kind in kinds
    )


def promise(
    service_level: ServiceLevel,
    calendar: BusinessCalendar,
    received_at: datetime,
    kinds: Collection[ClockKind] = CLOCK_KINDS,
) -> Promise:
    """When work starts and each deadline, for a ticket received at this moment, at night and on holidays too.

    Raises CalendarNeverOpens.
    """
    clocks = start_clocks(service_level, calendar, received_at, kinds)
    deadlines: dict[ClockKind, datetime] = {clock.kind: clock.due_at for clock in clocks}
    return Promise(
        work_starts_at=next_open(calendar, received_at),
        acknowledge_by=deadlines.get("acknowledge"),
        engineer_by=deadlines.get("response"),
        resolve_by=deadlines.get("resolve"),
        time_zone=calendar.time_zone,
        calendar=calendar.code,
        calendar_version=calendar.version,
    )


def pause(
    clock: Clock, calendar: BusinessCalendar, at: datetime, reason: WaitingReason, service_level: ServiceLevel
) -> Clock:
    """The ticket waits from `at` on for this reason.

    A wait for parts that the contract does not let pause ends a pause for another reason. A clock that was met or
    stopped stays as it is. A fact dated before the last recorded pause ended counts from that end. A pause that begins
    at or after the deadline does not save it.
    """
    waiting = clock.open_pause
    if clock.state in ("met", "stopped") or (waiting and waiting.reason == reason):
        return clock
    clock = resume(clock, calendar, at)
    if reason == "waiting_for_parts" and not service_level.parts_pause:
        return clock
    since = max(_moment(at), clock.started_at, *(gone.to_at for gone in clock.pauses if gone.to_at))
    return _changed(clock, calendar, pauses=(*clock.pauses, Pause(from_at=since, reason=reason)))


def resume(clock: Clock, calendar: BusinessCalendar, at: datetime) -> Clock:
    """The wait is over: the remaining business time runs on from `at`. No effect on a clock that is not waiting."""
    waiting = clock.open_pause
    if waiting is None or waiting.reason == "stopped":
        return clock
    return _changed(clock, calendar, pauses=_until(clock.pauses, max(_moment(at), waiting.from_at)))


def meet(clock: Clock, calendar: BusinessCalendar, at: datetime) -> Clock:
    """What the clock waits for happened at `at`; up to the deadline itself is in time.

    Told late but dated in time, it withdraws a breach; dated after the deadline, the clock is met and breached. Of
    several such facts the earliest counts. No effect on a clock that was stopped before `at`, nor by a fact from before
    the ticket was last reopened.
    """
    at = max(_moment(at), clock.started_at)
    has_ended = clock.state in ("met", "stopped") and clock.halted_at and clock.halted_at <= at
    was_reopened = any(gone.reason == "resolved" and gone.to_at and at < gone.to_at for gone in clock.pauses)
    if has_ended or was_reopened:
        return clock
    return _changed(clock, calendar, met_at=at, pauses=_until(clock.pauses, at))


def stop(clock: Clock, calendar: BusinessCalendar, at: datetime) -> Clock:
    """The clock no longer matters from `at` on, as when a ticket is cancelled. A clock that was met stays met."""
    if clock.state in ("met", "stopped"):
        return clock
    at = max(_moment(at), clock.started_at)
    return _changed(clock, calendar, pauses=(*_until(clock.pauses, at), Pause(from_at=at, reason="stopped")))


def reopen(clock: Clock, calendar: BusinessCalendar, at: datetime) -> Clock:
    """The clock runs on: the time since it was met or stopped counts as a pause. No effect on any other clock."""
    if clock.met_at is not None:
        done = Pause(from_at=clock.met_at, to_at=max(_moment(at), clock.met_at), reason="resolved")
        return _changed(clock, calendar, met_at=None, pauses=(*clock.pauses, done))
    if clock.state == "stopped" and clock.open_pause is not None:
        return _changed(clock, calendar, pauses=_until(clock.pauses, max(_moment(at), clock.open_pause.from_at)))
    return clock


def due_timers(clock: Clock) -> list[Timer]:
    """What the clock still has to say, and when: the warning at 75 % and the breach at 100 % of the business time.

    In order; a moment may have passed already. Nothing is due while the clock stands still, except a warning that was
    due before it did.
    """
    if clock.breached_at or clock.met_at or clock.state == "stopped":
        return []
    timers = [] if clock.warned_at else [Timer("warning", clock.warn_at)]
    if clock.halted_at is None:
        return [*timers, Timer("breach", clock.due_at)]
    return [timer for timer in timers if timer.at <= clock.halted_at]


def next_timer_at(clocks: Iterable[Clock]) -> datetime | None:
    """The earliest moment at which one of the clocks has something to say."""
    return min((timer.at for clock in clocks for timer in due_timers(clock)), default=None)


def fire(clock: Clock, kind: TimerKind, at: datetime) -> Clock:
    """The clock after its warning or breach was given at `at`; the very same value when that is not due (any more)."""
    at = _moment(at)
    if not any(timer.kind == kind and timer.at <= at for timer in due_timers(clock)):
        return clock
    if kind == "warning":
        return clock.model_copy(update={"warned_at": at})
    return clock.model_copy(update={"breached_at": clock.due_at, "state": "breached"})


def elapsed(clock: Clock, calendar: BusinessCalendar, at: datetime) -> timedelta:
    """Business time used up to `at`, recomputed from the start, the pauses and the end alone."""
    require_version(clock, calendar)
    return sum(
        (business_time_between(calendar, span.start, span.end) for span in running_spans(clock, at)), timedelta()
    )


def require_version(clock: Clock, calendar: BusinessCalendar) -> None:
    """Raises WrongCalendar unless this is the calendar that the clock's deadline was promised with."""
    if (calendar.code, calendar.version) != (clock.calendar, clock.calendar_version):
        raise WrongCalendar(
            f"The clock needs calendar {clock.calendar} version {clock.calendar_version}, "
            f"not {calendar.code} version {calendar.version}."
        )


def running_spans(clock: Clock, until: datetime) -> list[Interval]:
    """The wall-clock spans up to `until` in which the clock ran, open or not."""
    until = min(_moment(until), clock.met_at) if clock.met_at else _moment(until)
    starts = [clock.started_at, *(gone.to_at for gone in clock.pauses if gone.to_at)]
    ends = [*(gone.from_at for gone in clock.pauses), until]
    spans = [Interval(start, min(end, until)) for start, end in zip(starts, ends, strict=False)]
    return [span for span in spans if span.start < span.end]


def recomputed(clock: Clock, calendar: BusinessCalendar, target_minutes: int) -> Clock:
    """The same facts under another calendar or target. Only for rehearsals: a promise given is not changed."""
    return _settled(clock.model_copy(update={"target_minutes": target_minutes, **_version_of(calendar)}), calendar)


def _version_of(calendar: BusinessCalendar) -> dict[str, str | int]:
    return {"calendar": calendar.code, "calendar_version": calendar.version, "time_zone": calendar.time_zone}


def _changed(clock: Clock, calendar: BusinessCalendar, **facts: object) -> Clock:
    return _settled(clock.model_copy(update=facts), calendar)


def _settled(clock: Clock, calendar: BusinessCalendar) -> Clock:
    """The clock with everything that follows from its facts."""
    require_version(clock, calendar)
    target = timedelta(minutes=clock.target_minutes)
    due_at = _reached(clock, calendar, target)
    if clock.met_at:
        missed = clock.met_at > due_at
    elif clock.open_pause:
        missed = clock.open_pause.from_at >= due_at
    else:
        missed = clock.breached_at is not None
    settled = clock.model_copy(
        update={
            "warn_at": _reached(clock, calendar, target * WARNING_SHARE),
            "due_at": due_at,
            "breached_at": due_at if missed else None,
        }
    )
    return settled.model_copy(update={"state": _state(settled)})


def _state(clock: Clock) -> ClockStatus:
    if clock.met_at:
        return "met"
    if clock.open_pause and clock.open_pause.reason == "stopped":
        return "stopped"
    if clock.breached_at:
        return "breached"
    return "paused" if clock.open_pause else "running"


def _reached(clock: Clock, calendar: BusinessCalendar, amount: timedelta) -> datetime:
    """The moment at which the clock has used this much business time."""
    running_from, remaining = clock.started_at, amount
    for earlier in clock.pauses:
        used = business_time_between(calendar, running_from, earlier.from_at)
        if remaining <= used or earlier.to_at is None:
            break
        running_from, remaining = earlier.to_at, remaining - used
    return add_business_time(calendar, running_from, remaining)


def _until(pauses: tuple[Pause, ...], at: datetime) -> tuple[Pause, ...]:
    """The pauses as far as they lie before `at`, none of them open."""
    return tuple(
        earlier.model_copy(update={"to_at": min(earlier.to_at or at, at)}) for earlier in pauses if earlier.from_at < at
    )
