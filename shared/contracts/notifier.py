"""Messages to people: owned by services/notifier."""

from enum import StrEnum
from typing import ClassVar

from pydantic import AwareDatetime

from shared.contracts.base import Contract, Event


class MessageStatus(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


class MessageState(Contract):
    """One mail to one person about one event. It refers by id: no address, no text."""

    message_id: str
    user_id: str
    kind: str
    ticket_id: str | None = None
    status: MessageStatus
    reason: str | None = None
    template_version: str
    at: AwareDatetime


class MessageChanged(Event):
    topic: ClassVar[str] = "notifier.messages"
    type: ClassVar[str] = "notifier.message.changed.v1"
    message: MessageState


EVENTS: tuple[type[Event], ...] = (MessageChanged,)
