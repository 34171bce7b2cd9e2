"""The statements of one collection, joined over everybody in this process who asks at the same moment.

A guarded update of a bulk is an upsert: where the guard does not hold, the attempt to insert fails by its id, and so
tells which of them lost. Documents of aggregates and their rows are never deleted, so that nothing appears by it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pymongo import ReplaceOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteError

from shared.joined import Joined
from shared.outbox.entry import Document

DUPLICATE_KEY = 11000


class Update(NamedTuple):
    """One document as it was read, and how it is to change; `guard` holds beside its revision."""

    document_id: str
    revision: int
    guard: Mapping[str, Any]
    changes: Mapping[str, Any]

    @property
    def condition(self) -> Document:
        return {**self.guard, "_id": self.document_id, "revision": self.revision}


class Statements:
    """Insert, guarded update, replacement by newer, and read by id."""

    def __init__(self, collection: AsyncCollection[Document]) -> None:
        self._collection = collection
        self.insert: Joined[Document, bool] = Joined(self._insert)
        """Raises DuplicateKeyError."""
        self.update: Joined[Update, bool] = Joined(self._update)
        """Whether the document was as it had been read."""
        self.replace: Joined[Document, bool] = Joined(self._replace)
        """Put a document by its `_id`, unless there is one of this `revision` or a newer one."""
        self.read: Joined[str, Document | None] = Joined(self._read)
        """The document of an id; who asks at the same time for the same one shares it, and must not change it."""

    async def _insert(self, documents: Sequence[Document]) -> Sequence[bool | Exception]:
        if len(documents) == 1:
            await self._collection.insert_one(documents[0])
            return [True]
        try:
            await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            failures = {failure["index"]: _error_of(failure) for failure in error.details["writeErrors"]}
            return [failures.get(number, True) for number in range(len(documents))]
        return [True] * len(documents)

    async def _update(self, updates: Sequence[Update]) -> Sequence[bool | Exception]:
        if len(updates) == 1:
            result = await self._collection.update_one(updates[0].condition, updates[0].changes)
            return [result.matched_count == 1]
        # In one order everywhere: two processes that update the same documents must not wait for each other.
        order = sorted(range(len(updates)), key=lambda number: updates[number].document_id)
        writes = [UpdateOne(updates[number].condition, updates[number].changes, upsert=True) for number in order]
        outcomes: list[bool | Exception] = [True] * len(updates)
        try:
            await self._collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            for failure in error.details["writeErrors"]:
                problem = _error_of(failure)
                outcomes[order[failure["index"]]] = False if isinstance(problem, DuplicateKeyError) else problem
        return outcomes

    async def _replace(self, documents: Sequence[Document]) -> Sequence[bool | Exception]:
        """Two first writes may race and both be told that the id is taken: so what was told is repeated as a plain
        replacement, which is harmless where there is a newer one."""
        newest: dict[str, Document] = {}
        for document in documents:
            known = newest.get(document["_id"])
            if known is None or known["revision"] < document["revision"]:
                newest[document["_id"]] = document
        writes = [_replacement(document, upsert=True) for _, document in sorted(newest.items())]
        try:
            await self._collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            for failure in failures:
                problem = _error_of(failure)
                if not isinstance(problem, DuplicateKeyError):
                    raise problem from error
            ordered = sorted(newest)
            repeated = [_replacement(newest[ordered[failure["index"]]], upsert=False) for failure in failures]
            await self._collection.bulk_write(repeated, ordered=False)
        return [True] * len(documents)

    async def _read(self, ids: Sequence[str]) -> Sequence[Document | None]:
        if len(ids) == 1:
            return [await self._collection.find_one({"_id": ids[0]})]
        found = self._collection.find({"_id": {"$in": sorted(set(ids))}})
        by_id = {document["_id"]: document async for document in found}
        return [by_id.get(document_id) for document_id in ids]


def _replacement(document: Document, *, upsert: bool) -> ReplaceOne[Document]:
    older = {"_id": document["_id"], "revision": {"$lt": document["revision"]}}
    return ReplaceOne(older, document, upsert=upsert)


def _error_of(failure: Mapping[str, Any]) -> Exception:
    kind = DuplicateKeyError if failure["code"] == DUPLICATE_KEY else WriteError
    return kind(failure["errmsg"], failure["code"], dict(failure))
