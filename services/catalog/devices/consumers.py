"""Follows tickets: which of them are open on a device."""

from pymongo import UpdateOne

from services.catalog.devices import store
from services.catalog.service import Service
from shared.consumers import ViewRow, view, views
from shared.contracts.tickets import TicketEvent, TicketStatus
from shared.wire.envelope import Envelope

DONE = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.CANCELLED})


@view("tickets.tickets", group="catalog.ticket-facts", events=(TicketEvent,))
async def follow_tickets(records: list[Envelope[TicketEvent]], deps: Service) -> None:
    """Keep each ticket's newest state, then put the ticket into its device's set or take it out.

    The set follows what the view holds, not what the record says: an old record that comes again changes nothing.
    A ticket counts only while the device stays in the account of the ticket's day.
    """
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
    known = await store.tickets(deps.db).find({"_id": {"$in": [row.key for row in rows]}}).to_list()
    await store.devices(deps.db).bulk_write(
        [
            UpdateOne(
                {"_id": ticket["device_id"], "account_id": ticket["account_id"]},
                {"$addToSet": {"open_ticket_ids": ticket["_id"]}},
            )
            if ticket["open"]
            else UpdateOne({"_id": ticket["device_id"]}, {"$pull": {"open_ticket_ids": ticket["_id"]}})
            for ticket in known
        ],
        ordered=False,
    )
