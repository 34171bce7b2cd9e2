"""What a party has taken on and will say later, in product time, kept in a file so that a restart forgets nothing.

A party commits its offset when a record's consequences stand here: that is the moment it has really taken notice.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.simulators.wire import Message, timestamp


@dataclass(frozen=True)
class Entry:
    due: datetime
    message: Message


@dataclass
class Agenda:
    """`entries` is everything ever taken on, by message id; `open` are the ids that have not been sent yet."""

    file: Path | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)


def agenda(file: Path | None = None) -> Agenda:
    """Open an agenda; without a file it lives in memory and dies with the process."""
    book = Agenda(file=file)
    if file is not None and file.exists():
        for line in file.read_text().splitlines():
            row: dict[str, Any] = json.loads(line)
            if "message" in row:
                message = Message(**row["message"])
                book.entries[message.id] = Entry(datetime.fromisoformat(row["due"]), message)
                book.open.add(message.id)
            else:
                book.open.discard(row["done"])
    return book


def take_on(book: Agenda, due: datetime, message: Message) -> bool:
    """Remember to send `message` at `due`. False when it was taken on before (a repeated record)."""
    if message.id in book.entries:
        return False
    book.entries[message.id] = Entry(due, message)
    book.open.add(message.id)
    _write(book, {"due": timestamp(due), "message": asdict(message)})
    return True


def strike(book: Agenda, message_id: str) -> None:
    """It was sent, or shall not be sent any more."""
    if message_id in book.open:
        book.open.discard(message_id)
        _write(book, {"done": message_id})


def due(book: Agenda, now: datetime) -> list[Message]:
    """What is to be sent by now, the oldest first; entries of the same moment in the order of their sequence."""
    ready = [entry for entry in map(book.entries.__getitem__, book.open) if entry.due <= now]
    return [entry.message for entry in sorted(ready, key=lambda entry: (entry.due, entry.message.sequence))]


def under(book: Agenda, key: str) -> list[Message]:
    """Everything ever taken on under a key, by sequence."""
    found = [entry.message for entry in book.entries.values() if entry.message.key == key]
    return sorted(found, key=lambda message: message.sequence)


def _write(book: Agenda, row: dict[str, Any]) -> None:
    if book.file is not None:
        book.file.parent.mkdir(parents=True, exist_ok=True)
        with book.file.open("a") as lines:
            lines.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")
