"""Answers about models."""

from services.catalog.models import store
from services.catalog.models.domain import Model
from services.catalog.service import Service
from shared.contracts.catalog import ModelState


async def all_models(deps: Service) -> list[ModelState]:
    """The maker's models by name: some hundreds at most, so that they need no pages."""
    documents = store.models(deps.db).find({}, dict.fromkeys(ModelState.model_fields, 1))
    return sorted([ModelState.model_validate(document) async for document in documents], key=lambda m: m.name)


async def model(deps: Service, model_id: str) -> Model | None:
    document = await deps.outbox.read(store.MODELS, model_id)
    return None if document is None else store.model_of(document)
