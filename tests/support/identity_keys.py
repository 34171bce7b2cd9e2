"""Tokens as identity signs them, with its own key; and its key set, served in its place where it does not run."""

import json
import threading
import time
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey

from deploy.local import keys
from deploy.local.environment import ISSUER
from deploy.local.layout import HOST, Profile

ALGORITHM = "Ed25519"
LIFETIME_SECONDS = 900


class IdentityKeys:
    """What a service that runs without identity needs of it: whoever it lets in has a token of the same key."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._server: ThreadingHTTPServer | None = None

    @cached_property
    def _key(self) -> OKPKey:
        key = OKPKey.import_key(keys.signing_key_file(self._profile).read_bytes())
        key.ensure_kid()
        return key

    def token(self, subject: str, **claims: Any) -> str:
        now = int(time.time())
        own = {"iss": ISSUER, "aud": ISSUER, "sub": subject, "iat": now, "exp": now + LIFETIME_SECONDS, **claims}
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, own, self._key, algorithms=[ALGORITHM])

    def serve(self) -> None:
        """Answer in identity's place, until `stop`."""
        if self._server is not None:
            return
        body = json.dumps({"keys": [{**self._key.as_dict(private=False), "use": "sig", "alg": ALGORITHM}]}).encode()

        class KeySet(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer((HOST, self._profile.port("identity")), KeySet)
        threading.Thread(target=self._server.serve_forever, name="key set", daemon=True).start()

    def stop(self) -> None:
        """Make room for identity itself."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
