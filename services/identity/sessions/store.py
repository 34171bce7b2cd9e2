"""Sessions in the store: plain documents of identity alone. Of refresh tokens only hashes are kept. Real time."""

from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from services.identity.service import Service
from services.identity.sessions.domain import RefreshToken, hash_of

Document = dict[str, Any]

COLLECTION = "sessions"


async def prepare(service: Service) -> None:
    sessions = service.db[COLLECTION]
    await sessions.create_index([("user_id", ASCENDING), ("created_at", DESCENDING)])
    await sessions.create_index([("expires_at", ASCENDING)], expireAfterSeconds=0)


async def begin(
    db: AsyncDatabase[Document], token: RefreshToken, *, user_id: str, client: str | None, now: datetime, end: datetime
) -> None:
    await db[COLLECTION].insert_one(
        {
            "_id": token.session_id,
            "user_id": user_id,
            "family_hash": hash_of(token.family),
            "secret_hash": hash_of(token.secret),
            "client": client,
            "created_at": now,
            "last_used_at": now,
            "expires_at": end,
        }
    )


async def find(db: AsyncDatabase[Document], session_id: str) -> Document | None:
    """A session that has neither ended nor expired."""
    return await db[COLLECTION].find_one(
        {"_id": session_id, "ended_at": {"$exists": False}, "expires_at": {"$gt": datetime.now(UTC)}}
    )


async def rotate(db: AsyncDatabase[Document], *, old: RefreshToken, new: RefreshToken, now: datetime) -> bool:
    """Replace the secret; False when another request has replaced it first or the session has ended."""
    rotated = await db[COLLECTION].find_one_and_update(
        {"_id": old.session_id, "secret_hash": hash_of(old.secret), "ended_at": {"$exists": False}},
        {"$set": {"secret_hash": hash_of(new.secret), "last_used_at": now}},
        return_document=ReturnDocument.AFTER,
    )
    return rotated is not None


async def of_user(db: AsyncDatabase[Document], user_id: str) -> list[Document]:
    """A user's open sessions, newest first."""
    query = {"user_id": user_id, "ended_at": {"$exists": False}, "expires_at": {"$gt": datetime.now(UTC)}}
    return await db[COLLECTION].find(query).sort("created_at", DESCENDING).to_list()


async def end(db: AsyncDatabase[Document], *, session_id: str, user_id: str, reason: str) -> bool:
    """End one session of a user; False when he has no such open session."""
    ended = await db[COLLECTION].update_one(
        {"_id": session_id, "user_id": user_id, "ended_at": {"$exists": False}},
        {"$set": {"ended_at": datetime.now(UTC), "end_reason": reason}},
    )
    return bool(ended.matched_count)
