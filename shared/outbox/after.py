"""What a document is after an update whose guard held: known without asking the store once more."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

import bson
from bson.codec_options import CodecOptions

from shared.outbox.entry import Document

AS_READ: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)


def as_stored(fields: Mapping[str, Any]) -> Document:
    """Values as they come back from the store: lists for tuples, whole milliseconds, nothing shared with the given."""
    return bson.decode(bson.encode(fields), AS_READ)


def after(document: Mapping[str, Any], changes: Mapping[str, Any]) -> Document:
    """The document after `$inc`, `$set`, `$unset` and `$push` with `$each`; dotted names reach into it.

    The given document stays as it is.
    """
    result = dict(document)
    for name, value in as_stored(changes.get("$set", {})).items():
        _holder(result, name)[_last(name)] = value
    for name in changes.get("$unset", {}):
        _holder(result, name).pop(_last(name), None)
    for name, amount in changes.get("$inc", {}).items():
        result[name] += amount
    for name, pushed in changes.get("$push", {}).items():
        result[name] = [*result[name], *as_stored(pushed)["$each"]]
    return result


def _holder(result: Document, name: str) -> Document:
    """The mapping that holds the last part of a dotted name, on copies along the way."""
    place = result
    for part in name.split(".")[:-1]:
        place[part] = dict(place.get(part) or {})
        place = place[part]
    return place


def _last(name: str) -> str:
    return name.rpartition(".")[2]
