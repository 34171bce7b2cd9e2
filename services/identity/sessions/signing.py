"""Access tokens: EdDSA over Ed25519, signed here, checked by every service against the public keys."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey

from services.identity.settings import Settings
from shared.settings import TokenSettings

ALGORITHM = "Ed25519"


class Signer:
    """The first key signs; all keys are published, so that a change of keys is known before it happens."""

    def __init__(self, keys: list[OKPKey], settings: TokenSettings, lifetime: timedelta) -> None:
        self._keys = keys
        self._settings = settings
        self.lifetime = lifetime

    def access_token(self, *, subject: str, kind: str, now: datetime, **more: Any) -> str:
        """A token for `lifetime` from `now` (real time). It says who, not what."""
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": subject,
            "kind": kind,
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
            **more,
        }
        key = self._keys[0]
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])

    def public_keys(self) -> dict[str, Any]:
        """The JWK set (RFC 7517) without any private part."""
        keys = [{**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM} for key in self._keys]
        return {"keys": keys}


def signer_from(settings: Settings) -> Signer:
    """Read the keys. Raises FileNotFoundError or joserfc's errors: without its key identity must not start."""
    keys = [_read_key(path) for path in (settings.signing_key_file, *settings.published_key_files)]
    return Signer(keys, settings.tokens, timedelta(seconds=settings.sessions.access_seconds))


def _read_key(path: Path) -> OKPKey:
    key = OKPKey.import_key(path.read_bytes())
    key.ensure_kid()
    return key
