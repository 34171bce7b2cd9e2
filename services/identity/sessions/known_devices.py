"""Browsers from which a person has signed in before: they have tries of their own, so that nobody locks him out there.

A browser keeps one random token; here stands its hash together with the person's id, for a year after the last sign-in
(OWASP, Slow Down Online Guessing Attacks with Device Cookies). A changed password forgets them all. Real time.
"""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from services.identity.service import Service
from services.identity.sessions.domain import hash_of

COLLECTION = "known_devices"
KEPT_FOR = timedelta(days=365)


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
    return kept


async def forget_all(db: AsyncDatabase[dict[str, Any]], *, user_id: str) -> None:
    await db[COLLECTION].delete_many({"user_id": user_id})


def _id(token: str, user_id: str) -> str:
    return hash_of(f"{user_id}\n{token}")
