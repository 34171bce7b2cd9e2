"""Opening tickets: the gate, the promise, one atomic write (TIC-2, TIC-3)."""

import asyncio
import logging
from datetime import datetime
from typing import Any, NamedTuple

from services.tickets.aggregate import store
from services.tickets.aggregate.callers import is_desk, visible_tickets
from services.tickets.aggregate.lines import own_party, rows_of, told_to
from services.tickets.aggregate.operations import TicketNotFound, carry_out, moment, work_order_id
from services.tickets.aggregate.parties import events_of
from services.tickets.aggregate.store import Document
from services.tickets.aggregate.values import Ticket
from services.tickets.clocks.business_time import CalendarNeverOpens
from services.tickets.clocks.calendars import BusinessCalendar
from services.tickets.devices.store import KnownDevice
from services.tickets.service import Service
from services.tickets.tickets import domain
from shared.access.caller import Caller
from shared.access.permissions import refusal
from shared.access.scope import EVERYTHING, Scope, sees
from shared.contracts import actions
from shared.contracts.catalog import DeviceContract
from shared.contracts.outbound import OnSiteContact
from shared.contracts.tickets import PromiseState
from shared.outbox import Cause, Source
from shared.outbox.command import Command
from shared.problems import Conflict, Invalid, NotFound

log = logging.getLogger(__name__)


class DeviceNotFound(NotFound):
    code = "device_not_found"
    title = "There is no such device, or none that you may see"


class NotEntitled(Conflict):
    code = "not_entitled"
    title = "The device has no valid contract line"


class TicketAlreadyOpen(Conflict):
    code = "ticket_already_open"
    title = "The device has an open ticket already"


class CalendarUnknown(Conflict):
    code = "calendar_unknown"
    title = "The service calendar of this contract is not known yet"


class CalendarClosed(Conflict):
    code = "calendar_never_opens"
    title = "The service calendar of this contract does not open"


class Outlook(NamedTuple):
    """What a customer would be told if he reported this now."""

    refusal: Conflict | None
    promise: PromiseState | None
    open_ticket: dict[str, Any] | None


async def outlook(deps: Service, *, caller: Caller, device_id: str, impact: domain.Impact = "impaired") -> Outlook:
    """Raises DeviceNotFound."""
    known, other = await asyncio.gather(
        deps.parts.views.visible_device(caller, actions.READ_OUTLOOK, device_id),
        deps.parts.open_tickets(device_id),
    )
    if known is None:
        raise DeviceNotFound()
    other = _of_account(other, known)
    now = moment(deps)
    try:
        contract = entitled_contract(deps, known, now)
        calendar = await entitled_calendar(deps, contract)
        promise = domain.promise(contract, calendar, known.state.site.time_zone, now, impact)
    except (NotEntitled, CalendarUnknown) as refusal:
        return Outlook(refusal, None, other)
    except CalendarNeverOpens as error:
        return Outlook(CalendarClosed(str(error)), None, other)
    return Outlook(None, promise, other)


async def report_fault(
    deps: Service,
    *,
    caller: Caller,
    device_id: str,
    request: domain.Request,
    on_behalf_of: str | None,
    another_ticket_is_open_ok: bool,
    command: Command,
) -> tuple[Ticket, int]:
    """Open a ticket as a caller, on a device that he may see; the ticket and its version.

    Repeating the command answers with the first one's ticket while the caller sees it, whatever else has changed since.
    Raises DeviceNotFound, TicketNotFound (a repetition out of sight), NotEntitled, TicketAlreadyOpen, CalendarUnknown,
    Invalid for an `on_behalf_of` who does not see the device.
    """
    channel: domain.Channel = "api" if caller.kind == "client" else "phone" if is_desk(caller) else "portal"
    customer = on_behalf_of or (caller.id if channel == "portal" else None)
    known, other, contact = await asyncio.gather(
        deps.parts.views.visible_device(caller, actions.READ_OUTLOOK, device_id),
        deps.parts.open_tickets(device_id),
        deps.parts.views.on_site_contact(customer),
    )
    if other is not None and other["_id"] == command.document_id:
        other = None
    try:
        if known is None:
            raise DeviceNotFound()
        other = _of_account(other, known)
        if on_behalf_of is not None:
            await _check_customer(deps, caller, on_behalf_of, known)
        if other is not None and not another_ticket_is_open_ok:
            number = other["ticket"]["number"]
            raise TicketAlreadyOpen(f"Ticket {number} is open for this device.", ticket_id=other["_id"], number=number)
        return await open_ticket(
            deps,
            request=request,
            known=known,
            ticket_id=command.document_id,
            opened_by=caller.id if caller.kind == "user" else None,
            on_behalf_of=on_behalf_of,
            contact_user_id=customer,
            contact=contact,
            channel=channel,
            cause=Cause.of(caller, on_behalf_of=on_behalf_of, channel=channel),
            scope=visible_tickets(caller),
            command=command,
        )
    except (Conflict, NotFound):
        first = await deps.outbox.created_by(store.TICKETS, command, scope=visible_tickets(caller))
        if first is None:
            raise
        return store.ticket_of(first), first["version"]


async def _check_customer(deps: Service, caller: Caller, user_id: str, known: KnownDevice) -> None:
    if not is_desk(caller):
        raise refusal(actions.HANDLE_TICKET, "Only the contact centre opens tickets for somebody else.")
    customer = await deps.callers.of_user(user_id)
    device = known.state
    if customer is None or not sees(
        customer,
        actions.READ_DEVICE,
        account_id=device.account_id,
        device_id=device.device_id,
        group_ids=device.group_ids,
    ):
        raise Invalid("This must be an active user who sees the device.", field="on_behalf_of", rule="sees_device")


def _of_account(ticket: Document | None, known: KnownDevice) -> Document | None:
    """An open ticket is offered in the account that opened it: a sold device takes no history along."""
    return ticket if ticket is not None and ticket["ticket"]["account_id"] == known.state.account_id else None


async def entitled_calendar(deps: Service, contract: DeviceContract) -> BusinessCalendar:
    """The newest version of the calendar that a contract names. Raises CalendarUnknown."""
    code = contract.entitlement.calendar
    calendar = await deps.parts.calendars.newest(code)
    if calendar is None:
        log.error("a contract names a calendar that is not known", extra={"calendar": code, "line": contract.number})
        raise CalendarUnknown(f"The contract names the calendar {code}, which has not been published.", calendar=code)
    return calendar


def entitled_contract(deps: Service, known: KnownDevice, now: datetime) -> DeviceContract:
    """The valid contract line of a device. Raises NotEntitled with the reason and where to turn to."""
    refusal = domain.entitlement_refusal(known.state, now)
    contract = known.state.contract
    if refusal is not None or contract is None:
        reason = refusal.reason if refusal else "no_contract"
        on = refusal.on if refusal else None
        raise NotEntitled(
            f"No service for this device: {reason.replace('_', ' ')}{f' ({on})' if on else ''}.",
            reason=reason,
            on=on.isoformat() if on else None,
            contact_channel=deps.settings.contact_channel,
        )
    return contract


async def open_ticket(
    deps: Service,
    *,
    request: domain.Request,
    known: KnownDevice,
    ticket_id: str,
    opened_by: str | None,
    on_behalf_of: str | None,
    contact_user_id: str | None,
    contact: OnSiteContact | None,
    channel: domain.Channel,
    cause: Cause,
    scope: Scope = EVERYTHING,
    command: Command | None = None,
    external_ids: dict[str, str] | None = None,
) -> tuple[Ticket, int]:
    """Open a fault on a device that has been found visible; the ticket and its version.

    Raises NotEntitled, CalendarUnknown, CalendarClosed; Duplicate without a command where the id exists.
    """
    now = moment(deps)
    contract = entitled_contract(deps, known, now)
    calendar = await entitled_calendar(deps, contract)
    try:
        decision = domain.open_ticket(
            request,
            identity=domain.Identity(
                ticket_id=ticket_id,
                number=await deps.parts.numbers.take(),
                work_order_id=work_order_id(ticket_id, 1),
                opened_by=opened_by,
                on_behalf_of=on_behalf_of,
                contact_user_id=contact_user_id,
                channel=channel,
            ),
            device=known.state,
            contract=contract,
            calendar=calendar,
            now=now,
            external_ids=external_ids,
        )
    except CalendarNeverOpens as error:
        raise CalendarClosed(str(error)) from error
    ticket, events = decision.ticket, events_of(decision, contact)
    told = told_to(events, version=0, own=own_party(cause), at=now)
    document = await deps.outbox.insert(
        store.TICKETS,
        {
            **store.new_document(ticket, device_version=known.version),
            "told": told,
        },
        events,
        cause=cause,
        scope=scope,
        command=command,
        rows=rows_of(decision, events, version=0, cause=cause),
        not_found=TicketNotFound(),
    )
    if document["ticket"]["number"] != ticket.state.number:  # the answer to a repeated command
        return store.ticket_of(document), document["version"]
    await _catch_up(deps, known, ticket_id)
    return ticket, document["version"]


async def _catch_up(deps: Service, known: KnownDevice, ticket_id: str) -> None:
    """What changed on the device between reading it and writing the ticket."""
    changed = await deps.parts.views.device(known.state.device_id)
    if changed is None or changed.version <= known.version:
        return
    await store.refresh_groups(deps.outbox, [changed])
    if changed.state.account_id == known.state.account_id and changed.state.site != known.state.site:
        await carry_out(
            deps,
            ticket_id,
            lambda draft: domain.site_changed(draft, changed.state),
            cause=Cause.by_itself("tickets"),
            source=Source("catalog.devices", changed.state.device_id, changed.version),
        )
