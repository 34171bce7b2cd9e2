"""The collection `messages`: one document per person and event, kept as the log of what was mailed and what was not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.notifier.messages.domain import SUPERSEDED_BY, Message
from shared.contracts.notifier import MessageChanged, MessageStatus
from shared.ids import derived_id
from shared.outbox import Aggregate

Document = dict[str, Any]


_MOMENTS = ("event_at", "queued_at", "at")
_CHANGING = frozenset(
    {"status", "reason", "template_version", "language", "subject", "attempt", "unanswered", "handed_over", "at"}
)


async def prepare(db: AsyncDatabase[Document]) -> None:
    """Make the indexes: the log of one person, of one ticket and of all, newest first."""
    newest_first = [("queued_at", DESCENDING), ("_id", DESCENDING)]
    await db[MESSAGES.collection].create_index([("user_id", ASCENDING), *newest_first])
    await db[MESSAGES.collection].create_index([("facts.ticket_id", ASCENDING), *newest_first])
    await db[MESSAGES.collection].create_index(newest_first)


def id_of(*, user_id: str, event_id: str, kind: str) -> str:
    """The claim: the same person, event and kind make the same id, however often the event arrives."""
    return derived_id("message", user_id, event_id, kind)


def fields_of(message: Message) -> Document:
    """The message's fields as stored: JSON, but moments as the store's own dates, which can be sorted."""
    fields = message.model_dump(mode="json", exclude={"message_id"})
    return fields | {name: getattr(message, name) for name in _MOMENTS}


def changed_fields_of(message: Message) -> Document:
    """Those fields that change after the mail was queued."""
    return {name: value for name, value in fields_of(message).items() if name in _CHANGING}


def message_of(document: Mapping[str, Any]) -> Message:
    return Message.model_validate({**document, "message_id": document["_id"]})


MESSAGES = Aggregate(
    name="messages",
    collection="messages",
    rebuilt={MessageChanged.topic: lambda document: message_of(document).changed()},
)


def handed_over_until(document: Mapping[str, Any]) -> datetime | None:
    """Real time until which the process that hands the mail over may still be at it."""
    until: datetime | None = document.get("handed_over_until")
    return until


async def is_superseded(db: AsyncDatabase[Document], message: Message) -> bool:
    """Whether a later event of the same ticket has already asked for a mail that makes this one untrue."""
    later = SUPERSEDED_BY[message.kind]
    if not later:
        return False
    found = await db[MESSAGES.collection].find_one(
        {
            "facts.ticket_id": message.facts.ticket_id,
            "user_id": message.user_id,
            "kind": {"$in": [kind.value for kind in later]},
            "event_sequence": {"$gt": message.event_sequence},
            "status": {"$in": [MessageStatus.QUEUED.value, MessageStatus.SENT.value]},
        },
        {"_id": 1},
    )
    return found is not None
