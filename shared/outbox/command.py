"""Idempotency of commands: one intention of one caller, however often it is told."""

from dataclasses import dataclass

from shared.ids import derived_id


@dataclass(frozen=True, slots=True)
class Command:
    """One intention of one caller. The same key stands for the same intention for 24 hours."""

    caller_id: str
    route: str
    key: str
    body_hash: str

    @property
    def document_id(self) -> str:
        """The id of what this command creates: repeating it finds the first one."""
        return derived_id(self.caller_id, self.route, self.key)
