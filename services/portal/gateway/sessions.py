"""Browser sessions: an opaque cookie outside, tokens inside.

The store holds the SHA-256 of the cookie and the tokens encrypted with a key derived from the cookie itself: who reads
the store can neither present a cookie nor use a token.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from joserfc import jwe
from joserfc.jwk import OctKey
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

SEEN_SECONDS = 60
MOST_SEEN = 20
REFRESH_AHEAD_SECONDS = 45
REFRESH_LEASE_SECONDS = 10
WAIT_STEP_SECONDS = 0.05
STORE_PATIENCE_SECONDS = 60
STORE_PAUSE_SECONDS = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tokens:
    access: str
    refresh: str
    expires_at: float
    """Seconds since 1970, real time."""


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser."""

    cookie: str
    id: str
    user_id: str
    identity_session_id: str
    csrf: str
    tokens: Tokens
    sealed: str
    """The tokens as the store holds them; they differ after each refresh."""
    seen: tuple[str, ...]
    me: Mapping[str, Any] | None
    """The person as identity last described him, for the time when identity does not answer."""


def session_id(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def form_token(key: bytes, visitor: str) -> str:
    """The CSRF token of somebody who has not signed in: bound to his visitor cookie by the portal's key."""
    return base64.urlsafe_b64encode(hmac.digest(key, visitor.encode(), "sha256")).decode().rstrip("=")


def _key(cookie: str) -> OctKey:
    return OctKey.import_key(hashlib.sha256(b"lockstep tokens " + cookie.encode()).digest())


def _sealed(cookie: str, tokens: Tokens) -> str:
    plain = orjson.dumps({"access": tokens.access, "refresh": tokens.refresh, "expires_at": tokens.expires_at})
    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, plain, _key(cookie))


def _opened(cookie: str, sealed: str) -> Tokens:
    plain = jwe.decrypt_compact(sealed, _key(cookie)).plaintext
    return Tokens(**orjson.loads(plain or b"{}"))


class Sessions:
    """The collection of sessions. All times here are real time."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], hours: int) -> None:
        self._rows = db["sessions"]
        self._life = timedelta(hours=hours)

    async def prepare(self) -> None:
        """Make the indexes, waiting a minute for a store that is still starting."""
        limit = time.monotonic() + STORE_PATIENCE_SECONDS
        while True:
            try:
                await self._rows.create_index("expires_at", expireAfterSeconds=0)
                await self._rows.create_index("identity_session_id")
            except PyMongoError as error:
                if time.monotonic() > limit:
                    raise
                log.warning("the store is not ready yet", extra={"error": repr(error)})
                await asyncio.sleep(STORE_PAUSE_SECONDS)
            else:
                return

    async def open(self, user_id: str, identity_session_id: str, tokens: Tokens) -> Session:
        cookie = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        row = {
            "_id": session_id(cookie),
            "user_id": user_id,
            "identity_session_id": identity_session_id,
            "csrf": secrets.token_urlsafe(24),
            "tokens": _sealed(cookie, tokens),
            "refresh_until": 0.0,
            "seen": [],
            "me": None,
            "created_at": now,
            "expires_at": now + self._life,
        }
        await self._rows.insert_one(row)
        return self._session(cookie, row)

    async def find(self, cookie: str) -> Session | None:
        row = await self._rows.find_one({"_id": session_id(cookie), "expires_at": {"$gt": datetime.now(UTC)}})
        return self._session(cookie, row) if row else None

    async def close(self, session: Session) -> None:
        await self._rows.delete_one({"_id": session.id})

    async def close_of(self, user_id: str, identity_session_id: str) -> None:
        """Close a person's session by its id at identity: where it was open, the next request is signed out."""
        await self._rows.delete_many({"identity_session_id": identity_session_id, "user_id": user_id})

    async def remember_me(self, session: Session, me: Mapping[str, Any]) -> None:
        if session.me != me:
            await self._rows.update_one({"_id": session.id}, {"$set": {"me": dict(me)}})

    async def remember_seen(self, session: Session, marks: str) -> None:
        """Keep what the person has just written, so that his next requests wait for it (60 s)."""
        until = time.time() + SEEN_SECONDS
        entries = [{"mark": mark.strip(), "until": until} for mark in marks.split(",") if mark.strip()]
        await self._rows.update_one({"_id": session.id}, {"$push": {"seen": {"$each": entries, "$slice": -MOST_SEEN}}})

    async def claim_refresh(self, session: Session) -> bool:
        """Whether this process may refresh the tokens now: one at a time, over all processes."""
        now = time.time()
        row = await self._rows.find_one_and_update(
            {"_id": session.id, "refresh_until": {"$lt": now}, "tokens": session.sealed},
            {"$set": {"refresh_until": now + REFRESH_LEASE_SECONDS}},
        )
        return row is not None

    async def store_tokens(self, session: Session, tokens: Tokens) -> Session | None:
        row = await self._rows.find_one_and_update(
            {"_id": session.id},
            {"$set": {"tokens": _sealed(session.cookie, tokens), "refresh_until": 0.0}},
            return_document=ReturnDocument.AFTER,
        )
        return self._session(session.cookie, row) if row else None

    async def release_refresh(self, session: Session) -> None:
        await self._rows.update_one({"_id": session.id}, {"$set": {"refresh_until": 0.0}})

    async def wait_for_refresh(self, session: Session) -> Session | None:
        """The session with the tokens that somebody else is fetching; None when it has ended meanwhile."""
        limit = time.monotonic() + REFRESH_LEASE_SECONDS
        while time.monotonic() < limit:
            current = await self.find(session.cookie)
            if current is None or current.sealed != session.sealed:
                return current
            await asyncio.sleep(WAIT_STEP_SECONDS)
        return await self.find(session.cookie)

    def _session(self, cookie: str, row: Mapping[str, Any]) -> Session:
        now = time.time()
        return Session(
            cookie=cookie,
            id=row["_id"],
            user_id=row["user_id"],
            identity_session_id=row["identity_session_id"],
            csrf=row["csrf"],
            tokens=_opened(cookie, row["tokens"]),
            sealed=row["tokens"],
            seen=tuple(entry["mark"] for entry in row["seen"] if entry["until"] > now),
            me=row["me"],
        )


def due_for_refresh(tokens: Tokens) -> bool:
    return tokens.expires_at - time.time() < REFRESH_AHEAD_SECONDS
