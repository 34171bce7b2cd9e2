"""Looks callers up: who the token says somebody is, and what the local views say he may."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from shared.access.caller import Caller
from shared.access.tokens import Claims, Tokens
from shared.contracts.identity import Right, StaffRole, UserStatus
from shared.problems import Unauthenticated, Unavailable

Loader = Callable[[AsyncDatabase[dict[str, Any]], str], Awaitable[Mapping[str, Any] | None]]

VIEW_USERS = "view_users"
VIEW_GRANTS = "view_grants"
VIEW_REVOCATIONS = "view_revocations"
REMEMBERED_SECONDS = 1.0
REMEMBERED = 10_000
WAIT_SECONDS = 1.0
POLL_SECONDS = 0.02
FRESH_TOKEN_SECONDS = 60


class TokenTooOld(Unauthenticated):
    code = "token_too_old"
    title = "This service cannot see changes of rights just now and takes only fresh tokens"


class Callers:
    """Looks callers up. What is remembered for a second keeps revocation well inside its five."""

    def __init__(
        self,
        db: AsyncDatabase[dict[str, Any]],
        tokens: Tokens,
        *,
        load_user: Loader,
        load_grants: Loader,
        load_revocation: Loader,
        is_behind: Callable[[], bool],
    ) -> None:
        self._db = db
        self._tokens = tokens
        self._load_user = load_user
        self._load_grants = load_grants
        self._load_revocation = load_revocation
        self._is_behind = is_behind
        self._known: dict[str, tuple[float, int, Caller]] = {}
        self._good: dict[str, float] = {}
        """When a session or client was last seen not to be revoked."""

    async def of_token(self, token: str) -> Caller:
        """The caller behind a bearer token.

        Raises Unauthenticated for a bad or revoked token or a user who is not active, TokenTooOld while rights cannot
        be seen, and Unavailable when the view of his rights is more than a second behind his token.
        """
        claims = self._tokens.check(token)
        if self._is_behind() and time.time() - claims.iat > FRESH_TOKEN_SECONDS:
            raise TokenTooOld()
        if await self._is_revoked(claims.sub if claims.kind == "client" else claims.sid):
            raise Unauthenticated("The session has ended.")
        if claims.kind == "client":
            return Caller(id=claims.sub, kind="client", scopes=frozenset(claims.scopes))
        known = self._known.get(claims.sub)
        if known is not None and time.monotonic() - known[0] < REMEMBERED_SECONDS and known[1] >= claims.rights_version:
            return replace(known[2], session_id=claims.sid)
        return await self._look_up(claims)

    def forget(self, user_id: str) -> None:
        """Look this user up anew next time."""
        self._known.pop(user_id, None)

    def forget_bearer(self, revoked_id: str) -> None:
        """Look anew whether this session or client is revoked."""
        self._good.pop(revoked_id, None)

    async def present(self, caller: Caller) -> Caller | None:
        """The same caller with what he may do now, for what lasts; None when it has ended: his session, or he is not
        active."""
        if await self._is_revoked(caller.id if caller.kind == "client" else caller.session_id):
            return None
        if caller.kind == "client":
            return caller
        found = await self.of_user(caller.id)
        return None if found is None else replace(found, session_id=caller.session_id)

    async def of_user(self, user_id: str) -> Caller | None:
        """What a user may do now, without a token; None for one who is unknown or not active."""
        user = await self._load_user(self._db, user_id)
        if user is None or user["status"] != UserStatus.ACTIVE:
            return None
        return await self._caller(user_id, "", user)

    async def _is_revoked(self, bearer: str) -> bool:
        """Whether a session or client has ended. That it has not is remembered for a second."""
        if not bearer or time.monotonic() - self._good.get(bearer, float("-inf")) < REMEMBERED_SECONDS:
            return False
        found = await self._load_revocation(self._db, bearer)
        if found is not None and found["until"] > datetime.now(UTC):
            return True
        if len(self._good) >= REMEMBERED:
            self._good.clear()
        self._good[bearer] = time.monotonic()
        return False

    async def _look_up(self, claims: Claims) -> Caller:
        limit = time.monotonic() + WAIT_SECONDS
        while True:
            user = await self._load_user(self._db, claims.sub)
            if user is not None and user["version"] >= claims.rights_version:
                break
            if time.monotonic() > limit:
                raise Unavailable("Your rights have not arrived here yet.", waiting_for=f"users/{claims.sub}")
            await asyncio.sleep(POLL_SECONDS)
        if user["status"] != UserStatus.ACTIVE:
            raise Unauthenticated("This user is not active.")
        caller = await self._caller(claims.sub, claims.sid, user)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[claims.sub] = (time.monotonic(), user["version"], caller)
        return caller

    async def _caller(self, user_id: str, session_id: str, user: Mapping[str, Any]) -> Caller:
        grants = await self._load_grants(self._db, user_id) or {}
        return Caller(
            id=user_id,
            kind="user",
            session_id=session_id,
            staff_roles=frozenset(StaffRole(role) for role in user["staff_roles"]),
            rights=tuple(Right.model_validate(right) for right in user["rights"]),
            devices=frozenset(grants.get("devices", ())),
            groups=frozenset(grants.get("groups", ())),
            language=user["language"],
            time_zone=user["time_zone"],
            country=user["country"],
        )
