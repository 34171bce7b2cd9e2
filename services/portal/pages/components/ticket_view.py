"""What the ticket pages show, made from a ticket: steps, promises, visit, rows of a list. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.portal.locale.texts import Texts, mark
from services.portal.pages.base.models import TicketView
from services.portal.pages.components.answers import Next, coming_visit, site_time, ticket_next
from services.portal.pages.components.labels import CLOCKS, IMPACTS, STAFF_CLOCKS, Label, party, ticket_state
from shared.contracts.catalog import Location, Site
from shared.contracts.tickets import ClockKind, ClockState, TicketStatus, VisitState, VisitStatus

STEPS = (
    mark("Received"),
    mark("Acknowledged"),
    mark("Visit planned"),
    mark("On the way"),
    mark("On site"),
    mark("Solved"),
)
VISIT_STEPS = frozenset({2, 3, 4})
STEP_OF = {
    TicketStatus.RECEIVED: 0,
    TicketStatus.ACKNOWLEDGED: 1,
    TicketStatus.IN_PROGRESS: 1,
    TicketStatus.WAITING_FOR_CUSTOMER: 1,
    TicketStatus.WAITING_FOR_PARTS: 1,
    TicketStatus.VISIT_PLANNED: 2,
    TicketStatus.ON_THE_WAY: 3,
    TicketStatus.ON_SITE: 4,
    TicketStatus.RESOLVED: 5,
    TicketStatus.CLOSED: 5,
}


@dataclass(frozen=True)
class Step:
    text: str
    state: str
    at: datetime | None = None


@dataclass(frozen=True)
class Promise:
    label: str
    text: str
    note: str | None
    icon: str
    tone: str
    used: int | None = None


@dataclass(frozen=True)
class Notice:
    party: str
    text: str
    seen: bool


@dataclass(frozen=True)
class Row:
    ticket: TicketView
    title: str
    next: Next
    chip: Label


def row(texts: Texts, ticket: TicketView, *, staff: bool = False) -> Row:
    return Row(
        ticket=ticket,
        title=" ".join(ticket.description.split())[:160],
        next=ticket_next(texts, ticket, staff=staff),
        chip=ticket_state(texts, ticket.status, staff=staff),
    )


def steps(texts: Texts, ticket: TicketView) -> list[Step]:
    """How far a ticket is: done, now, still to come. A withdrawn ticket has no steps.

    The steps of a visit stand there only while one is to come or when it happened: what was solved otherwise, or asked
    for no visit, has none.
    """
    if ticket.status is TicketStatus.CANCELLED:
        return []
    now = STEP_OF[ticket.status]
    times = _times(ticket)
    finished = ticket.status in (TicketStatus.RESOLVED, TicketStatus.CLOSED)
    if finished:
        left_out = frozenset() if times[STEP_OF[TicketStatus.ON_SITE]] else VISIT_STEPS
    elif ticket.impact == "question" and not ticket.visits:
        left_out = VISIT_STEPS
    else:
        left_out = frozenset()
    return [
        Step(
            texts.text(words),
            "now" if number == now and not finished else "done" if number <= now else "next",
            times[number] if number <= now else None,
        )
        for number, words in enumerate(STEPS)
        if number not in left_out
    ]


def _times(ticket: TicketView) -> list[datetime | None]:
    visit = next((v for v in reversed(ticket.visits) if v.status is not VisitStatus.CANCELLED), None)
    acknowledged = next((c.met_at for c in ticket.clocks if c.kind is ClockKind.ACKNOWLEDGE), None)
    return [
        ticket.opened_at,
        acknowledged,
        None,
        visit.travelling_at if visit else None,
        visit.arrived_at if visit else None,
        ticket.resolved_at,
    ]


def promises(texts: Texts, ticket: TicketView, *, staff: bool = False) -> list[Promise]:
    """The contracted deadlines, each with what became of it; named for those who wait or for those who keep them."""
    order = (ClockKind.ACKNOWLEDGE, ClockKind.RESPONSE, ClockKind.RESOLVE)
    by_kind = {clock.kind: clock for clock in ticket.clocks}
    names = STAFF_CLOCKS if staff else CLOCKS
    return [_promise(texts, ticket, by_kind[kind], names) for kind in order if kind in by_kind]


def _promise(texts: Texts, ticket: TicketView, clock: ClockState, names: Mapping[ClockKind, str]) -> Promise:
    label = texts.text(names[clock.kind])
    due = texts.moment(clock.due_at)
    elsewhere = site_time(texts, ticket, clock.due_at)
    if clock.met_at:
        kept = clock.met_at <= clock.due_at
        note = (
            texts.text("kept, promised by %(when)s", when=due)
            if kept
            else texts.text("late, promised by %(when)s", when=due)
        )
        return Promise(
            label, texts.moment(clock.met_at), note, "check" if kept else "alert", "good" if kept else "late"
        )
    if clock.state == "stopped":
        return Promise(label, "–", texts.text("no longer needed"), "close", "none")
    if clock.state == "paused":
        return Promise(
            label, texts.text("paused"), texts.text("The time stands still while we wait."), "hourglass", "wait"
        )
    if clock.due_at <= texts.now:
        return Promise(
            label,
            texts.text("by %(when)s", when=due),
            _overdue(texts, clock.due_at),
            "alert",
            "late",
            100,
        )
    note = texts.relative(clock.due_at) + (f" · {elsewhere}" if elsewhere else "")
    close = clock.warn_at is not None and clock.warn_at <= texts.now
    return Promise(
        label, texts.text("by %(when)s", when=due), note, "clock", "wait" if close else "calm", _used(clock, texts.now)
    )


def _overdue(texts: Texts, due_at: datetime) -> str:
    """How long a deadline has passed; whole days are said as a date's distance, which every language inflects."""
    gone = texts.now - due_at
    if gone < timedelta(minutes=1) or gone >= timedelta(days=1):
        return texts.text("missed %(ago)s", ago=texts.relative(due_at))
    return texts.text("overdue for %(duration)s", duration=texts.duration(int(gone.total_seconds() // 60)))


def _used(clock: ClockState, now: datetime) -> int:
    """How much of the time has gone, in percent of the calendar time."""
    whole = (clock.due_at - clock.started_at).total_seconds()
    gone = (now - clock.started_at).total_seconds()
    return max(0, min(100, round(100 * gone / whole))) if whole > 0 else 100


def notices(texts: Texts, ticket: TicketView) -> list[Notice]:
    """Which party has taken notice of the latest change, and which has not yet."""
    shown = []
    for receipt in ticket.parties:
        if receipt.seen_at:
            text = texts.text("seen %(when)s", when=texts.moment(receipt.seen_at))
        elif receipt.sent_at:
            text = texts.text("sent %(when)s, not seen yet", when=texts.moment(receipt.sent_at))
        else:
            text = texts.text("not sent yet; it follows by itself")
        shown.append(Notice(party(texts, receipt.party), text, receipt.seen_at is not None))
    return shown


def visit_to_answer(texts: Texts, ticket: TicketView) -> VisitState | None:
    """The coming visit while its window can still be confirmed or changed."""
    visit = coming_visit(ticket)
    if visit is None or visit.status is not VisitStatus.PLANNED or visit.window_from is None:
        return None
    return visit if visit.window_from > texts.now else None


def place(texts: Texts, site: Site, location: Location | None = None) -> str:
    """Street and town, then the place inside, on one line. A floor that is a number alone is said to be one."""
    inner = location or Location()
    is_number = bool(inner.floor and inner.floor.isdecimal() and int(inner.floor))
    floor = texts.text("floor %(floor)s", floor=inner.floor) if is_number else inner.floor
    parts = [site.street, f"{site.postcode} {site.city}".strip(), inner.building, floor, inner.room, inner.note]
    return ", ".join(part for part in parts if part)


def impact(texts: Texts, code: str) -> str:
    words = IMPACTS.get(code)
    return texts.text(words[0]) if words else code
