"""What the desk shows, made from tickets: queues, rows, the case, what is about to leave. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.portal.locale.texts import Texts, mark
from services.portal.pages.base.models import DeviceView, HeldView, TicketView
from services.portal.pages.components.answers import ticket_next
from services.portal.pages.components.filters import Address, Filter
from services.portal.pages.components.labels import Label, contract_state, ticket_state
from shared.contracts.tickets import TicketStatus

QUEUES: Mapping[str, str] = {
    "overdue": mark("Overdue"),
    "acknowledge": mark("To acknowledge"),
    "other_time": mark("Other time wanted"),
    "flagged": mark("Needs a look"),
    "parts": mark("Waits for parts"),
}
"""In the order in which they are worked through."""

EMPTY: Mapping[str, str] = {
    "overdue": mark("No deadline is missed."),
    "acknowledge": mark("Every request has been acknowledged."),
    "other_time": mark("Nobody waits for another time."),
    "flagged": mark("No message contradicts a request."),
    "parts": mark("No request waits for parts."),
}

ALL = "all"
MOST = 1_000
"""The service counts a queue no further."""

CAUSES: Mapping[str, str] = {
    "operation": mark("Operation"),
    "settings": mark("Settings"),
    "consumables": mark("Toner or other supplies"),
    "paper": mark("Paper"),
    "network": mark("Network or computer"),
    "hardware": mark("The device itself"),
    "no_fault": mark("No fault found"),
    "other": mark("Something else"),
}

THEN: Mapping[str, str] = {
    "wait_for_customer": mark("Send and wait for the answer"),
    "wait_for_parts": mark("Send and wait for parts"),
    "resolve": mark("Send and mark as solved"),
    "close": mark("Send and close"),
}

LEAVING: Mapping[str, str] = {
    "nothing": mark("Your reply leaves %(when)s."),
    "wait_for_customer": mark("Your question leaves %(when)s, then the request waits for the customer."),
    "wait_for_parts": mark("Your reply leaves %(when)s, then the request waits for parts."),
    "resolve": mark("Your reply leaves %(when)s, and the request is solved."),
    "close": mark("Your reply leaves %(when)s, and the request is closed."),
    "note": mark("Your note is saved %(when)s."),
}
BY_COLLEAGUE = mark("A colleague's answer leaves %(when)s.")
FAILED = mark("Not sent: the request had ended before it left.")


@dataclass(frozen=True)
class CaseRow:
    """One line of a queue."""

    ticket: TicketView
    due: str
    due_at: datetime | None
    late: bool
    device: str
    reason: str
    chip: Label


@dataclass(frozen=True)
class Leaving:
    """An answer that is about to leave, or could not."""

    answer_id: str
    sentence: str
    text: str
    failed: bool
    own: bool


def queues(texts: Texts, address: Address, counts: Mapping[str, int], present: str) -> list[Filter]:
    """The queues with their numbers, then all that is open."""
    every = [
        Filter(
            texts.text(words),
            address.href(queue=name, q=None),
            name == present,
            counts.get(name, 0),
            is_bound=counts.get(name, 0) >= MOST,
        )
        for name, words in QUEUES.items()
    ]
    return [*every, Filter(texts.text("All open requests"), address.href(queue=ALL, q=None), present == ALL)]


def first_queue(counts: Mapping[str, int]) -> str:
    """Where an agent begins: the first queue that is not empty."""
    return next((name for name in QUEUES if counts.get(name)), ALL)


def case_row(texts: Texts, ticket: TicketView) -> CaseRow:
    """A line by the next deadline; without one, by what comes next, or that its clocks stand still."""
    due_at = ticket.next_due_at
    stands_still = any(clock.state == "paused" for clock in ticket.clocks)
    coming = ticket_next(texts, ticket, staff=True)
    otherwise = texts.text("paused") if stands_still else coming.text
    return CaseRow(
        ticket=ticket,
        due=texts.relative(due_at) if due_at else otherwise,
        due_at=due_at or (None if stands_still else coming.at),
        late=due_at is not None and due_at <= texts.now,
        device=ticket.device.own_name or ticket.device.model_name,
        reason=" ".join(ticket.description.split())[:160],
        chip=ticket_state(texts, ticket.status, staff=True),
    )


def leaving(texts: Texts, held: Sequence[HeldView], user_id: str) -> list[Leaving]:
    """What waits in a ticket, in its author's words."""
    return [_leaving(texts, answer, own=answer.author == user_id) for answer in held]


def _leaving(texts: Texts, answer: HeldView, *, own: bool) -> Leaving:
    failed = answer.failed_at is not None
    if failed:
        sentence = texts.text(FAILED)
    else:
        seconds = max(0, round((answer.due_at - texts.now).total_seconds()))
        words = LEAVING["note" if answer.kind == "note" else answer.then] if own else BY_COLLEAGUE
        when = texts.plural("in %(num)s second", "in %(num)s seconds", seconds) if seconds else texts.text("now")
        sentence = texts.text(words, when=when)
    return Leaving(answer.answer_id, sentence, answer.text, failed, own)


def endings(texts: Texts, ticket: TicketView) -> list[tuple[str, str]]:
    """What may become of the ticket with a reply: value and words."""
    may_wait, may_resolve = "wait" in ticket.allowed_actions, "resolve" in ticket.allowed_actions
    may_close = may_resolve or ticket.status is TicketStatus.RESOLVED
    allowed = {
        "wait_for_customer": may_wait,
        "wait_for_parts": may_wait,
        "resolve": may_resolve,
        "close": may_close and ticket.status not in (TicketStatus.CLOSED, TicketStatus.CANCELLED),
    }
    return [(name, texts.text(words)) for name, words in THEN.items() if allowed[name]]


def asks_cause(ticket: TicketView) -> bool:
    """Whether solving it here takes the word of the desk for what it was."""
    return "resolve" in ticket.allowed_actions and ticket.report is None and ticket.impact != "question"


def contract_of(texts: Texts, device: DeviceView | None) -> Label | None:
    return contract_state(texts, device.contract_state) if device else None
