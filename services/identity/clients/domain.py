"""Rules of machine clients: scopes, and secrets that overlap while they are changed."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.contracts.actions import SCOPES

Secret = Mapping[str, Any]


def is_scope(text: str) -> bool:
    return text in SCOPES


def with_new_secret(secrets: Sequence[Secret], new_hash: str, *, now: datetime, grace: timedelta) -> list[Secret]:
    """The secrets after a rotation: the new one without end, the earlier ones for `grace` at most."""
    until = now + grace
    earlier = [
        {**secret, "expires_at": min(secret["expires_at"] or until, until)}
        for secret in secrets
        if _is_alive(secret, now)
    ]
    return [{"hash": new_hash, "created_at": now, "expires_at": None}, *earlier]


def accepts(secrets: Sequence[Secret], presented_hash: str, *, now: datetime) -> bool:
    """Whether a secret is one of those that work now; all of them are compared, in constant time."""
    matches = [hmac.compare_digest(secret["hash"], presented_hash) and _is_alive(secret, now) for secret in secrets]
    return any(matches)


def _is_alive(secret: Secret, now: datetime) -> bool:
    return secret["expires_at"] is None or bool(secret["expires_at"] > now)
