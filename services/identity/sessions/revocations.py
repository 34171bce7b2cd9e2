"""What no longer opens anything, told to every service: ended sessions and removed machine clients.

The revocation is written before the session or client changes: after a crash in between it has ended all the same,
because refreshing looks here, too. Rows go when no token and no refresh token of theirs can be left. Real time.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.identity.service import Service
from services.identity.sessions import store
from shared import context
from shared.access.scope import EVERYTHING
from shared.contracts.identity import ClientRemoved, Revocation, RevocationEvent, SessionEnded
from shared.outbox import Aggregate, Cause, Duplicate

Document = dict[str, Any]

REVOCATIONS = Aggregate(name="revocations", collection="revocations")
CLOCKS_DIFFER = timedelta(minutes=1)


async def prepare(service: Service) -> None:
    await service.db[REVOCATIONS.collection].create_index([("expires_at", ASCENDING)], expireAfterSeconds=0)


async def end(deps: Service, session: Document, *, reason: str) -> None:
    """End a session: first for everybody who knows tokens of it, then for its refresh token."""
    cause = Cause(session["user_id"], correlation_id=context.correlation_id.get())
    await _revoke(deps, session["_id"], SessionEnded, cause)
    await store.end(deps.db, session_id=session["_id"], user_id=session["user_id"], reason=reason)


async def end_all(deps: Service, *, user_id: str, reason: str, but: str | None = None) -> None:
    """End all sessions of a user, or all but one."""
    for session in await store.of_user(deps.db, user_id):
        if session["_id"] != but:
            await end(deps, session, reason=reason)


async def remove_client(deps: Service, client_id: str, *, cause: Cause) -> None:
    """Tell that a machine client is no longer one; for the second time nothing."""
    await _revoke(deps, client_id, ClientRemoved, cause)


async def load_for_access(db: AsyncDatabase[Document], revoked_id: str) -> Document | None:
    """The revocation of a session or client, in the form of the view of the other services."""
    return await db[REVOCATIONS.collection].find_one({"_id": revoked_id})


async def _revoke(deps: Service, revoked_id: str, kind: type[RevocationEvent], cause: Cause) -> None:
    now = datetime.now(UTC)
    until = now + deps.parts.signer.lifetime + CLOCKS_DIFFER
    event = kind(revocation=Revocation(revoked_id=revoked_id, until=until), occurred_at=deps.clock())
    lasting = now + timedelta(days=deps.settings.sessions.refresh_days) + CLOCKS_DIFFER
    document = {"_id": revoked_id, "until": until, "expires_at": lasting}
    try:
        await deps.outbox.insert(REVOCATIONS, document, [event], cause=cause, scope=EVERYTHING)
    except Duplicate:
        return
