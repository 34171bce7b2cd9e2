"""Use cases of sign-in. All answers to a wrong sign-in are the same and take the same time (IDN-8)."""

import logging
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.identity.service import Service
from services.identity.sessions import known_devices, revocations, store, throttle
from services.identity.sessions.domain import (
    Presented,
    RefreshToken,
    attempts_id,
    judge_refresh,
    read_refresh_token,
)
from services.identity.sessions.passwords import hash_new_password
from services.identity.users import store as users
from services.identity.users.store import USERS, Document
from shared.access.caller import Caller
from shared.access.scope import EVERYTHING
from shared.contracts.identity import UserChanged, UserStatus
from shared.ids import new_id
from shared.outbox import Cause, Change
from shared.problems import Invalid, NotFound, Unauthenticated

log = logging.getLogger(__name__)


class CredentialsWrong(Unauthenticated):
    code = "credentials_wrong"
    title = "E-mail address or password is wrong"


class RefreshTokenInvalid(Unauthenticated):
    code = "refresh_token_invalid"
    title = "The session has ended; sign in again"


class CurrentPasswordWrong(Invalid):
    code = "current_password_wrong"
    title = "The current password is wrong"


class SessionNotFound(NotFound):
    code = "session_not_found"
    title = "You have no such session"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a client gets; both tokens are secrets."""

    access_token: str
    refresh_token: str
    expires_in: int
    user_id: str
    session_id: str
    device_token: str | None = None


async def sign_in(
    deps: Service, *, email: str, password: str, address: str, client: str | None, device_token: str | None = None
) -> SignedIn:
    """Open a session for an active user. A browser that he has used before has tries of its own.

    Raises CredentialsWrong for every wrong sign-in alike, TooManyAttempts (see `throttle`), Unavailable.
    """
    document = await users.find_active_by_email(deps.db, email)
    device = await known_devices.find(
        deps.db, token=device_token, user_id=document["_id"] if document is not None else None
    )
    attempts = attempts_id(users.email_key(email), address if device is None else f"device {device}")
    await throttle.count_attempt(deps.db, attempts)
    hashed = document.get("password", {}).get("hash") if document is not None else None
    if not await deps.parts.passwords.verify(password, hashed) or document is None:
        raise CredentialsWrong()
    await throttle.clear(deps.db, attempts)
    await _renew_hash(deps, document, password)
    now = datetime.now(UTC)
    token = RefreshToken(new_id(), secrets.token_urlsafe(16), secrets.token_urlsafe(32))
    end = now + timedelta(days=deps.settings.sessions.refresh_days)
    await store.begin(deps.db, token, user_id=document["_id"], client=client, now=now, end=end)
    await _was_active(deps, document["_id"])
    kept = await known_devices.remember(deps.db, token=device_token, user_id=document["_id"])
    return replace(_signed_in(deps, document, token, now), device_token=kept)


async def refresh(deps: Service, *, refresh_token: str) -> SignedIn:
    """A new pair of tokens for a refresh token, which can be used once.

    Using an old one again ends the session: one of the two holders is a thief. Raises RefreshTokenInvalid.
    """
    old, session = await _session_of(deps, refresh_token)
    document = await users.find(deps.db, session["user_id"])
    if document is None or document["status"] != UserStatus.ACTIVE.value:
        raise RefreshTokenInvalid()
    now = datetime.now(UTC)
    new = old._replace(secret=secrets.token_urlsafe(32))
    if not await store.rotate(deps.db, old=old, new=new, now=now):
        await _end_stolen(deps, session)
        raise RefreshTokenInvalid()
    await _was_active(deps, document["_id"])
    return _signed_in(deps, document, new, now)


async def sign_out(deps: Service, *, refresh_token: str) -> None:
    """End the session of a refresh token. A token that opens nothing has nothing to end."""
    try:
        _, session = await _session_of(deps, refresh_token)
    except RefreshTokenInvalid:
        return
    await revocations.end(deps, session, reason="signed_out")


async def revoke(deps: Service, *, caller: Caller, session_id: str) -> None:
    """End one of one's own sessions. Raises SessionNotFound."""
    session = await store.find(deps.db, session_id)
    if session is None or session["user_id"] != caller.id:
        raise SessionNotFound()
    await revocations.end(deps, session, reason="revoked")


async def change_password(deps: Service, *, caller: Caller, current: str, new: str, address: str) -> None:
    """Change one's own password; all other sessions end.

    Raises CurrentPasswordWrong, PasswordTooWeak, TooManyAttempts.
    """
    document = await users.find(deps.db, caller.id)
    if document is None:
        raise CurrentPasswordWrong(field="current_password")
    attempts = attempts_id(document["email_key"], address)
    await throttle.count_attempt(deps.db, attempts)
    if not await deps.parts.passwords.verify(current, document.get("password", {}).get("hash")):
        raise CurrentPasswordWrong(field="current_password")
    await throttle.clear(deps.db, attempts)
    hashed = await hash_new_password(deps.parts.passwords, new, users.user_of(document).person, field="new_password")

    def decide(found: Document) -> Change | None:
        user = users.user_of(found)
        event = UserChanged(user=user.state, occurred_at=deps.clock(), reason="password_changed")
        return users.as_change(found, user, [event], {"password": hashed})

    await deps.outbox.change(USERS, caller.id, decide, scope=EVERYTHING, cause=Cause.of(caller))
    await known_devices.forget_all(deps.db, user_id=caller.id)
    await revocations.end_all(deps, user_id=caller.id, reason="password_changed", but=caller.session_id)


async def _session_of(deps: Service, refresh_token: str) -> tuple[RefreshToken, Document]:
    token = read_refresh_token(refresh_token)
    session = await store.find(deps.db, token.session_id) if token is not None else None
    if token is None or session is None or await revocations.load_for_access(deps.db, session["_id"]) is not None:
        raise RefreshTokenInvalid()
    presented = judge_refresh(token, family_hash=session["family_hash"], secret_hash=session["secret_hash"])
    if presented is Presented.REUSED:
        await _end_stolen(deps, session)
    if presented is not Presented.GENUINE:
        raise RefreshTokenInvalid()
    return token, session


async def _end_stolen(deps: Service, session: Document) -> None:
    log.warning("a refresh token was used twice", extra={"session": session["_id"], "user": session["user_id"]})
    await revocations.end(deps, session, reason="refresh_token_reused")


async def _renew_hash(deps: Service, document: Document, password: str) -> None:
    """Hash again with today's parameters when the kept hash has older ones."""
    kept = document["password"]["hash"]
    if deps.parts.passwords.is_outdated(kept):
        fresh = await deps.parts.passwords.hash(password)
        await users.collection(deps.db).update_one(
            {"_id": document["_id"], "password.hash": kept}, {"$set": {"password.hash": fresh}}
        )


async def _was_active(deps: Service, user_id: str) -> None:
    await users.collection(deps.db).update_one({"_id": user_id}, {"$set": {"last_active_at": deps.clock()}})


def _signed_in(deps: Service, document: Document, token: RefreshToken, now: datetime) -> SignedIn:
    signer = deps.parts.signer
    access_token = signer.access_token(
        subject=document["_id"],
        kind="user",
        now=now,
        sid=token.session_id,
        rights_version=document["state_version"],
    )
    return SignedIn(
        access_token=access_token,
        refresh_token=token.text(),
        expires_in=int(signer.lifetime.total_seconds()),
        user_id=document["_id"],
        session_id=token.session_id,
    )
