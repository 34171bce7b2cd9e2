"""The address of the client behind the front door: stated by the portal, which alone has the key; good for a minute.

A service sees the portal as its client. What it counts by address, such as failed sign-ins, needs the address that the
portal saw; anybody could write `X-Forwarded-For`, so that header is not read at all.
"""

import hashlib
import hmac
import re
import time
from pathlib import Path

from fastapi import Request

HEADER = "Client-Address"
BELIEVED_SECONDS = 60
_STATED = re.compile(r"^([0-9a-zA-Z:.%_-]{1,64});(\d{1,12});([0-9a-f]{64})$")


def read_key(path: Path | None) -> bytes | None:
    """The key that portal and services share; None where there is none, and then nobody states addresses."""
    return path.read_bytes().strip() if path else None


def stated(key: bytes, address: str) -> str:
    """The header's value for a client's address, as of now."""
    at = str(int(time.time()))
    return f"{address};{at};{_proof(key, address, at)}"


def client_address(request: Request, key: bytes | None) -> str:
    """The address that the portal stated; without a good statement the one at the other end of the connection."""
    found = _STATED.match(request.headers.get(HEADER, ""))
    if found and key:
        address, at, proof = found.groups()
        if hmac.compare_digest(_proof(key, address, at), proof) and abs(time.time() - int(at)) <= BELIEVED_SECONDS:
            return address
    return request.client.host if request.client is not None else "unknown"


def _proof(key: bytes, address: str, at: str) -> str:
    return hmac.new(key, f"client address\n{address}\n{at}".encode(), hashlib.sha256).hexdigest()
