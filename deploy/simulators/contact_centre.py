"""The contact centre's CRM: gets every case entry by entry, acknowledges, replies, closes, and writes down calls."""

import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from aiokafka import AIOKafkaProducer

from deploy.simulators.agenda import Agenda, under
from deploy.simulators.party import Pace, Party, Planned, main
from deploy.simulators.wire import Message, Record, send, timestamp

SOURCE = "/parties/contact-centre"
HEARS = "outbound.contact-centre"
SAYS = "inbound.contact-centre"
GROUP = "contact-centre.crm"
AGENT = "Robin Aalto"
FIRST_LOOK = timedelta(minutes=3)
CALL_BACK = timedelta(hours=1)


def acknowledged(case: Mapping[str, Any], *, now: datetime, correlation_id: str | None = None) -> Message:
    """An agent has read the case and keeps it under the CRM's own id."""
    ticket = str(_inner(case)["ticket_id"])
    return _message(case, "contact-centre.ticket.acknowledged.v1", {"case_id": case_id(ticket)}, now, correlation_id)


def replied(
    case: Mapping[str, Any],
    *,
    now: datetime,
    text: str,
    language: str | None = None,
    audience: str = "public",
    waiting_for_customer: bool = False,
    correlation_id: str | None = None,
) -> Message:
    """A word to the customer (`public`) or among staff (`internal`)."""
    ticket = str(_inner(case)["ticket_id"])
    details = {
        "reply_id": f"R-{uuid5(NAMESPACE_URL, f'{SOURCE}/{ticket}/{timestamp(now)}/{text}').hex[:12]}",
        "audience": audience,
        "text": text,
        "waiting_for_customer": waiting_for_customer,
        "language": language,
    }
    return _message(case, "contact-centre.ticket.replied.v1", details, now, correlation_id)


def resolved(
    case: Mapping[str, Any], *, now: datetime, text: str | None = None, correlation_id: str | None = None
) -> Message:
    """The customer was helped without a visit."""
    return _message(case, "contact-centre.ticket.resolved.v1", {"text": text}, now, correlation_id)


def closed(
    case: Mapping[str, Any], *, now: datetime, text: str | None = None, correlation_id: str | None = None
) -> Message:
    """The case is at its end."""
    return _message(case, "contact-centre.ticket.closed.v1", {"text": text}, now, correlation_id)


def opened(
    caller: Mapping[str, Any],
    *,
    now: datetime,
    serial: str,
    description: str,
    language: str = "en",
    error_code: str | None = None,
    on_behalf_of: str | None = None,
) -> Message:
    """A call was written down; `caller` may be empty. The record's key is the CRM's case id."""
    case = case_id(f"{serial}/{timestamp(now)}")
    value = {
        "case_id": case,
        "serial": serial,
        "description": description,
        "language": language,
        "error_code": error_code,
        "on_behalf_of": on_behalf_of,
        "agent": AGENT,
        "occurred_at": timestamp(now),
    }
    return Message(SAYS, case, "contact-centre.ticket.opened.v1", _given(value), SOURCE)


async def acknowledge_case(producer: AIOKafkaProducer, case: Mapping[str, Any], **how: Any) -> Message:
    """Acknowledge and wait for the broker's acknowledgement; see `acknowledged`."""
    return await send(producer, acknowledged(case, **how))


async def reply_to_case(producer: AIOKafkaProducer, case: Mapping[str, Any], **how: Any) -> Message:
    return await send(producer, replied(case, **how))


async def close_case(producer: AIOKafkaProducer, case: Mapping[str, Any], **how: Any) -> Message:
    return await send(producer, closed(case, **how))


async def open_case(producer: AIOKafkaProducer, **how: Any) -> Message:
    return await send(producer, opened({}, **how))


def case_id(ticket_id: str) -> str:
    """The CRM's own id for a ticket; the same whenever it is asked."""
    return f"C-{uuid5(NAMESPACE_URL, f'{SOURCE}/{ticket_id}').hex[:10]}"


def _inner(case: Mapping[str, Any]) -> Mapping[str, Any]:
    """The case itself, whether it was given alone or as the value of its record."""
    inner: Mapping[str, Any] = case.get("case", case)
    return inner


def _given(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: detail for name, detail in value.items() if detail is not None}


def _message(
    case: Mapping[str, Any], kind: str, details: Mapping[str, Any], now: datetime, correlation_id: str | None
) -> Message:
    ticket = str(_inner(case)["ticket_id"])
    value = {"ticket_id": ticket, "agent": AGENT, "occurred_at": timestamp(now), **_given(details)}
    return Message(SAYS, ticket, kind, value, SOURCE, correlation_id=correlation_id)


def react(record: Record, book: Agenda, now: datetime, pace: Pace) -> list[Planned]:
    """Acknowledge what is new, ring back when it is resolved, then close. Everything once per ticket."""
    case = record.value.get("case")
    if case is None:
        return []
    said = {message.type for message in under(book, case["ticket_id"])}
    wait = None if pace.minutes is None else timedelta(minutes=pace.minutes)
    if case["status"] == "received" and "contact-centre.ticket.acknowledged.v1" not in said:
        due = now + (FIRST_LOOK if wait is None else wait)
        return [(due, acknowledged(case, now=due, correlation_id=record.correlation_id))]
    if case["status"] == "resolved" and "contact-centre.ticket.closed.v1" not in said:
        due = now + (CALL_BACK if wait is None else wait)
        return [(due, closed(case, now=due, correlation_id=record.correlation_id))]
    return []


PARTY = Party(
    name="contact-centre",
    topic=HEARS,
    rejected_topic=f"{SAYS}.rejected",
    group=GROUP,
    react=react,
    phrases={
        "acknowledged": acknowledged,
        "replied": replied,
        "resolved": resolved,
        "closed": closed,
        "opened": opened,
    },
)

if __name__ == "__main__":
    sys.exit(main(PARTY))
