"""Country editions in the store; the country's code is the id."""

from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from shared.contracts.identity import EditionState
from shared.outbox import Aggregate

Document = dict[str, Any]

EDITIONS = Aggregate(name="editions", collection="editions")


def collection(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return db[EDITIONS.collection]


def edition_of(document: Document) -> EditionState:
    return EditionState.model_validate(document["state"])


def fields(edition: EditionState) -> Document:
    return {"state": edition.model_dump(mode="json")}


async def find(db: AsyncDatabase[Document], country: str) -> Document | None:
    return await collection(db).find_one({"_id": country})


async def find_all(db: AsyncDatabase[Document]) -> list[Document]:
    return await collection(db).find().sort("_id").to_list()
