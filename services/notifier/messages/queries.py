"""The log of mails as its readers see it: each person his own, agents and service administrators all."""

from typing import Any

from pymongo import DESCENDING

from services.notifier.messages.domain import Message
from services.notifier.messages.store import MESSAGES, message_of
from services.notifier.service import Service
from shared.access.caller import Caller
from shared.access.scope import all_of, own
from shared.contracts import actions
from shared.http.paging import encode_cursor, moment_and_id
from shared.problems import NotFound


class MessageNotFound(NotFound):
    code = "message_not_found"
    title = "There is no such message, or it went to somebody else"


async def newest(
    service: Service, *, caller: Caller, ticket_id: str | None, limit: int, cursor: str | None
) -> tuple[list[Message], str | None]:
    """One page of the log, newest first, and the cursor of the next page."""
    of_ticket = {"facts.ticket_id": ticket_id} if ticket_id is not None else {}
    behind = _after(cursor) if cursor is not None else {}
    query = all_of(own(caller, actions.LIST_MESSAGES), of_ticket, behind)
    order = [("queued_at", DESCENDING), ("_id", DESCENDING)]
    found = service.db[MESSAGES.collection].find(query, {"outbox": 0}).sort(order).limit(limit + 1)
    messages = [message_of(document) async for document in found]
    if len(messages) <= limit:
        return messages, None
    last = messages[limit - 1]
    return messages[:limit], encode_cursor({"queued_at": last.queued_at.isoformat(), "id": last.message_id})


async def one(service: Service, *, caller: Caller, message_id: str) -> Message:
    """One message. Raises MessageNotFound."""
    document = await service.db[MESSAGES.collection].find_one(
        all_of(own(caller, actions.READ_MESSAGE), {"_id": message_id})
    )
    if document is None:
        raise MessageNotFound()
    return message_of(document)


def _after(cursor: str) -> dict[str, Any]:
    at, last_id = moment_and_id(cursor, at="queued_at")
    return {"queued_at": {"$lte": at}, "$or": [{"queued_at": {"$lt": at}}, {"_id": {"$lt": last_id}}]}
