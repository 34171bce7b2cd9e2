"""What a message of the contact centre does to a ticket. Pure."""

from datetime import datetime

from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.states import ENDED
from services.tickets.aggregate.values import MessageReference, Silence, taken_mark
from services.tickets.tickets import domain
from shared.contracts.inbound import (
    ContactCentreTicketAcknowledged,
    ContactCentreTicketClosed,
    ContactCentreTicketDecided,
    ContactCentreTicketMessage,
    ContactCentreTicketReplied,
    ContactCentreTicketResolved,
)
from shared.contracts.tickets import ENTRY_LIMIT, TicketClosed, TicketEvent, TicketResolved, TicketStatus

PARTY = "contact-centre"


def marks_wanted(message: ContactCentreTicketMessage, message_id: str) -> list[str]:
    """The marks that tell whether a message, or the reply that it brings, was taken before."""
    taken = [taken_mark(message.ticket_id, PARTY, message_id)]
    if isinstance(message, ContactCentreTicketReplied):
        taken.append(_reply_mark(message))
    return taken


def take_case_message(
    draft: Draft, message: ContactCentreTicketMessage, reference: MessageReference, silence: Silence
) -> None:
    """Apply one message, or keep and flag what the ticket's state contradicts; a repeated one changes nothing.

    The draft knows the marks of `marks_wanted`. A solution dated before the customer's last entry did not know it, so
    it is flagged and not applied. A fact cannot be later than its telling: a date ahead of `now` counts as now.
    """
    mark = taken_mark(message.ticket_id, PARTY, reference.record_id)
    if mark in draft.marks:
        return
    at = min(message.occurred_at, draft.now)
    fits = _apply(draft, message, at, silence)
    draft.mark(mark)
    if not fits:
        kind = message.type.split(".")[-2]
        draft.flag(PARTY, f"{kind}_for_{draft.state.status}_ticket", reference)


def _apply(draft: Draft, message: ContactCentreTicketMessage, at: datetime, silence: Silence) -> bool:
    status = draft.state.status
    match message:
        case ContactCentreTicketAcknowledged():
            if message.case_id:
                draft.show(external_ids={**draft.state.external_ids, PARTY: message.case_id})
            # Whoever acted first has acknowledged it: an acknowledgement never contradicts.
            domain.acknowledge(draft, at)
            return True
        case ContactCentreTicketReplied():
            return _reply(draft, message)
        case ContactCentreTicketDecided():
            word = f"{message.decision}: {message.text}" if message.text else message.decision
            draft.tell_contact_centre("decided")
            draft.note(f"decided@{at.isoformat()}", PARTY, word[:ENTRY_LIMIT])
            return True
        case ContactCentreTicketResolved():
            if status is TicketStatus.RESOLVED:
                return True
            if _customer_wrote_since(draft, at) or not domain.resolve(draft, at, silence):
                return False
            _say(draft, message.text, f"resolved@{at.isoformat()}", TicketResolved)
            return True
        case ContactCentreTicketClosed():
            if status in ENDED:
                return status is TicketStatus.CLOSED
            # The contact centre may end a case at once: it is resolved and closed in one step.
            if status is not TicketStatus.RESOLVED and (
                _customer_wrote_since(draft, at) or not domain.resolve(draft, at, silence)
            ):
                return False
            domain.close_resolved(draft, at)
            _say(draft, message.text, f"closed@{at.isoformat()}", TicketClosed)
            return True
    return False


def _reply(draft: Draft, message: ContactCentreTicketReplied) -> bool:
    author = message.agent or PARTY
    mark = _reply_mark(message)
    if mark in draft.marks:
        return True
    if message.audience == "internal":
        draft.note(message.reply_id, author, message.text)
    elif not domain.team_writes(
        draft, message.reply_id, message.text, message.language, waiting=message.waiting_for_customer
    ):
        return False
    draft.mark(mark)
    return True


def _reply_mark(message: ContactCentreTicketReplied) -> str:
    """The CRM may tell one reply in several messages."""
    return taken_mark(message.ticket_id, f"{PARTY}/reply", message.reply_id)


def _customer_wrote_since(draft: Draft, at: datetime) -> bool:
    wrote_at = draft.state.last_customer_entry_at
    return wrote_at is not None and wrote_at > at


def _say(draft: Draft, text: str | None, entry_id: str, by: type[TicketEvent]) -> None:
    if text:
        draft.write(entry_id, "team", text, by=by)
