"""The command's side of the outbox: read, decide, one atomic write. The answer goes out before the events do."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from shared import faultpoints, metrics
from shared.access.scope import Scope, all_of
from shared.clock import Clock
from shared.contracts.base import Event
from shared.ids import derived_id
from shared.outbox import history
from shared.outbox.command import Command
from shared.outbox.drain import Drain
from shared.outbox.entry import Aggregate, Cause, Document, Row, To, entries_for, entries_of_rows
from shared.outbox.history import HistoryRow
from shared.problems import Conflict, KeyReused, NotFound, VersionConflict

COMMAND_MEMORY = timedelta(hours=24)
ATTEMPTS = 20
LONGEST_PAUSE_SECONDS = 0.05


class Stale(Exception):
    """Somebody changed the document after it was read."""


class Duplicate(Exception):
    """A document with this id exists already; `document` is it."""

    def __init__(self, document: Document) -> None:
        super().__init__(document["_id"])
        self.document = document


class TooManyWriters(Conflict):
    code = "too_many_writers"
    title = "Too many people change this at once; try again"


@dataclass(frozen=True, slots=True)
class Source:
    """The record that a reaction reacts to. What is not newer than the last applied one is skipped."""

    topic: str
    aggregate_id: str
    sequence: int

    @property
    def field(self) -> str:
        return f"sources.{derived_id(self.topic, self.aggregate_id)}"


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision wants written: fields to set, fields to drop, events to publish, rows to keep."""

    set: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Event | To] = ()
    unset: Sequence[str] = ()
    rows: Sequence[Row] = ()


@dataclass(slots=True)
class Outbox:
    """Writes aggregates of one service together with their events. See `docs/decisions` for the measured reasons."""

    db: AsyncDatabase[Document]
    clock: Clock
    source: str
    drain: Drain

    def collection(self, aggregate: Aggregate) -> AsyncCollection[Document]:
        return self.db[aggregate.collection]

    async def insert(
        self,
        aggregate: Aggregate,
        document: Document,
        events: Sequence[Event | To],
        *,
        cause: Cause,
        command: Command | None = None,
        rows: Sequence[Row] = (),
    ) -> Document:
        """Create a document that already holds its events.

        With a `command`, repeating it returns the first one's document; the same key with another body raises
        KeyReused. Without one, an existing id raises Duplicate.
        """
        entries = self._entries(document["_id"], 0, events, cause, rows)
        created: Document = {**document, "version": len(events), "outbox": entries}
        if command is not None:
            created["command_hash"] = command.body_hash
        try:
            await self.collection(aggregate).insert_one(created)
        except DuplicateKeyError:
            existing = await self.collection(aggregate).find_one({"_id": document["_id"]})
            if existing is None:
                raise  # another unique index: the caller knows which rule it stands for
            if command is None:
                raise Duplicate(existing) from None
            if existing.get("command_hash") != command.body_hash:
                raise KeyReused(field="Idempotency-Key", rule="same_key_same_body") from None
            return existing
        self._written(aggregate, created, entries)
        return created

    async def update(
        self,
        aggregate: Aggregate,
        document: Document,
        set_: Mapping[str, Any],
        events: Sequence[Event | To],
        *,
        cause: Cause,
        command: Command | None = None,
        unset: Sequence[str] = (),
        rows: Sequence[Row] = (),
        guard: Mapping[str, Any] | None = None,
        source: Source | None = None,
    ) -> Document:
        """Change a document as it was read, and push its events, in one write; returns it after the change.

        Raises Stale when it was changed meanwhile or `guard` does not hold, KeyReused for a known key with another
        body. A command that is already in the document changes nothing.
        """
        if command is not None and _is_known(document, command):
            return document
        version: int = document["version"]
        entries = self._entries(document["_id"], version, events, cause, rows)
        sets = dict(set_)
        if source is not None:
            sets[source.field] = source.sequence
        if command is not None:
            sets["commands"] = [*_remembered(document), _memory_of(command)]
        changes: dict[str, Any] = {}
        if sets:
            changes["$set"] = sets
        if unset:
            changes["$unset"] = dict.fromkeys(unset, "")
        if events:
            changes["$inc"] = {"version": len(events)}
        if entries:
            changes["$push"] = {"outbox": {"$each": entries}}
        if not changes:
            return document
        after = await self.collection(aggregate).find_one_and_update(
            {**(guard or {}), "_id": document["_id"], "version": version},
            changes,
            return_document=ReturnDocument.AFTER,
        )
        if after is None:
            raise Stale(document["_id"])
        if entries:
            self._written(aggregate, after, entries)
        return after

    async def change(
        self,
        aggregate: Aggregate,
        document_id: str,
        decide: Callable[[Document], Awaitable[Change | None] | Change | None],
        *,
        scope: Scope,
        cause: Cause,
        command: Command | None = None,
        if_match: int | None = None,
        source: Source | None = None,
        not_found: Exception | None = None,
        permit: Callable[[Document], None] | None = None,
    ) -> Document:
        """Read, decide, write; again while somebody else was first. None from `decide` means nothing to do.

        What is out of `scope` is not found and raises `not_found`; `permit` raises for who sees it but may not: both
        come before the answer to a repeated command and before any talk of versions. Raises VersionConflict when
        `if_match` names another version, TooManyWriters after twenty attempts.
        """
        for attempt in range(ATTEMPTS):
            document = await self.collection(aggregate).find_one(all_of(scope, {"_id": document_id}))
            if document is None:
                raise not_found or NotFound()
            if permit is not None:
                permit(document)
            if source is not None and _applied(document, source) >= source.sequence:
                return document
            if command is not None and _is_known(document, command):
                return document
            if if_match is not None and document["version"] != if_match:
                raise VersionConflict(f"It is at version {document['version']} now, not {if_match}.")
            decided = decide(document)
            change = await decided if isinstance(decided, Awaitable) else decided
            if change is None:
                if source is None:
                    return document
                change = Change()
            try:
                return await self.update(
                    aggregate,
                    document,
                    change.set,
                    change.events,
                    cause=cause,
                    command=command,
                    unset=change.unset,
                    rows=change.rows,
                    source=source,
                )
            except Stale:
                # Losers that come back at the same moment would lose to each other again.
                await asyncio.sleep(random.uniform(0, min(0.002 * 2**attempt, LONGEST_PAUSE_SECONDS)))
        raise TooManyWriters()

    async def history(self, aggregate: Aggregate, document: Document) -> list[HistoryRow]:
        """The rows of a document as read, oldest first, with those that still wait in its outbox."""
        return await history.rows(self.db, aggregate.name, document)

    def _entries(
        self, document_id: str, version: int, events: Sequence[Event | To], cause: Cause, rows: Sequence[Row]
    ) -> list[Document]:
        now = datetime.now(UTC)
        return entries_of_rows(rows, real_time=now) + entries_for(
            document_id,
            version,
            events,
            source=self.source,
            cause=cause,
            product_time=self.clock(),
            real_time=now,
        )

    def _written(self, aggregate: Aggregate, after: Document, entries: list[Document]) -> None:
        for entry in entries:
            if "row" not in entry:
                metrics.COMMITTED.labels(entry["topic"]).inc()
        faultpoints.reach(faultpoints.COMMAND_WRITTEN)
        # Who finds older entries leaves all of them to whoever put those there: that saves duplicates.
        if len(after["outbox"]) == len(entries):
            self.drain.offer(aggregate, after["_id"], entries)


def _applied(document: Document, source: Source) -> int:
    applied: int = document.get("sources", {}).get(source.field.removeprefix("sources."), 0)
    return applied


def _is_known(document: Document, command: Command) -> bool:
    for known in document.get("commands", ()):
        if known["key"] == command.key:
            if known["hash"] != command.body_hash:
                raise KeyReused(field="Idempotency-Key", rule="same_key_same_body")
            return True
    return False


def _remembered(document: Document) -> list[Document]:
    oldest = datetime.now(UTC) - COMMAND_MEMORY
    return [known for known in document.get("commands", ()) if known["at"] > oldest]


def _memory_of(command: Command) -> Document:
    return {"key": command.key, "hash": command.body_hash, "at": datetime.now(UTC)}
