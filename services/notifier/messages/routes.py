"""The log of mails over HTTP."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.notifier.messages import queries
from services.notifier.messages.domain import Message, MessageKind
from services.notifier.service import Deps
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.notifier import MessageStatus
from shared.http.caller import may
from shared.http.paging import Cursor, Limit, Page

router = APIRouter(tags=["messages"])


class MessageView(BaseModel):
    """One mail, or why there was none. Address and text are not kept."""

    message_id: str
    user_id: str
    kind: MessageKind
    ticket_id: str
    ticket_number: str
    status: MessageStatus
    reason: str | None = Field(description="why it was skipped, failed or waits")
    template_version: str
    language: str | None = Field(description="known once it was sent")
    subject: str | None = Field(description="known once it was sent")
    attempts: int
    event_id: str = Field(description="the event that asked for it")
    queued_at: datetime
    at: datetime = Field(description="when it came into its status")

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls(
            message_id=message.message_id,
            user_id=message.user_id,
            kind=message.kind,
            ticket_id=message.facts.ticket_id,
            ticket_number=message.facts.number,
            status=message.status,
            reason=message.reason,
            template_version=message.template_version,
            language=message.language,
            subject=message.subject,
            attempts=message.attempt,
            event_id=message.event_id,
            queued_at=message.queued_at,
            at=message.at,
        )


@router.get("/v1/messages")
async def list_messages(
    caller: Annotated[Caller, may(actions.LIST_MESSAGES)],
    deps: Deps,
    ticket_id: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[MessageView]:
    """The log, newest first: the caller's own mails; all of them for agents and service administrators."""
    page = await queries.newest(deps, caller=caller, ticket_id=ticket_id, limit=limit, cursor=cursor)
    return Page(items=list(map(MessageView.of, page.items)), next=page.next, previous=page.previous)


@router.get("/v1/messages/{message_id}")
async def read_message(
    message_id: str, caller: Annotated[Caller, may(actions.READ_MESSAGE)], deps: Deps
) -> MessageView:
    """One mail with all its attempts."""
    return MessageView.of(await queries.one(deps, caller=caller, message_id=message_id))
