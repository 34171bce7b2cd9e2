"""The party outside that issues tokens: a key set behind a small HTTP server, and tokens of any making."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"


class Issuer:
    """Keys in the order of their making; those of `shown` are in the key set."""

    def __init__(self) -> None:
        self.keys: dict[str, OKPKey] = {}
        self.shown: set[str] = set()
        self.is_away = False
        self.url = ""
        self.make("first")

    def make(self, kid: str, *, shown: bool = True) -> None:
        self.keys[kid] = OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig", "alg": ALGORITHM})
        if shown:
            self.shown.add(kid)

    def token(self, user_id: str, *, kid: str = "first", age: float = 0, **claims: Any) -> str:
        """A token as identity issues it, `age` seconds ago; a claim of None is left out."""
        now = int(time.time() - age)
        own = {
            "iss": "lockstep",
            "aud": "lockstep",
            "sub": user_id,
            "sid": f"session of {user_id}",
            "kind": "user",
            "iat": now,
            "exp": now + 300,
            "rights_version": 1,
            **claims,
        }
        kept = {name: value for name, value in own.items() if value is not None}
        return jwt.encode({"alg": ALGORITHM, "kid": kid}, kept, self.keys[kid], algorithms=[ALGORITHM])

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Issuer"]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
        async with server:
            yield self

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"keys": [self.keys[kid].as_dict(private=False) for kid in self.shown]}).encode()
        status = b"503 Away" if self.is_away else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-type: application/json\r\nconnection: close\r\n")
        writer.write(b"content-length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()
