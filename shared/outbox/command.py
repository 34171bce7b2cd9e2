"""Idempotency of commands: one intention of one caller, however often it is told."""

from dataclasses import dataclass

from shared.ids import derived_id


@dataclass(frozen=True, slots=True)
class Command:
    """One intention of one caller. The same route and key of his stand for the same intention for 24 hours.

    `route` is method and path as they were asked, ids included; `body_hash` is of all else that was told.
    """

    caller_id: str
    route: str
    key: str
    body_hash: str

    @property
    def document_id(self) -> str:
        """The id of what this command creates: repeating it finds the first one."""
        return derived_id(self.caller_id, self.route, self.key)
