"""Machine clients (IDN-15): plain documents of identity alone. Secrets have 256 random bits; only hashes are kept."""

import logging
import secrets
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pymongo.errors import DuplicateKeyError

from services.identity.clients import domain
from services.identity.service import Service
from services.identity.sessions import revocations
from services.identity.sessions.domain import hash_of
from services.identity.settings import Settings
from shared.access.caller import Caller
from shared.access.scope import EVERYTHING, all_of
from shared.outbox import Cause
from shared.problems import Conflict, Forbidden, NotFound, Unauthenticated

log = logging.getLogger(__name__)

Document = dict[str, Any]

COLLECTION = "clients"
BOOTSTRAP = "bootstrap"
BOOTSTRAP_SCOPES = (
    "identity:write",
    "identity:read",
    "staff:write",
    "catalog:write",
    "catalog:read",
    "tickets:read",
    "tickets:write",
    "calendars:write",
    "notifier:read",
)


class ClientCredentialsWrong(Unauthenticated):
    code = "client_credentials_wrong"
    title = "Client id or secret is wrong"


class ClientNotFound(NotFound):
    code = "client_not_found"
    title = "There is no such machine client"


class ClientExists(Conflict):
    code = "client_exists"
    title = "This client was made before; a secret is shown only once: rotate it"


class ClientToken(NamedTuple):
    access_token: str
    expires_in: int


async def create_client(deps: Service, *, client_id: str, name: str, scopes: list[str], created_by: str) -> str:
    """Create a client; returns its secret, which is never shown again. Raises ClientExists."""
    secret = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    document = {
        "_id": client_id,
        "name": name,
        "scopes": sorted(set(scopes)),
        "secrets": domain.with_new_secret([], hash_of(secret), now=now, grace=timedelta(0)),
        "created_at": now,
        "created_by": created_by,
    }
    try:
        await deps.db[COLLECTION].insert_one(document)
    except DuplicateKeyError:
        raise ClientExists(client_id=client_id) from None
    return secret


def require_scopes(caller: Caller, scopes: Collection[str]) -> None:
    """Whoever holds a client's secret has its scopes, and nobody gives more than he has. Raises Forbidden."""
    beyond = sorted(set(scopes) - caller.scopes)
    if caller.kind == "client" and beyond:
        raise Forbidden(f"These scopes are not yours to give: {', '.join(beyond)}.", scopes=beyond)


async def rotate_secret(deps: Service, *, caller: Caller, client_id: str) -> str:
    """A new secret; the earlier ones go on working for the grace time of the settings.

    Raises ClientNotFound, Forbidden.
    """
    secret = secrets.token_urlsafe(32)
    grace = timedelta(minutes=deps.settings.clients.secret_grace_minutes)
    while True:
        document = await deps.db[COLLECTION].find_one(all_of(EVERYTHING, {"_id": client_id}))
        if document is None:
            raise ClientNotFound()
        require_scopes(caller, document["scopes"])
        rotated = domain.with_new_secret(document["secrets"], hash_of(secret), now=datetime.now(UTC), grace=grace)
        guard = all_of(EVERYTHING, {"_id": client_id, "secrets.0.hash": document["secrets"][0]["hash"]})
        if (await deps.db[COLLECTION].update_one(guard, {"$set": {"secrets": rotated}})).matched_count:
            return secret


async def remove_client(deps: Service, *, caller: Caller, client_id: str) -> None:
    """Remove a client; tokens that it holds open nothing any more. Raises ClientNotFound, Forbidden."""
    document = await deps.db[COLLECTION].find_one(all_of(EVERYTHING, {"_id": client_id}), {"scopes": 1})
    if document is None:
        raise ClientNotFound()
    require_scopes(caller, document["scopes"])
    await revocations.remove_client(deps, client_id, cause=Cause.of(caller))
    await deps.db[COLLECTION].delete_one(all_of(EVERYTHING, {"_id": client_id}))


async def client_token(deps: Service, *, client_id: str, client_secret: str) -> ClientToken:
    """An access token with the client's scopes. Raises ClientCredentialsWrong."""
    now = datetime.now(UTC)
    document = await deps.db[COLLECTION].find_one({"_id": client_id})
    known = document["secrets"] if document is not None else []
    if document is None or not domain.accepts(known, hash_of(client_secret), now=now):
        raise ClientCredentialsWrong()
    signer = deps.parts.signer
    token = signer.access_token(subject=client_id, kind="client", now=now, scopes=document["scopes"])
    return ClientToken(token, int(signer.lifetime.total_seconds()))


async def prepare(service: Service) -> None:
    """Ensure the first machine client, where the installation has a secret for it."""
    settings: Settings = service.settings
    if settings.bootstrap.client_secret_file is None:
        return
    secret = _read_secret(settings.bootstrap.client_secret_file)
    now = datetime.now(UTC)
    wanted = domain.with_new_secret([], hash_of(secret), now=now, grace=timedelta(0))
    clients = service.db[COLLECTION]
    if await clients.find_one(
        {"_id": BOOTSTRAP, "scopes": sorted(BOOTSTRAP_SCOPES), "secrets.0.hash": hash_of(secret)}
    ):
        return
    first = {"name": BOOTSTRAP, "created_at": now, "created_by": settings.service}
    current = {"scopes": sorted(BOOTSTRAP_SCOPES), "secrets": wanted}
    await clients.update_one({"_id": BOOTSTRAP}, {"$setOnInsert": first, "$set": current}, upsert=True)
    log.info("the bootstrap client has its scopes and secret")


def _read_secret(path: Path) -> str:
    secret = path.read_text().strip()
    if len(secret) < 32:
        raise ValueError(f"{path} must hold a secret of at least 32 characters")
    return secret
