"""The log of mails as its readers see it: each person his own, agents and service administrators all."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.notifier.messages.domain import Message
from services.notifier.messages.store import MESSAGES, message_of
from services.notifier.service import Service
from shared.access.caller import Caller
from shared.access.scope import all_of, own
from shared.contracts import actions
from shared.contracts.notifier import MessageStatus
from shared.http.paging import Page
from shared.lists import Order, Position, slice_of
from shared.operations.figures import backlog
from shared.operations.models import Backlog
from shared.problems import NotFound

NEWEST_FIRST = Order("queued", "queued_at", datetime, descending=True)
FAILED_WITHIN = timedelta(hours=24)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MessageNotFound(NotFound):
    code = "message_not_found"
    title = "There is no such message, or it went to somebody else"


async def newest(
    service: Service, *, caller: Caller, ticket_id: str | None, limit: int, cursor: str | None
) -> Page[Message]:
    """One page of the log, newest first. Raises CursorInvalid."""
    scope = own(caller, actions.LIST_MESSAGES)
    of_ticket = {"facts.ticket_id": ticket_id} if ticket_id is not None else {}

    async def read(order: Order, position: Position | None, count: int) -> list[dict[str, Any]]:
        query = all_of(scope, of_ticket, order.beyond(position))
        found = service.db[MESSAGES.collection].find(query, {"outbox": 0}).sort(order.keys())
        return await found.limit(count).to_list()

    page = await slice_of(NEWEST_FIRST, cursor=cursor, limit=limit, read=read)
    return Page(items=list(map(message_of, page.documents)), next=page.next, previous=page.previous)


async def one(service: Service, *, caller: Caller, message_id: str) -> Message:
    """One message. Raises MessageNotFound."""
    document = await service.db[MESSAGES.collection].find_one(
        all_of(own(caller, actions.READ_MESSAGE), {"_id": message_id})
    )
    if document is None:
        raise MessageNotFound()
    return message_of(document)


async def backlogs(service: Service) -> list[Backlog]:
    """Mails that wait to leave, and those of the last 24 hours (product time) that never will."""
    messages, now = service.db[MESSAGES.collection], service.clock()
    waiting = {"next_at": {"$gt": EPOCH}}
    failed = {"queued_at": {"$gte": now - FAILED_WITHIN}, "status": MessageStatus.FAILED.value}
    return [
        await backlog(messages, waiting, what="mails", since="queued_at", now=now),
        await backlog(messages, failed, what="failed_mails", since="queued_at", now=now),
    ]
