"""Visits as iCalendar (RFC 5545)."""

from collections.abc import Iterable
from datetime import datetime

from icalendar import Calendar, Event

from shared.contracts.tickets import TicketState, VisitState, VisitStatus

PRODUCT = "-//Lockstep//Tickets//EN"

SUMMARY = {
    "de": "Technikerbesuch {number}: {device}",
    "en": "Engineer visit {number}: {device}",
    "fi": "Huoltokäynti {number}: {device}",
    "fr": "Visite du technicien {number} : {device}",
    "it": "Visita del tecnico {number}: {device}",
    "es": "Visita del técnico {number}: {device}",
}


def visit_calendar(
    visits: Iterable[tuple[TicketState, VisitState, int]], *, language: str, now: datetime, name: str | None = None
) -> bytes:
    """A calendar of visits that have a window, each with the version of its ticket.

    The UID stays when a visit moves, and SEQUENCE grows, so that calendars update the entry; a cancelled visit says so.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    if name is not None:
        calendar.add("x-wr-calname", name)
    for ticket, visit, version in visits:
        if visit.window_from is not None and visit.window_to is not None:
            calendar.add_component(_event(ticket, visit, version, language, now))
    return bytes(calendar.to_ical())


def _event(ticket: TicketState, visit: VisitState, version: int, language: str, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{visit.visit_id}.{ticket.ticket_id}@lockstep")
    event.add("sequence", version)
    event.add("dtstamp", now)
    event.add("dtstart", visit.window_from)
    event.add("dtend", visit.window_to)
    device = ticket.device.own_name or f"{ticket.device.model_name} {ticket.device.serial}"
    text = SUMMARY.get(language, SUMMARY["en"]).format(number=ticket.number, device=device)
    event.add("summary", text)
    site = ticket.site
    event.add("location", f"{site.name}, {site.street}, {site.postcode} {site.city}")
    event.add("description", ticket.description)
    confirmed = visit.status is not VisitStatus.PLANNED or visit.customer_reply == "confirmed"
    status = "CANCELLED" if visit.status is VisitStatus.CANCELLED else "CONFIRMED" if confirmed else "TENTATIVE"
    event.add("status", status)
    return event
