"""What a message of the contact centre does to a ticket. Pure."""

from datetime import datetime

from services.tickets.aggregate.draft import Draft
from services.tickets.aggregate.states import ENDED
from services.tickets.aggregate.values import Silence
from services.tickets.tickets import domain
from shared.contracts.inbound import (
    ContactCentreTicketAcknowledged,
    ContactCentreTicketClosed,
    ContactCentreTicketDecided,
    ContactCentreTicketMessage,
    ContactCentreTicketReplied,
    ContactCentreTicketResolved,
)
from shared.contracts.tickets import TicketStatus

PARTY = "contact-centre"


def take_case_message(draft: Draft, message: ContactCentreTicketMessage, message_id: str, silence: Silence) -> None:
    """Apply one message, or keep and flag what the ticket's state contradicts; a repeated one changes nothing.

    A solution dated before the customer's last entry did not know it, so it is flagged and not applied. A fact cannot
    be later than its telling: a date ahead of `now` counts as now.
    """
    if message_id in draft.ticket.taken_messages:
        return
    at = min(message.occurred_at, draft.now)
    fits = _apply(draft, message, at, silence)
    draft.keep(taken_messages=(*draft.ticket.taken_messages, message_id))
    if not fits:
        kind = message.type.split(".")[-2]
        draft.flag(PARTY, f"{kind}_for_{draft.state.status}_ticket", _kept(message))


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
            draft.note(f"decided@{at.isoformat()}", PARTY, word)
            draft.tell_contact_centre("decided")
            return True
        case ContactCentreTicketResolved():
            if status is TicketStatus.RESOLVED:
                return True
            if _customer_wrote_since(draft, at) or not domain.resolve(draft, at, silence):
                return False
            _say(draft, message.text, f"resolved@{at.isoformat()}")
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
            _say(draft, message.text, f"closed@{at.isoformat()}")
            return True
    return False


def _reply(draft: Draft, message: ContactCentreTicketReplied) -> bool:
    author = message.agent or PARTY
    known = {update.update_id for update in draft.state.updates} | {note.note_id for note in draft.ticket.notes}
    if message.reply_id in known:
        return True
    if message.audience == "internal":
        draft.note(message.reply_id, author, message.text)
        draft.tell_contact_centre("noted")
        return True
    return domain.team_writes(
        draft, message.reply_id, message.text, message.language, waiting=message.waiting_for_customer
    )


def _customer_wrote_since(draft: Draft, at: datetime) -> bool:
    return any(update.author == "customer" and update.at > at for update in draft.state.updates)


def _say(draft: Draft, text: str | None, update_id: str) -> None:
    if text:
        draft.update(update_id, "team", text)


def _kept(message: ContactCentreTicketMessage) -> dict[str, object]:
    return {"type": message.type, **message.model_dump(mode="json")}
