"""A side effect of tickets' events: each asks for at most one mail."""

from services.notifier.messages import operations
from services.notifier.messages.domain import MAILED
from services.notifier.service import Service
from shared.consumers import reaction
from shared.contracts.tickets import TicketEvent
from shared.wire.envelope import Envelope


@reaction("tickets.tickets", group="notifier.ticket-mails", events=MAILED)
async def mail_ticket_events(record: Envelope[TicketEvent], service: Service) -> None:
    await operations.queue_ticket_mail(service, record=record, now=service.clock())
