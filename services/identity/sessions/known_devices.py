"""Browsers from which a person has signed in before: they have tries of their own, so that nobody locks him out there.

A browser keeps one random token; here stands its hash together with the person's id, for a year after the last sign-in
(OWASP, Slow Down Online Guessing Attacks with Device Cookies). A changed password forgets them all. Real time.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.identity.service import Service
from services.identity.sessions.domain import hash_of

COLLECTION = "known_devices"
KEPT_FOR = timedelta(days=365)
MOST = 20
"""Of one person: programs sign in without a token, each time from a new browser as it seems."""


async def prepare(service: Service) -> None:
    devices = service.db[COLLECTION]
    await devices.create_index([("user_id", ASCENDING)])
    await devices.create_index([("expires_at", ASCENDING)], expireAfterSeconds=0)


async def find(db: AsyncDatabase[dict[str, Any]], *, token: str | None, user_id: str | None) -> str | None:
    """The id of a browser that this person has used; None for a strange one. It reads as much for nobody."""
    if token is None:
        return None
    found = await db[COLLECTION].find_one({"_id": _id(token, user_id or ""), "expires_at": {"$gt": datetime.now(UTC)}})
    return str(found["_id"]) if found is not None else None


async def remember(db: AsyncDatabase[dict[str, Any]], *, token: str | None, user_id: str) -> str:
    """The token under which the browser is known from now on: the one that it brought, or a new one."""
    kept = token or secrets.token_urlsafe(32)
    fields = {"user_id": user_id, "expires_at": datetime.now(UTC) + KEPT_FOR}
    await db[COLLECTION].update_one({"_id": _id(kept, user_id)}, {"$set": fields}, upsert=True)
    if kept != token:
        await _forget_longest_unused(db, user_id)
    return kept


async def forget_all(db: AsyncDatabase[dict[str, Any]], *, user_id: str) -> None:
    await db[COLLECTION].delete_many({"user_id": user_id})


async def _forget_longest_unused(db: AsyncDatabase[dict[str, Any]], user_id: str) -> None:
    newest_first = db[COLLECTION].find({"user_id": user_id}, {"_id": 1}).sort("expires_at", DESCENDING)
    if beyond := [row["_id"] async for row in newest_first.skip(MOST)]:
        await db[COLLECTION].delete_many({"_id": {"$in": beyond}})


def _id(token: str, user_id: str) -> str:
    return hash_of(f"{user_id}\n{token}")
