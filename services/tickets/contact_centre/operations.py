"""The contact centre's CRM acts on tickets by messages, as its agents do by HTTP (TIC-12)."""

import logging
from typing import Any

from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.operations import carry_out, reference_of, silence_of
from services.tickets.contact_centre.domain import marks_wanted, take_case_message
from services.tickets.devices import store as devices
from services.tickets.service import Service
from services.tickets.tickets import domain
from services.tickets.tickets.opening import open_ticket
from shared.access.scope import sees
from shared.consumers import Refused
from shared.contracts import actions
from shared.contracts.inbound import ContactCentreTicketMessage, ContactCentreTicketOpened
from shared.ids import derived_id
from shared.outbox import Cause, Duplicate
from shared.wire.envelope import Envelope

log = logging.getLogger(__name__)

PARTY = "contact-centre"


async def open_case(deps: Service, record: Envelope[Any]) -> None:
    """A call that an agent wrote down; the same case makes one ticket. Raises Refused, NotEntitled, CalendarUnknown."""
    call: ContactCentreTicketOpened = record.event
    found = await devices.devices_by_serial(deps.db, call.serial)
    if not found:
        raise Refused(f"serial: no device {call.serial} is known")
    if len(found) > 1:
        candidates = ", ".join(sorted(one.state.device_id for one in found))
        raise Refused(f"serial: {len(found)} devices have the number {call.serial}: {candidates}")
    known = found[0]
    device = known.state
    if call.on_behalf_of is not None:
        customer = await deps.callers.of_user(call.on_behalf_of)
        if customer is None or not sees(
            customer,
            actions.READ_DEVICE,
            account_id=device.account_id,
            device_id=device.device_id,
            group_ids=device.group_ids,
        ):
            raise Refused("on_behalf_of: must be an active user who sees the device")
    cause = Cause.following(record, actor=PARTY)
    try:
        await open_ticket(
            deps,
            request=domain.Request(
                description=call.description,
                language=call.language,
                error_code=call.error_code,
                impact=call.impact,
                own_reference=call.own_reference,
            ),
            known=known,
            ticket_id=derived_id("ticket", PARTY, call.case_id),
            opened_by=None,
            on_behalf_of=call.on_behalf_of,
            contact_user_id=call.on_behalf_of,
            contact=await deps.parts.views.on_site_contact(call.on_behalf_of),
            channel="phone",
            cause=Cause(cause.actor, call.on_behalf_of, "phone", cause.correlation_id, cause.causation_id),
            external_ids={PARTY: call.case_id},
        )
    except Duplicate:
        log.info("a case was told again", extra={"case": call.case_id})


async def take_message(deps: Service, record: Envelope[Any]) -> None:
    """Apply one message to its ticket. Raises TicketNotFound."""
    message: ContactCentreTicketMessage = record.event
    reference, silence = reference_of(record), silence_of(deps)

    def rule(draft: Draft) -> None:
        take_case_message(draft, message, reference, silence)

    await carry_out(
        deps,
        message.ticket_id,
        rule,
        cause=Cause.following(record, actor=PARTY),
        marks=lambda _: marks_wanted(message, record.id),
    )
