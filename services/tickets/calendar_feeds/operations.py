"""Calendar feeds: a secret address per user that shows his visits, and dies with his rights (TIC-8, IDN-7)."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any, NamedTuple

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.tickets.aggregate import rows, store
from services.tickets.aggregate.callers import visible_rows
from services.tickets.aggregate.operations import moment
from services.tickets.service import Service
from services.tickets.visits.calendar import visit_calendar
from shared.access.caller import Caller
from shared.access.scope import all_of, own
from shared.contracts import actions
from shared.outbox.command import Command
from shared.problems import Conflict, NotFound

FEEDS = "calendar_feeds"
MOST_FEEDS = 10
MOST_VISITS = 500
KEPT = timedelta(days=60)


class FeedNotFound(NotFound):
    code = "calendar_feed_not_found"
    title = "There is no such calendar feed"


class TooManyFeeds(Conflict):
    code = "too_many_calendar_feeds"
    title = "Revoke a calendar feed first"


class NewFeed(NamedTuple):
    feed_id: str
    url_token: str | None


async def prepare(db: AsyncDatabase[dict[str, Any]]) -> None:
    await db[FEEDS].create_index([("token_hash", ASCENDING)], unique=True)
    await db[FEEDS].create_index([("user_id", ASCENDING)])


async def create(deps: Service, caller: Caller, command: Command) -> NewFeed:
    """A feed of the caller's own. The token is told once; only its hash is kept, so a repetition cannot tell it again.

    Raises TooManyFeeds.
    """
    feeds = deps.db[FEEDS]
    own_feeds = own(caller, actions.REVOKE_FEED)
    if await feeds.find_one(all_of(own_feeds, {"_id": command.document_id})) is not None:
        return NewFeed(command.document_id, None)
    if await feeds.count_documents(all_of(own_feeds)) >= MOST_FEEDS:
        raise TooManyFeeds()
    token = secrets.token_urlsafe(32)
    await feeds.insert_one(
        {
            "_id": command.document_id,
            "user_id": caller.id,
            "token_hash": _hash(token),
            "created_at": moment(deps),
        }
    )
    return NewFeed(command.document_id, token)


async def revoke(deps: Service, caller: Caller, feed_id: str) -> None:
    """The address is dead from now on. Raises FeedNotFound."""
    result = await deps.db[FEEDS].delete_one(all_of(own(caller, actions.REVOKE_FEED), {"_id": feed_id}))
    if result.deleted_count == 0:
        raise FeedNotFound()


async def feeds_of(deps: Service, caller: Caller) -> list[dict[str, Any]]:
    found = deps.db[FEEDS].find(all_of(own(caller, actions.REVOKE_FEED)))
    return [feed async for feed in found.sort("created_at", ASCENDING)]


async def feed(deps: Service, token: str) -> bytes:
    """The visits that the feed's owner may see now. Raises FeedNotFound, also for an owner who is not active."""
    known = await deps.db[FEEDS].find_one({"token_hash": _hash(token)})
    owner = await deps.callers.of_user(known["user_id"]) if known else None
    if owner is None:
        raise FeedNotFound()
    now = moment(deps)
    recent = {"ticket.visits.window_to": {"$gt": now - KEPT}}
    found = deps.db[rows.ROWS].find(all_of(visible_rows(owner), recent), {"keys": 0})
    visits = []
    async for document in found.limit(MOST_VISITS):
        state = store.ticket_of(document).state
        visits += [(state, visit, document["version"]) for visit in state.visits]
    return visit_calendar(visits, language=owner.language, now=now, name="Lockstep")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
