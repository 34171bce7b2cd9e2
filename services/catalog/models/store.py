"""Models in the store."""

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.catalog.models.domain import Model
from shared.contracts.catalog import ModelState
from shared.outbox import Aggregate

Document = dict[str, Any]

MODELS = Aggregate(name="models", collection="models")


def models(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return db[MODELS.collection]


def model_of(document: Mapping[str, Any]) -> Model:
    return Model(state=ModelState.model_validate(document), ref=document["ref"], revision=document["master_revision"])


def fields(model: Model) -> Document:
    return {**model.state.model_dump(mode="json"), "ref": model.ref, "master_revision": model.revision}
