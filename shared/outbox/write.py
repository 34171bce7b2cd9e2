"""The command's side of the outbox: read, decide, one atomic write. The answer goes out before the events do."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from shared import faultpoints, metrics
from shared.access.scope import EVERYTHING, Scope, all_of
from shared.clock import Clock
from shared.outbox import history, memory, show
from shared.outbox.after import after as after_changes
from shared.outbox.command import Command
from shared.outbox.drain import Drain
from shared.outbox.entry import (
    Aggregate,
    Cause,
    Document,
    Item,
    Row,
    entries_for,
    entries_of_rows,
    entry_of_show,
    is_event,
    require_room,
)
from shared.outbox.history import HistoryRow
from shared.outbox.memory import Source
from shared.outbox.statements import Statements, Update
from shared.problems import Conflict, NotFound, VersionConflict

OWN_FIELDS = frozenset({"revision", "version", "outbox", "creation", "commands", "sources"})
ATTEMPTS = 20
LONGEST_PAUSE_SECONDS = 0.05


class Stale(Exception):
    """Somebody changed the document after it was read."""


class Duplicate(Exception):
    """A document with this id exists already."""


class TooManyWriters(Conflict):
    code = "too_many_writers"
    title = "Too many people change this at once; try again"


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision wants written: fields to set, fields to drop, events to publish, rows to keep."""

    set: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Item] = ()
    unset: Sequence[str] = ()
    rows: Sequence[Row] = ()


Decision = Callable[[Document], Awaitable[Change | None] | Change | None]


@dataclass(slots=True)
class Outbox:
    """Writes aggregates of one service together with their events. See `docs/decisions` for the measured reasons.

    `revision` is the lock: it grows with every write. `version` counts events, and is what readers see. Commands that
    run at the same time share their statements, as long as nothing waits in the documents that they change.
    """

    db: AsyncDatabase[Document]
    clock: Clock
    source: str
    drain: Drain
    rows: show.Rows = field(init=False)
    _statements: dict[str, Statements] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = show.Rows(self.db)

    def collection(self, aggregate: Aggregate) -> AsyncCollection[Document]:
        return self.db[aggregate.collection]

    async def read(self, aggregate: Aggregate, document_id: str) -> Document | None:
        """A document for the service's own purposes, whoever may see it; not to be changed, others may share it."""
        return await self._of(aggregate).read(document_id)

    async def insert(
        self,
        aggregate: Aggregate,
        document: Document,
        events: Sequence[Item],
        *,
        cause: Cause,
        scope: Scope,
        command: Command | None = None,
        rows: Sequence[Row] = (),
        source: Source | None = None,
        not_found: Exception | None = None,
    ) -> Document:
        """Create a document that already holds its events.

        Repeating the `command` returns what it created the first time, as it is now; what is out of `scope` by now
        raises `not_found`, the same key with another body KeyReused. An id that exists otherwise raises Duplicate.
        """
        _require_foreign(document)
        entries = self._entries(document["_id"], 0, events, cause, rows)
        if not entries and aggregate.shown:
            entries = [entry_of_show(real_time=datetime.now(UTC))]
        require_room((), entries)
        created: Document = {**document, "revision": 1, "version": len(events), "outbox": entries}
        if command is not None:
            created["creation"] = memory.memory_of(command, len(events))
        if source is not None:
            created["sources"] = {source.mark: memory.mark_of(source)}
        try:
            await self._of(aggregate).insert(created)
        except DuplicateKeyError:
            if await self.collection(aggregate).find_one({"_id": document["_id"]}, {"_id": 1}) is None:
                raise  # another unique index: the caller knows which rule it stands for
            if command is None:
                raise Duplicate(document["_id"]) from None
            existing = await self.collection(aggregate).find_one(all_of(scope, {"_id": document["_id"]}))
            if existing is None:
                raise not_found or NotFound() from None
            if not memory.remembers(existing, command):
                raise Duplicate(document["_id"]) from None
            return existing
        await self._written(aggregate, None, created, entries)
        return created

    async def created_by(self, aggregate: Aggregate, command: Command, *, scope: Scope) -> Document | None:
        """What a command has created, if it was told before and the document is in scope. Raises KeyReused."""
        document = await self.collection(aggregate).find_one(all_of(scope, {"_id": command.document_id}))
        return document if document is not None and memory.remembers(document, command) else None

    async def update(
        self,
        aggregate: Aggregate,
        document: Document,
        set_: Mapping[str, Any],
        events: Sequence[Item],
        *,
        cause: Cause,
        command: Command | None = None,
        unset: Sequence[str] = (),
        rows: Sequence[Row] = (),
        guard: Mapping[str, Any] | None = None,
        source: Source | None = None,
    ) -> Document:
        """Change a document as it was read, and push its events, in one write; returns it after the change.

        Raises Stale when it was written meanwhile or `guard` does not hold, KeyReused for a known key with another
        body, OutboxFull. A command that is already in the document changes nothing.
        """
        _require_foreign({**set_, **dict.fromkeys(unset)})
        if command is not None and memory.remembers(document, command):
            return document
        version: int = document["version"]
        entries = self._entries(document["_id"], version, events, cause, rows)
        require_room(document["outbox"], entries)
        sets = dict(set_)
        if source is not None:
            sets[f"sources.{source.mark}"] = memory.mark_of(source)
        if command is not None:
            sets["commands"] = memory.commands_with(document, command, version + len(events))
        if not (sets or unset or entries):
            return document
        changes: dict[str, Any] = {"$inc": {"revision": 1, "version": len(events)}}
        if sets:
            changes["$set"] = sets
        if dropped := [*unset, *memory.outdated_marks(document, source)]:
            changes["$unset"] = dict.fromkeys(dropped, "")
        if not entries and aggregate.shown and show.moved(aggregate, document, after_changes(document, changes)):
            entries = [entry_of_show(real_time=datetime.now(UTC))]
        if entries:
            changes["$push"] = {"outbox": {"$each": entries}}
        after = await self._changed(aggregate, document, guard or {}, changes)
        if after is None:
            raise Stale(document["_id"])
        if entries:
            await self._written(aggregate, document, after, entries)
        return after

    async def change(
        self,
        aggregate: Aggregate,
        document_id: str,
        decide: Decision,
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
            document = await self._found(aggregate, document_id, scope)
            if document is None:
                raise not_found or NotFound()
            if permit is not None:
                permit(document)
            if source is not None and memory.has_applied(document, source):
                return document
            if command is not None and memory.remembers(document, command):
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

    async def create_or_change(
        self,
        aggregate: Aggregate,
        document_id: str,
        *,
        create: Callable[[], Awaitable[Change] | Change],
        decide: Decision,
        scope: Scope,
        cause: Cause,
        command: Command | None = None,
        if_match: int | None = None,
        source: Source | None = None,
        not_found: Exception | None = None,
        permit: Callable[[Document], None] | None = None,
    ) -> Document:
        """Create the document where there is none, else change it, whoever else does the same at this moment.

        What `create` sets is the new document. A document that is not there has version 0: `if_match` of another one
        raises VersionConflict. All else as in `change`.
        """
        if await self._of(aggregate).read(document_id) is None:
            if if_match:
                raise VersionConflict(f"There is none yet, so there is no version {if_match}.")
            created = create()
            first = await created if isinstance(created, Awaitable) else created
            try:
                return await self.insert(
                    aggregate,
                    {**first.set, "_id": document_id},
                    first.events,
                    cause=cause,
                    scope=scope,
                    command=command,
                    rows=first.rows,
                    source=source,
                    not_found=not_found,
                )
            except Duplicate:
                pass  # somebody was first: what he made is changed
        return await self.change(
            aggregate,
            document_id,
            decide,
            scope=scope,
            cause=cause,
            command=command,
            if_match=if_match,
            source=source,
            not_found=not_found,
            permit=permit,
        )

    async def history(self, aggregate: Aggregate, document: Document) -> list[HistoryRow]:
        """The rows of a document as read, oldest first, with those that still wait in its outbox."""
        return await history.rows(self.db, aggregate, document)

    def _entries(
        self, document_id: str, version: int, events: Sequence[Item], cause: Cause, rows: Sequence[Row]
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

    def _of(self, aggregate: Aggregate) -> Statements:
        if aggregate.collection not in self._statements:
            self._statements[aggregate.collection] = Statements(self.collection(aggregate))
        return self._statements[aggregate.collection]

    async def _found(self, aggregate: Aggregate, document_id: str, scope: Scope) -> Document | None:
        if scope == EVERYTHING:
            return await self._of(aggregate).read(document_id)
        return await self.collection(aggregate).find_one(all_of(scope, {"_id": document_id}))

    async def _changed(
        self, aggregate: Aggregate, document: Document, guard: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> Document | None:
        """The document after the changes; None where it is not as it was read any more.

        What waits in it may have been cleared since: then only the store knows what it holds now.
        """
        update = Update(document["_id"], document["revision"], guard, changes)
        if document["outbox"]:
            return await self.collection(aggregate).find_one_and_update(
                update.condition, changes, return_document=ReturnDocument.AFTER
            )
        return after_changes(document, changes) if await self._of(aggregate).update(update) else None

    async def _written(
        self, aggregate: Aggregate, before: Document | None, after: Document, entries: list[Document]
    ) -> None:
        for entry in entries:
            if is_event(entry):
                metrics.COMMITTED.labels(entry["topic"]).inc()
        faultpoints.reach(faultpoints.COMMAND_WRITTEN)
        # Who finds older entries leaves all of them to whoever put those there: that saves duplicates.
        is_first = len(after["outbox"]) == len(entries)
        is_shown = not aggregate.shown or await self.rows.written(show.moved(aggregate, before, after))
        if is_first and entries:
            self.drain.offer(aggregate, after["_id"], entries if is_shown else None)
        elif entries:
            self.drain.more_in(aggregate, after["_id"])


def _require_foreign(fields: Mapping[str, Any]) -> None:
    """The outbox's own fields are nobody else's."""
    if taken := OWN_FIELDS.intersection(fields):
        raise ValueError(f"the outbox itself writes {', '.join(sorted(taken))}")
