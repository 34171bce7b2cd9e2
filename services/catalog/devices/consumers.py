"""Follows tickets: which of them are open on a device."""

from services.catalog.devices import store
from services.catalog.service import Service
from shared.consumers import ViewRow, view, views
from shared.contracts.tickets import TicketEvent, TicketStatus
from shared.wire.envelope import Envelope

DONE = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.CANCELLED})


@view("tickets.tickets", group="catalog.ticket-facts", events=(TicketEvent,))
async def follow_tickets(records: list[Envelope[TicketEvent]], deps: Service) -> None:
    """Keep each ticket's newest state, beside the devices: whoever shows a device asks which tickets are open on it."""
    rows = [
        ViewRow(
            record.key,
            record.sequence,
            {
                "device_id": record.event.ticket.device.device_id,
                "account_id": record.event.ticket.account_id,
                "number": record.event.ticket.number,
                "open": record.event.ticket.status not in DONE,
            },
        )
        for record in records
    ]
    await views.upsert(store.tickets(deps.db), rows)
