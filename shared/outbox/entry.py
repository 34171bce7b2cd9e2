"""One event as it waits in a document: exactly what will be on the wire."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import bson

from shared import context
from shared.access.caller import Caller
from shared.contracts.base import Event
from shared.ids import new_id
from shared.problems import Problem, Unavailable
from shared.wire.envelope import Envelope

MAX_VALUE_BYTES = 900_000
MAX_OUTBOX_BYTES = 4_000_000

Entry = dict[str, Any]
Document = dict[str, Any]


class EventTooLarge(Problem):
    status = 413
    code = "event_too_large"
    title = "The change is too large to be passed on"


class OutboxFull(Unavailable):
    code = "outbox_full"
    title = "Too much waits to be passed on; try again in a while"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=10)


@dataclass(frozen=True, slots=True)
class Shown:
    """What lists show of a document, as a row of its own that follows it: indexes there cost the document nothing.

    `row_of` makes the row from the document, or None for a document that no list shows. The command writes the row
    after the document and before its answer, never an older one over a newer one; the drain repeats it after a crash.
    Another `form` makes all rows anew at the service's next start.
    """

    collection: str
    row_of: Callable[[Document], Document | None]
    form: int = 1

    @property
    def prepared_as(self) -> str:
        """What is remembered when the rows of all documents have this form."""
        return self.collection if self.form == 1 else f"{self.collection}/{self.form}"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One kind of document that changes by commands: its name in logs and the collection it lives in.

    `rebuilt` names the topics whose values the history does not keep, because they are personal; each with what makes
    the newest event anew from the document. `shown` are the rows beside it: whatever they are made from must change
    by way of the outbox alone, which moves the revision.
    """

    name: str
    collection: str
    rebuilt: Mapping[str, Callable[[Document], Event]] = field(default_factory=dict, compare=False)
    shown: Sequence[Shown] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A document of its own, beside the aggregate, that is written once and never changes: an entry, a trace.

    It waits in the aggregate's outbox like an event, and the drain moves it to its collection before it clears the
    outbox; who reads rows merges those that still wait (`waiting_rows`).
    """

    collection: str
    id: str
    fields: Mapping[str, Any]


def entries_of_rows(rows: Sequence[Row], *, real_time: datetime) -> list[Entry]:
    entries: list[Entry] = []
    for row in rows:
        content = {"collection": row.collection, "document": {"_id": row.id, **row.fields}}
        entries.append({"id": new_id(), "at": real_time, "row": content, "bytes": len(bson.encode(content))})
    return entries


def entry_of_show(*, real_time: datetime) -> Entry:
    """Waits in the document until its rows are written, where nothing else waits."""
    return {"id": new_id(), "at": real_time, "show": True, "bytes": 0}


def is_event(entry: Entry) -> bool:
    """Whether it is for the broker."""
    return "topic" in entry


def waiting_rows(document: Document, collection: str) -> list[Document]:
    """The rows of a collection that still wait in a document, oldest first."""
    waiting = (entry["row"] for entry in document.get("outbox", ()) if "row" in entry)
    return [row["document"] for row in waiting if row["collection"] == collection]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The end of the aggregate on one topic: a record without a value, at which compaction takes the earlier ones."""

    topic: str

    @property
    def type(self) -> str:
        return f"{self.topic}.erased.v1"


Item: TypeAlias = Event | Tombstone
"""What an aggregate publishes."""


def bytes_of(entries: Iterable[Entry]) -> int:
    """How much some entries are, roughly: values, headers and rows."""
    return sum(entry["bytes"] for entry in entries)


def require_room(waiting: Sequence[Entry], entries: Sequence[Entry]) -> None:
    """Raises OutboxFull when these entries find no room behind those that wait, EventTooLarge when they never will."""
    size = bytes_of(entries)
    if size > MAX_OUTBOX_BYTES:
        raise EventTooLarge(f"The events of one change are larger than {MAX_OUTBOX_BYTES} bytes.")
    if waiting and size + bytes_of(waiting) > MAX_OUTBOX_BYTES:
        raise OutboxFull()


@dataclass(frozen=True, slots=True)
class Cause:
    """Who changed something, for whom, by which way, and what it follows from."""

    actor: str | None
    on_behalf_of: str | None = None
    channel: str = "api"
    correlation_id: str | None = None
    causation_id: str | None = None

    @classmethod
    def of(cls, caller: Caller, *, on_behalf_of: str | None = None, channel: str = "portal") -> "Cause":
        """The cause of a request: the caller, within the request's correlation."""
        return cls(caller.id, on_behalf_of, channel, context.correlation_id.get(), context.request_id.get())

    @classmethod
    def following(cls, record: Envelope[Any], *, actor: str | None = None) -> "Cause":
        """The cause of a reaction: the record it reacts to."""
        return cls(actor or record.actor, None, "event", record.correlation, record.id)

    @classmethod
    def by_itself(cls, actor: str) -> "Cause":
        """The cause of what the service does of its own accord, such as a timer."""
        return cls(actor, None, "timer", context.correlation_id.get())


def entries_for(
    document_id: str,
    version: int,
    events: Sequence[Item],
    *,
    source: str,
    cause: Cause,
    product_time: datetime,
    real_time: datetime,
) -> list[Entry]:
    """The outbox entries of some events; the first gets the sequence after `version`.

    `ce_time` is product time; `at`, by which the sweeper judges age, is real time. Raises EventTooLarge before anything
    is written.
    """
    entries = []
    for number, item in enumerate(events, start=version + 1):
        value = None if isinstance(item, Tombstone) else item.model_dump_json()
        size = len(value.encode()) if value is not None else 0
        if size > MAX_VALUE_BYTES:
            raise EventTooLarge(f"{item.type} is larger than {MAX_VALUE_BYTES} bytes.")
        event_id = new_id()
        headers = {
            "ce_specversion": "1.0",
            "ce_id": event_id,
            "ce_source": source,
            "ce_type": item.type,
            "ce_time": product_time.isoformat(),
            "ce_subject": document_id,
            "ce_sequence": str(number),
            "ce_partitionkey": document_id,
            "ce_correlationid": cause.correlation_id or event_id,
            "content-type": "application/json",
        }
        optional = {
            "ce_causationid": cause.causation_id,
            "ce_actor": cause.actor,
            "ce_onbehalfof": cause.on_behalf_of,
            "ce_channel": cause.channel,
            "traceparent": context.traceparent.get(),
        }
        headers.update({name: text for name, text in optional.items() if text})
        entries.append(
            {
                "id": event_id,
                "at": real_time,
                "sequence": number,
                "topic": item.topic,
                "key": document_id,
                "headers": headers,
                "value": value,
                "bytes": size + sum(len(name) + len(text) for name, text in headers.items()),
            }
        )
    return entries
