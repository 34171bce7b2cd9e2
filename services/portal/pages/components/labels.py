"""A word, an icon and a tone for every state that a page shows. Colour is never alone."""

from dataclasses import dataclass

from services.portal.locale.texts import Texts, mark, mark_in
from shared.contracts.catalog import DeviceStatus
from shared.contracts.identity import Role
from shared.contracts.tickets import ENTRY_LIMIT, ClockKind, TicketStatus


@dataclass(frozen=True)
class Label:
    text: str
    icon: str
    tone: str


TICKET_STATES: dict[TicketStatus, tuple[str, str, str]] = {
    TicketStatus.RECEIVED: (mark_in("state", "Received"), "mail", "calm"),
    TicketStatus.ACKNOWLEDGED: (mark_in("state", "Acknowledged"), "check", "calm"),
    TicketStatus.IN_PROGRESS: (mark_in("state", "In progress"), "wrench", "calm"),
    TicketStatus.WAITING_FOR_CUSTOMER: (mark_in("state", "Waiting for you"), "chat", "wait"),
    TicketStatus.WAITING_FOR_PARTS: (mark_in("state", "Waiting for parts"), "box", "wait"),
    TicketStatus.VISIT_PLANNED: (mark_in("state", "Visit planned"), "calendar", "calm"),
    TicketStatus.ON_THE_WAY: (mark_in("state", "Engineer on the way"), "van", "calm"),
    TicketStatus.ON_SITE: (mark_in("state", "Engineer on site"), "pin", "calm"),
    TicketStatus.RESOLVED: (mark_in("state", "Solved"), "check-circle", "good"),
    TicketStatus.CLOSED: (mark_in("state", "Closed"), "check-circle", "none"),
    TicketStatus.CANCELLED: (mark_in("state", "Cancelled"), "close", "none"),
}
STAFF_WAITING = mark("Waiting for the customer")

CONTRACT_STATES: dict[str, tuple[str, str, str]] = {
    "valid": (mark("Under contract"), "shield", "calm"),
    "ending": (mark("Contract ends soon"), "hourglass", "wait"),
    "expired": (mark("Contract expired"), "alert", "late"),
    "none": (mark("No contract"), "alert", "late"),
}

DEVICE_STATES: dict[DeviceStatus, tuple[str, str, str]] = {
    DeviceStatus.INSTALLED: (mark("Installed"), "printer", "calm"),
    DeviceStatus.IN_MOVE: (mark("Being moved"), "van", "wait"),
    DeviceStatus.REMOVED: (mark("Removed"), "close", "none"),
}

ROLES: dict[Role, str] = {
    Role.ADMINISTRATOR: mark("Administrator"),
    Role.DEVICE_MANAGER: mark("Device manager"),
    Role.STOCK_MANAGER: mark("Stock manager"),
    Role.DEVICE_STOCK_MANAGER: mark("Device and stock manager"),
    Role.KNOWLEDGE_USER: mark("Knowledge user"),
}

CLOCKS: dict[ClockKind, str] = {
    ClockKind.ACKNOWLEDGE: mark("We confirm we are on it"),
    ClockKind.RESPONSE: mark("Engineer at your device"),
    ClockKind.RESOLVE: mark("Working again"),
}

STAFF_CLOCKS: dict[ClockKind, str] = {
    ClockKind.ACKNOWLEDGE: mark("Acknowledge"),
    ClockKind.RESPONSE: mark("Engineer at the device"),
    ClockKind.RESOLVE: mark("Working again"),
}

IMPACTS: dict[str, tuple[str, str]] = {
    "down": (mark("It doesn't work at all"), mark("Nobody can print or copy")),
    "impaired": (mark("It works, but not properly"), mark("Streaks, jams, noise, slow")),
    "question": (mark("I have a question"), mark("The device itself works")),
}

PARTIES: dict[str, str] = {
    "contact_centre": mark("Contact centre"),
    "dispatch": mark("Visit planning"),
    "engineer": mark("Engineer"),
    "back_office": mark("Back office"),
    "billing": mark("Billing"),
    "logistics": mark("Logistics"),
}


def _label(texts: Texts, entry: tuple[str, str, str]) -> Label:
    return Label(texts.text(entry[0]), entry[1], entry[2])


def ticket_state(texts: Texts, status: TicketStatus, *, staff: bool = False) -> Label:
    words, icon, tone = TICKET_STATES[status]
    label = Label(texts.context("state", words), icon, tone)
    if staff and status is TicketStatus.WAITING_FOR_CUSTOMER:
        return Label(texts.text(STAFF_WAITING), "hourglass", "none")
    return label


def contract_state(texts: Texts, state: str) -> Label:
    return _label(texts, CONTRACT_STATES[state])


def device_state(texts: Texts, status: DeviceStatus) -> Label:
    return _label(texts, DEVICE_STATES[status])


def open_tickets(texts: Texts, count: int) -> Label:
    if count == 0:
        return Label(texts.text("no open fault"), "check", "none")
    return Label(texts.plural("%(num)s open request", "%(num)s open requests", count), "wrench", "wait")


def party(texts: Texts, code: str) -> str:
    """A party's name; a code that is new to the pages is shown as it is."""
    name = PARTIES.get(code.replace("-", "_"))
    return texts.text(name) if name else code


def too_long(texts: Texts, written: str) -> str | None:
    """What is wrong with a text that is longer than an entry may be."""
    if len(written) <= ENTRY_LIMIT:
        return None
    return texts.text(
        "At most %(limit)s characters, please: this text has %(length)s.",
        limit=texts.number(ENTRY_LIMIT),
        length=texts.number(len(written)),
    )
