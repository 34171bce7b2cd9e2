"""Paths at a service. Only what is made here is sent: mypy takes no plain text for a `Path`."""

import re
import string
from typing import NewType
from urllib.parse import quote, unquote

from shared.problems import NotFound

Path = NewType("Path", str)
"""A path below a service's address, with its query if it has one, to be sent as it stands."""

NOWHERE = Path("")
"""Where no resource can be. Asking there is refused with 404 like any unknown id: who may not ask hears that first."""

V1 = "/v1/"
PRINTABLE = string.ascii_letters + string.digits + string.punctuation
NO_PLACE = ("", ".", "..")
ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Ids of documents are UUIDs as text, see `shared.ids`."""


def v1(*segments: str) -> Path:
    """The path of one resource; a segment may be an id that somebody typed.

    NOWHERE for what can be no id, or would name another resource: nothing, `.`, `..`, slashes, control characters.
    """
    if any(segment in NO_PLACE or "/" in segment or _unfit(segment) for segment in segments):
        return NOWHERE
    return Path(V1 + "/".join(quote(segment, safe="") for segment in segments))


def one(collection: str, document_id: str, *below: str) -> Path:
    """The path of one document of a collection, or of what is below it.

    NOWHERE for what has not the form of an id: a word there, such as `facets`, names another resource.
    """
    return v1(collection, document_id, *below) if ID.fullmatch(document_id) else NOWHERE


def passed_on(name: str, raw_path: bytes, query: bytes) -> Path:
    """The path of a request to `/api/<name>/v1/…`, as it came, with its percent-encoding and its query.

    Raises NotFound for a path that is written in a way to leave `/v1`: `.` and `..`, encoded or not, backslashes,
    control characters.
    """
    before = f"/api/{name}{V1}"
    path = raw_path.decode("latin-1")
    below = path.removeprefix(before)
    plain = unquote(below)
    if below == path or not path.isascii() or _unfit(plain) or {".", ".."} & set(plain.split("/")):
        raise NotFound()
    return Path(V1 + below + (f"?{quote(query, safe=PRINTABLE)}" if query else ""))


def _unfit(text: str) -> bool:
    return "\\" in text or any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text)
