"""Access tokens: EdDSA, minutes long, checked against identity's key set. They say who, never what."""

import asyncio
import logging
import time
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ValidationError

from shared.problems import Unauthenticated, Unavailable
from shared.settings import TokenSettings

log = logging.getLogger(__name__)

ALGORITHMS = ["EdDSA", "Ed25519"]
REFRESH_SECONDS = 60.0
RETRY_SECONDS = 0.5
REMEMBERED = 10_000


class Claims(BaseModel):
    """`rights_version` is the version of the user's document at issue; times are seconds since 1970."""

    sub: str
    sid: str = ""
    kind: str = "user"
    iat: int
    exp: int
    rights_version: int = 0
    scopes: tuple[str, ...] = ()


class Tokens:
    """Verifies tokens. Keys are fetched in the background and kept when identity is away."""

    def __init__(self, settings: TokenSettings) -> None:
        self._settings = settings
        self._keys: KeySet | None = None
        self._known: dict[str, Claims] = {}
        self._wanted = asyncio.Event()

    @property
    def ready(self) -> bool:
        return self._keys is not None

    async def run(self) -> None:
        """Fetch the key set until cancelled: often until it is there, then each minute or when a key is missing."""
        async with httpx.AsyncClient(timeout=3.0) as client:
            while True:
                try:
                    answer = await client.get(self._settings.key_set_url)
                    answer.raise_for_status()
                    self._keys = KeySet.import_key_set(answer.json())
                    self._known.clear()  # a key that is withdrawn takes its tokens along
                except Exception as error:
                    log.info("the key set is not to be had", extra={"error": repr(error)})
                await asyncio.sleep(RETRY_SECONDS)
                if self._keys is not None:
                    self._wanted.clear()
                    try:
                        await asyncio.wait_for(self._wanted.wait(), REFRESH_SECONDS)
                    except TimeoutError:
                        continue

    def check(self, token: str) -> Claims:
        """The claims of a valid token. Raises Unauthenticated, or Unavailable before the first key set."""
        known = self._known.get(token)
        if known is None:
            known = self._verify(token)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[token] = known
        if known.exp <= time.time():
            self._known.pop(token, None)
            raise Unauthenticated("The token has expired.")
        return known

    def _verify(self, token: str) -> Claims:
        if self._keys is None:
            raise Unavailable("The keys for checking tokens have not arrived yet.")
        try:
            claims: dict[str, Any] = jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims
            if claims.get("iss") != self._settings.issuer or claims.get("aud") != self._settings.audience:
                raise Unauthenticated("The token is meant for somebody else.")
            return Claims.model_validate(claims)
        except (JoseError, ValueError, TypeError, ValidationError) as error:
            if isinstance(error, InvalidKeyIdError):
                self._wanted.set()
            raise Unauthenticated("The token is not valid.") from error
