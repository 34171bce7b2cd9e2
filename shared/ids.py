"""Identifiers: opaque, sortable by time where they are new, stable where they are derived."""

import uuid

import uuid_utils

NAMESPACE = uuid.UUID("6f0c1d52-8c0e-4b8a-9d3b-2f6f1f5d7a10")


def new_id() -> str:
    """A fresh UUIDv7 as text; later ids sort after earlier ones."""
    return str(uuid_utils.uuid7())


def derived_id(*parts: str) -> str:
    """The same UUIDv5 text for the same parts, for ever: repeating a create finds the first one."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(parts)))
