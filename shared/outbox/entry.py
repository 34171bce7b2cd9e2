"""One event as it waits in a document: exactly what will be on the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import context
from shared.access.caller import Caller
from shared.contracts.base import Event
from shared.ids import new_id
from shared.problems import Problem
from shared.wire.envelope import Envelope

MAX_VALUE_BYTES = 900_000

Entry = dict[str, Any]
Document = dict[str, Any]


class EventTooLarge(Problem):
    status = 413
    code = "event_too_large"
    title = "The change is too large to be passed on"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One kind of document that changes by commands: its name in logs and the collection it lives in."""

    name: str
    collection: str


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
    return [
        {
            "id": row.id,
            "at": real_time,
            "row": {"collection": row.collection, "document": {"_id": row.id, **row.fields}},
        }
        for row in rows
    ]


def waiting_rows(document: Document, collection: str) -> list[Document]:
    """The rows of a collection that still wait in a document, oldest first."""
    waiting = (entry["row"] for entry in document.get("outbox", ()) if "row" in entry)
    return [row["document"] for row in waiting if row["collection"] == collection]


@dataclass(frozen=True, slots=True)
class To:
    """An event under another key than the document's id."""

    event: Event
    key: str


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
    events: Sequence[Event | To],
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
        event, key = (item.event, item.key) if isinstance(item, To) else (item, document_id)
        value = event.model_dump_json()
        if len(value) * 4 > MAX_VALUE_BYTES and len(value.encode()) > MAX_VALUE_BYTES:
            raise EventTooLarge(f"{event.type} is larger than {MAX_VALUE_BYTES} bytes.")
        event_id = new_id()
        headers = {
            "ce_specversion": "1.0",
            "ce_id": event_id,
            "ce_source": source,
            "ce_type": event.type,
            "ce_time": product_time.isoformat(),
            "ce_subject": document_id,
            "ce_sequence": str(number),
            "ce_partitionkey": key,
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
                "topic": event.topic,
                "key": key,
                "headers": headers,
                "value": value,
            }
        )
    return entries
