"""What a document remembers of the commands and records that it has taken in, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.ids import derived_id
from shared.outbox.command import Command
from shared.outbox.entry import Document
from shared.problems import KeyReused

COMMAND_MEMORY = timedelta(hours=24)
MOST_COMMANDS = 200
"""More changes of one document than people and programs make in a day; beyond it the oldest go first."""

SOURCE_MEMORY = timedelta(days=90)
"""As long as topics keep records: what is older cannot come again."""


@dataclass(frozen=True, slots=True)
class Source:
    """The record that a reaction reacts to. What is not newer than the last applied one is skipped."""

    topic: str
    aggregate_id: str
    sequence: int

    @property
    def mark(self) -> str:
        return derived_id(self.topic, self.aggregate_id)


def remembers(document: Mapping[str, Any], command: Command) -> bool:
    """Whether the document has taken this very command in. Raises KeyReused when it was told with another body."""
    asked = (command.caller_id, command.route, command.key)
    creation = document.get("creation")
    for known in (*([creation] if creation else ()), *document.get("commands", ())):
        if (known["caller"], known["route"], known["key"]) == asked:
            if known["hash"] != command.body_hash:
                raise KeyReused(field="Idempotency-Key", rule="same_key_same_body")
            return True
    return False


def memory_of(command: Command, version: int) -> Document:
    """What is kept of a command; `version` is the document's after it."""
    return {
        "caller": command.caller_id,
        "route": command.route,
        "key": command.key,
        "hash": command.body_hash,
        "version": version,
        "at": datetime.now(UTC),
    }


def commands_with(document: Document, command: Command, version: int) -> list[Document]:
    """The remembered commands of the last day and this one, the newest last."""
    oldest = datetime.now(UTC) - COMMAND_MEMORY
    recent = [known for known in document.get("commands", ()) if known["at"] > oldest]
    return [*recent, memory_of(command, version)][-MOST_COMMANDS:]


def has_applied(document: Document, source: Source) -> bool:
    """Whether the document has applied this record or a newer one of the same source."""
    known = document.get("sources", {}).get(source.mark)
    return known is not None and known["sequence"] >= source.sequence


def mark_of(source: Source) -> Document:
    return {"sequence": source.sequence, "at": datetime.now(UTC)}


def outdated_marks(document: Document, source: Source | None) -> list[str]:
    """The fields of marks that no record can meet any more; `source` is about to be marked anew."""
    oldest = datetime.now(UTC) - SOURCE_MEMORY
    marks: Mapping[str, Document] = document.get("sources", {})
    return [
        f"sources.{mark}"
        for mark, known in marks.items()
        if known["at"] < oldest and not (source is not None and mark == source.mark)
    ]
