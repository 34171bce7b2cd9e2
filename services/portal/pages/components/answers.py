"""The one sentence on top of a page: what happens next, and when. Pure: state in, words out."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.portal.locale.texts import Texts, chosen_zone
from services.portal.pages.base.models import DeviceView, TicketView
from shared.contracts.catalog import DeviceStatus
from shared.contracts.tickets import ClockKind, ClockState, TicketState, TicketStatus, VisitState, VisitStatus

COMING = (VisitStatus.PLANNED, VisitStatus.TRAVELLING, VisitStatus.ARRIVED)
DONE = (TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.CANCELLED)


@dataclass(frozen=True)
class Answer:
    tone: str
    headline: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Next:
    """The next thing of a ticket as a list shows it; `at` may be None."""

    text: str
    at: datetime | None = None
    late: bool = False


def clock_of(ticket: TicketState, kind: ClockKind) -> ClockState | None:
    return next((clock for clock in ticket.clocks if clock.kind is kind), None)


def coming_visit(ticket: TicketState) -> VisitState | None:
    """The visit that the customer waits for: the one under way, else the earliest planned."""
    coming = [visit for visit in ticket.visits if visit.status in COMING]
    coming.sort(key=lambda visit: (-COMING.index(visit.status), visit.window_from or ticket.opened_at))
    return coming[0] if coming else None


def site_time(texts: Texts, ticket: TicketState, at: datetime) -> str | None:
    """The time on the site's clock, where it differs from the reader's."""
    zone = chosen_zone(ticket.site.time_zone)
    if not texts.differs(at, zone):
        return None
    return texts.text("%(time)s on site (%(place)s)", time=texts.moment(at, zone), place=texts.place_of(zone))


def ticket_answer(texts: Texts, ticket: TicketView, *, phone: str | None = None, staff: bool = False) -> Answer:
    """What happens next with a ticket, and when; said to the customer, or to the desk."""
    status = ticket.status
    if status in DONE:
        return _finished(texts, ticket, staff=staff)
    visit = coming_visit(ticket)
    if status is TicketStatus.WAITING_FOR_CUSTOMER:
        asked = next((entry for entry in reversed(ticket.latest_entries) if entry.author in ("team", "engineer")), None)
        said = (texts.text("The question: “%(text)s”", text=_short(asked.text)),) if asked else ()
        if staff:
            return Answer("wait", texts.text("Waiting for the customer"), said)
        return Answer(
            "wait", texts.text("We need an answer from you"), (*said, texts.text("We go on as soon as you reply."))
        )
    if visit is not None:
        return _visit_at_desk(texts, ticket, visit) if staff else _visit_answer(texts, ticket, visit)
    if status is TicketStatus.WAITING_FOR_PARTS:
        return Answer(
            "wait",
            texts.text("A spare part is on its way"),
            (texts.text("We plan the next visit as soon as it is here."),),
        )
    return _promise_at_desk(texts, ticket) if staff else _promise_answer(texts, ticket, phone)


def _visit_at_desk(texts: Texts, ticket: TicketView, visit: VisitState) -> Answer:
    """The same visit, said to those who answer for it."""
    told = _visit_answer(texts, ticket, visit)
    if visit.status is VisitStatus.ARRIVED:
        return replace(told, headline=texts.text("The engineer is at the device"))
    if visit.status is VisitStatus.TRAVELLING:
        return replace(told, headline=texts.text("The engineer is on the way"))
    if visit.window_from is None or visit.window_to is None:
        return replace(told, headline=texts.text("A visit is booked"))
    window = texts.window(visit.window_from, visit.window_to)
    if visit.customer_reply == "other_window_wanted":
        return replace(told, headline=texts.text("The customer asked for another time"))
    if texts.now > visit.window_to:
        return replace(told, lines=(texts.text("The visit was announced for %(window)s.", window=window),))
    if visit.customer_reply == "confirmed":
        return replace(told, lines=(*told.lines[:-1], texts.text("The customer confirmed this time.")))
    return told


def _promise_at_desk(texts: Texts, ticket: TicketView) -> Answer:
    """What was promised, said to those who keep it."""
    kinds = (ClockKind.RESPONSE, ClockKind.RESOLVE, ClockKind.ACKNOWLEDGE)
    running = [c for kind in kinds if (c := clock_of(ticket, kind)) and not c.met_at and c.state != "stopped"]
    if not running:
        return Answer("calm", texts.text("No deadline runs"))
    clock = running[0]
    when = texts.at_moment(clock.due_at)
    if clock.due_at <= texts.now:
        is_visit = clock.kind is ClockKind.RESPONSE
        headline = texts.text("The engineer is late") if is_visit else texts.text("The deadline is missed")
        return Answer("late", headline, (texts.text("Promised: %(when)s.", when=when),))
    if clock.kind is ClockKind.RESPONSE:
        headline = texts.text("Engineer promised by %(when)s", when=when)
    elif ticket.impact == "question":
        headline = texts.text("Answer promised by %(when)s", when=when)
    else:
        headline = texts.text("Solution promised by %(when)s", when=when)
    elsewhere = site_time(texts, ticket, clock.due_at)
    return Answer("calm", headline, (_coming_in(texts, clock.due_at), *([elsewhere] if elsewhere else [])))


def _visit_answer(texts: Texts, ticket: TicketView, visit: VisitState) -> Answer:
    if visit.status is VisitStatus.ARRIVED:
        since = (texts.text("since %(time)s", time=texts.clock(visit.arrived_at)),) if visit.arrived_at else ()
        return Answer("calm", texts.text("The engineer is at your device"), since)
    if visit.status is VisitStatus.TRAVELLING:
        expected = visit.expected_at
        lines = []
        if expected:
            lines.append(
                texts.text(
                    "expected at %(time)s, %(relative)s", time=texts.clock(expected), relative=texts.relative(expected)
                )
            )
        elif visit.window_from and visit.window_to:
            lines.append(
                texts.text("announced for %(window)s", window=texts.window(visit.window_from, visit.window_to))
            )
        return Answer("calm", texts.text("The engineer is on the way to you"), tuple(lines))
    if visit.window_from is None or visit.window_to is None:
        return Answer("calm", texts.text("An engineer is booked for you"), (texts.text("The time follows."),))
    window = texts.window(visit.window_from, visit.window_to)
    lines = [_coming_in(texts, visit.window_from)]
    elsewhere = site_time(texts, ticket, visit.window_from)
    if elsewhere:
        lines.append(elsewhere)
    if visit.customer_reply == "other_window_wanted":
        headline = texts.text("You asked for another time")
        return Answer("wait", headline, (texts.text("Until we have one: %(window)s.", window=window), *lines[1:]))
    if texts.now > visit.window_to:
        return Answer(
            "late",
            texts.text("The engineer is late"),
            (texts.text("The visit was announced for %(window)s. We are finding out what happened.", window=window),),
        )
    if visit.customer_reply == "confirmed":
        lines.append(texts.text("You confirmed this time."))
    elif visit.moved:
        lines.append(texts.text("The time has changed."))
    return Answer("calm", texts.text("An engineer is coming %(window)s", window=window), tuple(lines))


def _promise_answer(texts: Texts, ticket: TicketView, phone: str | None) -> Answer:
    promise = ticket.promise
    if ticket.impact == "question":
        return _question_answer(texts, ticket, phone)
    response = clock_of(ticket, ClockKind.RESPONSE)
    engineer_by = response.due_at if response else promise.engineer_by
    if engineer_by and engineer_by <= texts.now and not (response and response.met_at):
        lines = [texts.text("Promised: %(when)s. We have put it to the top.", when=texts.at_moment(engineer_by))]
        if phone:
            lines.append(texts.text("You can also call us: %(phone)s", phone=phone))
        return Answer("late", texts.text("The engineer is late"), tuple(lines))
    start = _start(texts, ticket)
    if engineer_by:
        elsewhere = site_time(texts, ticket, engineer_by)
        lines = [_coming_in(texts, engineer_by), *([elsewhere] if elsewhere else []), start]
        return Answer(
            "calm",
            texts.text("An engineer will be with you by %(when)s", when=texts.at_moment(engineer_by)),
            tuple(lines),
        )
    if promise.resolve_by:
        headline = texts.text("It works again by %(when)s", when=texts.at_moment(promise.resolve_by))
        return Answer("calm", headline, (start,))
    return Answer("calm", texts.text("We have your request"), (start,))


def _question_answer(texts: Texts, ticket: TicketView, phone: str | None) -> Answer:
    """A question is answered; nobody comes."""
    clock = clock_of(ticket, ClockKind.RESOLVE) or clock_of(ticket, ClockKind.ACKNOWLEDGE)
    if clock is None or clock.met_at:
        return Answer("calm", texts.text("We have your question"), (_start(texts, ticket),))
    if clock.due_at <= texts.now:
        lines = [texts.text("Promised: %(when)s. We have put it to the top.", when=texts.at_moment(clock.due_at))]
        if phone:
            lines.append(texts.text("You can also call us: %(phone)s", phone=phone))
        return Answer("late", texts.text("Our answer is late"), tuple(lines))
    headline = texts.text("We answer by %(when)s", when=texts.at_moment(clock.due_at))
    return Answer("calm", headline, (_coming_in(texts, clock.due_at), _start(texts, ticket)))


def _start(texts: Texts, ticket: TicketView) -> str:
    """When work starts; that somebody works on it is said only when somebody has taken it up."""
    if ticket.promise.work_starts_at > texts.now:
        return texts.text("Work starts %(when)s.", when=texts.at_moment(ticket.promise.work_starts_at))
    if ticket.status is not TicketStatus.RECEIVED:
        return texts.text("We are working on it.")
    if ticket.promise.acknowledge_by and ticket.promise.acknowledge_by > texts.now:
        when = texts.at_moment(ticket.promise.acknowledge_by)
        return texts.text("We confirm by %(when)s that we are on it.", when=when)
    return texts.text("It is with our service team.")


def _coming_in(texts: Texts, at: datetime) -> str:
    """How long it still takes."""
    return texts.text("now") if at <= texts.now else texts.relative(at)


def _finished(texts: Texts, ticket: TicketView, *, staff: bool) -> Answer:
    if ticket.status is TicketStatus.RESOLVED and staff:
        solved = (
            (texts.text("solved %(when)s", when=texts.at_moment(ticket.resolved_at)),) if ticket.resolved_at else ()
        )
        return Answer("good", texts.text("Solved; a reply of the customer opens it again"), solved)
    if ticket.status is TicketStatus.RESOLVED:
        lines = [texts.text("Still not right? Reply, and we open it again.")]
        if ticket.resolved_at:
            lines.insert(0, texts.text("solved %(when)s", when=texts.at_moment(ticket.resolved_at)))
        return Answer("good", texts.text("Your device works again"), tuple(lines))
    when = texts.at_moment(ticket.closed_at or ticket.status_since)
    if ticket.status is TicketStatus.CANCELLED:
        return Answer("none", texts.text("This request was withdrawn"), (when,))
    return Answer("none", texts.text("This request is closed"), (when,))


def ticket_next(texts: Texts, ticket: TicketView, *, staff: bool = False) -> Next:
    """The first column of a list: when, not what."""
    visit = coming_visit(ticket)
    if ticket.status is TicketStatus.WAITING_FOR_CUSTOMER:
        return Next(texts.text("Customer's answer") if staff else texts.text("Your answer"))
    if ticket.status in DONE:
        at = ticket.closed_at or ticket.resolved_at or ticket.status_since
        return Next(texts.moment(at), at)
    if visit and visit.status is VisitStatus.ARRIVED:
        return Next(texts.text("Engineer is there"), visit.arrived_at)
    if visit and visit.status is VisitStatus.TRAVELLING and visit.expected_at:
        return Next(texts.moment(visit.expected_at), visit.expected_at)
    if visit and visit.window_from and visit.window_to:
        return Next(texts.short_window(visit.window_from, visit.window_to), visit.window_from)
    due = next((clock.due_at for clock in open_clocks(ticket)), None)
    if due:
        if due <= texts.now:
            return Next(texts.text("overdue"), due, late=True)
        return Next(texts.text("by %(when)s", when=texts.moment(due)), due)
    return Next(texts.text("in progress"))


def open_clocks(ticket: TicketState) -> list[ClockState]:
    """Clocks that still run, the engineer's arrival first: this is what a customer waits for."""
    order = {ClockKind.RESPONSE: 0, ClockKind.RESOLVE: 1, ClockKind.ACKNOWLEDGE: 2}
    running = [
        clock for clock in ticket.clocks if clock.state in ("running", "paused", "breached") and not clock.met_at
    ]
    return sorted(running, key=lambda clock: order[clock.kind])


def device_answer(texts: Texts, device: DeviceView, ticket: TicketView | None) -> Answer:
    """Is it all right?"""
    if device.status is DeviceStatus.REMOVED:
        return Answer(
            "none",
            texts.text("This device is no longer in service"),
            (texts.text("removed on %(date)s", date=texts.date(device.status_since)),),
        )
    if ticket is not None:
        inner = ticket_answer(texts, ticket)
        return Answer(
            "wait" if inner.tone in ("calm", "wait") else inner.tone,
            texts.text("A fault is reported"),
            (inner.headline, *inner.lines[:1]),
        )
    if device.open_tickets:
        return Answer("wait", texts.text("A fault is reported"), ())
    if device.contract_state in ("expired", "none"):
        return Answer(
            "late",
            texts.text("No open fault, but no contract either"),
            (texts.text("We cannot send an engineer until there is one."),),
        )
    lines = [texts.text("No open fault.")]
    if device.contract_state == "ending" and device.contract and device.contract.valid_until:
        lines.append(texts.text("The contract ends on %(date)s.", date=texts.date(device.contract.valid_until)))
        return Answer("wait", texts.text("All right"), tuple(lines))
    if device.status is DeviceStatus.IN_MOVE:
        return Answer("wait", texts.text("It is being moved"), tuple(lines))
    return Answer("good", texts.text("All right"), tuple(lines))


def contract_sentence(texts: Texts, device: DeviceView) -> list[str]:
    """What was bought, in plain sentences."""
    contract = device.contract
    if contract is None:
        return [texts.text("There is no service contract for this device.")]
    until = texts.date(contract.valid_until) if contract.valid_until else None
    if device.contract_state == "expired" and until:
        return [texts.text("The contract ended on %(date)s.", date=until)]
    terms = contract.entitlement
    sentences = []
    if terms.response_minutes:
        hours = texts.working_time(terms.response_minutes)
        sentences.append(texts.text("An engineer is at your device within %(time)s of service time.", time=hours))
    if terms.resolve_minutes:
        hours = texts.working_time(terms.resolve_minutes)
        sentences.append(texts.text("It works again within %(time)s of service time.", time=hours))
    if terms.supplies_included:
        sentences.append(texts.text("Toner and other supplies are included."))
    if until:
        sentences.append(texts.text("The contract runs until %(date)s.", date=until))
    return sentences


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:159].rstrip() + "…"
