"""What the contact centre's CRM sends."""

from services.tickets.contact_centre import operations
from services.tickets.service import Service
from shared.consumers import Refused, inbound
from shared.contracts.inbound import ContactCentreMessage, ContactCentreTicketMessage, ContactCentreTicketOpened
from shared.wire.envelope import Envelope


@inbound(
    "inbound.contact-centre",
    group="tickets.contact-centre",
    events=(ContactCentreTicketOpened, ContactCentreTicketMessage),
)
async def hear_contact_centre(record: Envelope[ContactCentreMessage], deps: Service) -> None:
    match record.event:
        case ContactCentreTicketOpened():
            await operations.open_case(deps, record)
        case ContactCentreTicketMessage():
            await operations.take_message(deps, record)
        case _:
            raise Refused(f"{record.type} is not for tickets")
