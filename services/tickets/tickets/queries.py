"""Answers about one ticket (TIC-10)."""

from typing import Any

from services.tickets.aggregate import store
from services.tickets.aggregate.callers import visible_tickets
from services.tickets.aggregate.operations import TicketNotFound
from services.tickets.aggregate.store import Document
from services.tickets.aggregate.values import Ticket
from services.tickets.devices import store as devices
from services.tickets.service import Service
from services.tickets.tickets.views import ContactView
from shared.access.caller import Caller
from shared.access.scope import all_of


async def ticket_document(deps: Service, caller: Caller, ticket_id: str) -> Document:
    """Raises TicketNotFound for an unknown ticket, and for one that the caller may not see."""
    document = await deps.db[store.TICKETS.collection].find_one(all_of(visible_tickets(caller), {"_id": ticket_id}))
    if document is None:
        raise TicketNotFound()
    return document


async def account_of(deps: Service, ticket: Ticket) -> dict[str, Any] | None:
    account_id = ticket.state.account_id
    return (await devices.accounts_by_id(deps.db, [account_id])).get(account_id)


async def contact_of(deps: Service, ticket: Ticket) -> ContactView | None:
    """Whom a ticket is about: its contact, else for whom it was opened, else who opened it."""
    state = ticket.state
    user_id = state.contact_user_id or state.on_behalf_of or state.opened_by
    if user_id is None:
        return None
    row = await deps.db[devices.PEOPLE].find_one({"_id": user_id})
    if row is None or "last_name" not in row:
        return ContactView(user_id=user_id)
    name = f"{row['first_name']} {row['last_name']}".strip()
    return ContactView(user_id=user_id, name=name, phone=row.get("phone"), email=row.get("email"))
