"""Queue a mail when an event asks for it; let it leave when its time has come."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import Message as Mail
from typing import Any

from prometheus_client import Counter

from services.notifier.messages import domain, store
from services.notifier.messages.departures import HELD_FOR, Fresh
from services.notifier.messages.domain import Message, SkipReason
from services.notifier.messages.mail import compose, on_the_wire
from services.notifier.messages.smtp import AnswerLost, Deferred, NotDelivered, Refused, Session
from services.notifier.messages.store import MESSAGES
from services.notifier.preferences import store as preferences
from services.notifier.preferences.domain import wants
from services.notifier.recipients.queries import Recipient, recipient
from services.notifier.service import Service
from services.notifier.templates.render import Letter, Reader
from shared import faultpoints
from shared.access.scope import EVERYTHING, sees
from shared.contracts import actions
from shared.contracts.base import Event
from shared.contracts.notifier import MessageStatus
from shared.contracts.tickets import TicketEvent
from shared.hops import Hop, observe
from shared.outbox import Cause, Duplicate, Stale
from shared.wire.envelope import Envelope

log = logging.getLogger(__name__)

MAILS = Counter("lockstep_mails_total", "Mails by kind and what became of them.", ["kind", "outcome"])

LOOK_AGAIN = timedelta(seconds=2)


async def queue_ticket_mail(service: Service, *, record: Envelope[TicketEvent], now: datetime) -> None:
    """Claim the mail that an event asks for. A repeated event finds the claim; of one that is too old the log says so.

    It leaves from memory at once, and tells of itself when something has become of it.
    """
    ticket, kind = record.event.ticket, domain.kind_of(record.event)
    if kind is None:
        return
    event_at = min(record.time, record.event.occurred_at)
    user_id = domain.recipient(ticket)
    if user_id is None:
        MAILS.labels(kind, "nobody").inc()
        return
    templates = service.parts.templates
    message = Message(
        message_id=store.id_of(user_id=user_id, event_id=record.id, kind=kind),
        user_id=user_id,
        kind=kind,
        event_id=record.id,
        event_at=event_at,
        event_sequence=record.sequence,
        correlation_id=record.correlation_id,
        facts=domain.TicketFacts.of(ticket, visit_id=getattr(record.event, "visit_id", None), entry=record.event.entry),
        template_version=templates.version,
        queued_at=now,
        at=now,
    )
    cause = Cause.following(record)
    if domain.too_old(event_at, now=now, limit=_age_limit(service)):
        await _keep_in_log(service, domain.skipped(message, SkipReason.TOO_OLD, now=now), cause=cause)
        return
    departures = service.parts.departures
    has_room = await departures.room()
    is_offered = False
    try:
        fresh = await _queue(service, message, cause=cause, now=now, is_held=has_room)
        if fresh is not None and has_room:
            departures.offer(fresh)
            is_offered = True
    finally:
        if has_room and not is_offered:
            departures.give_back()


async def _keep_in_log(service: Service, message: Message, *, cause: Cause) -> None:
    """Write down that a mail will never leave, unless the event has claimed one before."""
    document = {"_id": message.message_id, **store.fields_of(message)}
    try:
        await service.outbox.insert(MESSAGES, document, [message.changed()], cause=cause, scope=EVERYTHING)
    except Duplicate:
        return
    _say_done(message)


async def _queue(service: Service, message: Message, *, cause: Cause, now: datetime, is_held: bool) -> Fresh | None:
    """Store a mail, held by this process or for whichever timer comes first; None where it was claimed before."""
    begins_before = datetime.now(UTC) + HELD_FOR
    stored, next_at, extra = message, now, {}
    if is_held:
        length = _handover_limit(service)
        stored, next_at = domain.handed_over(message), now + HELD_FOR + length
        extra = {"handed_over_until": begins_before + length}
    document = {"_id": message.message_id, **store.fields_of(stored), "next_at": next_at, **extra}
    try:
        queued = await service.outbox.insert(MESSAGES, document, (), cause=cause, scope=EVERYTHING)
    except Duplicate:
        log.debug("mail was claimed before", extra={"mail": message.message_id})
        return None
    MAILS.labels(message.kind, MessageStatus.QUEUED).inc()
    return Fresh(queued, message, begins_before)


@dataclass(frozen=True)
class Departure:
    """One look at a queued mail: the document as read, and the moment of the look (product time)."""

    service: Service
    document: dict[str, Any]
    message: Message
    now: datetime
    held_until: datetime | None = None
    """Real time until which the document, as read, is this process's claim to begin a handover."""


async def leave_fresh(service: Service, mail: Fresh, now: datetime) -> None:
    """Send a mail that this process has just queued, if it may leave, or say why it does not."""
    await _look(Departure(service, mail.document, mail.message, now, held_until=mail.begins_before))


async def leave(service: Service, document: dict[str, Any], now: datetime) -> None:
    """Send a queued mail if it may still leave, or say why it does not. Fired by its timer."""
    message = store.message_of(document)
    departure = Departure(service, document, message, now)
    if message.status is not MessageStatus.QUEUED:
        await _write(departure, message)
        return
    until = store.handed_over_until(document)
    if message.handed_over and until is not None and datetime.now(UTC) < until:
        await _write(departure, message, next_at=now + LOOK_AGAIN)
        return
    await _look(departure)


async def _look(departure: Departure) -> None:
    message, now = departure.message, departure.now
    reader = await recipient(departure.service, message.user_id)
    obstacle = await _obstacle(departure, reader)
    if obstacle is not None and domain.may_heal(obstacle, queued_at=message.queued_at, now=now):
        await _write(departure, message, next_at=now + LOOK_AGAIN)
    elif obstacle is not None:
        await _finish(departure, domain.dropped(message, obstacle, now=now))
    elif not domain.repeat_allowed(message):
        await _finish(departure, domain.failed(message, domain.OUTCOME_UNKNOWN, now=now))
    else:
        await _send(departure, reader)


async def _obstacle(departure: Departure, reader: Recipient) -> SkipReason | None:
    """Why the mail must not leave now. Permission and preference count as they are at this moment."""
    service, message = departure.service, departure.message
    if domain.too_old(message.event_at, now=departure.now, limit=_age_limit(service)):
        return SkipReason.TOO_OLD
    if await store.is_superseded(service.db, message):
        return SkipReason.SUPERSEDED
    facts = message.facts
    permitted = reader.caller is not None and sees(
        reader.caller,
        actions.READ_TICKET,
        account_id=facts.account_id,
        device_id=facts.device.device_id,
        group_ids=facts.group_ids,
    )
    wanted = wants(preferences.preferences_of(await service.parts.views.preferences(message.user_id)), message.kind)
    return domain.refusal(reader.user, reader.person, permitted=permitted, wanted=wanted)


async def _send(departure: Departure, reader: Recipient) -> None:
    service, message, now = departure.service, departure.message, departure.now
    user, person = reader.user, reader.person
    assert user is not None and person is not None  # else there had been an obstacle
    templates = service.parts.templates
    server = service.parts.mail_server
    letter = templates.render(
        message.kind,
        message.facts,
        reader=Reader(f"{person.first_name} {person.last_name}", user.language, user.country, user.time_zone),
        edition=reader.edition,
    )
    mail = compose(
        letter,
        message_id=message.message_id,
        thread_id=message.facts.ticket_id,
        person=person,
        edition=reader.edition,
        sender_name=service.settings.smtp.sender_name,
        sender_address=service.settings.smtp.sender_address,
        now=now,
    )
    try:
        async with server.session() as session:
            handed = domain.handed_over(message)
            is_held = departure.held_until is not None and datetime.now(UTC) < departure.held_until
            claimed = departure.document if is_held else await _claim(departure, handed)
            if claimed is None:
                return
            faultpoints.reach(faultpoints.MAIL_CLAIMED)
            outcome = await _hand_over(session, mail, to=person.email, message=handed, letter=letter, now=now)
    except Deferred as error:
        await _postpone(departure, domain.unreached(message, reason=error.reason))
        return
    if outcome.status is MessageStatus.QUEUED:
        await _postpone(replace(departure, document=claimed), outcome)
    else:
        await _finish(replace(departure, document=claimed), outcome)


async def _hand_over(
    session: Session, mail: Mail, *, to: str, message: Message, letter: Letter, now: datetime
) -> Message:
    """The message after the mail server's answer, or after the lack of one."""
    try:
        await session.deliver(mail, recipient=on_the_wire(to))
    except Refused as error:
        return domain.failed(message, error.reason, now=now)
    except NotDelivered as error:
        return domain.postponed(message, reason=error.reason, unanswered=isinstance(error, AnswerLost))
    faultpoints.reach(faultpoints.MAIL_SENT)
    return domain.sent(
        message, language=letter.language, subject=letter.subject, template_version=letter.template_version, now=now
    )


async def _claim(departure: Departure, handed: Message) -> dict[str, Any] | None:
    """Write down that the mail is being handed over, before its first byte; None when another process was first."""
    length = _handover_limit(departure.service)
    until = {"handed_over_until": datetime.now(UTC) + length}
    return await _write(departure, handed, next_at=departure.now + length, extra=until)


async def _postpone(departure: Departure, message: Message) -> None:
    MAILS.labels(message.kind, "postponed").inc()
    told = {"mail": message.message_id, "reason": message.reason, "attempt": message.attempt}
    log.warning("mail postponed", extra=told)
    events = [message.changed()] if message.attempt == 1 else []  # that it waits is told once
    await _write(departure, message, next_at=departure.now + domain.pause_after(message.attempt), events=events)


async def _finish(departure: Departure, message: Message) -> None:
    if await _write(departure, message, events=[message.changed()]) is not None:
        _say_done(message)
        if message.status is MessageStatus.SENT:
            observe(Hop.MAILED, (departure.service.clock() - message.queued_at).total_seconds())


def _say_done(message: Message) -> None:
    MAILS.labels(message.kind, message.status).inc()
    told = {"mail": message.message_id, "status": message.status, "reason": message.reason}
    log.info("mail done", extra=told)


async def _write(
    departure: Departure,
    message: Message,
    *,
    next_at: datetime | None = None,
    events: Sequence[Event] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Write the message if it is still as it was read; None when somebody was first. Without `next_at` it is done."""
    fields = store.changed_fields_of(message) | dict(extra or {})
    cause = Cause("notifier", channel="timer", correlation_id=message.correlation_id, causation_id=message.event_id)
    try:
        return await departure.service.outbox.update(
            MESSAGES,
            departure.document,
            fields if next_at is None else fields | {"next_at": next_at},
            events,
            cause=cause,
            unset=["next_at", "handed_over_until"] if next_at is None else [],
        )
    except Stale:
        log.info("another process was first", extra={"mail": message.message_id})
        return None


def _handover_limit(service: Service) -> timedelta:
    return timedelta(seconds=3 * service.settings.smtp.timeout_seconds)


def _age_limit(service: Service) -> timedelta:
    return timedelta(hours=service.settings.max_event_age_hours)
