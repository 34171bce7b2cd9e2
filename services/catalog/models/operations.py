"""Models come from the back office; a device may name one before it is described."""

from services.catalog.models import domain, store
from services.catalog.models.domain import Model
from services.catalog.service import Service
from shared.access.scope import EVERYTHING
from shared.contracts.catalog import ModelState
from shared.contracts.inbound import BackOfficeModelUpdated
from shared.ids import derived_id
from shared.outbox import Cause, Change


def model_id_of(ref: str) -> str:
    return derived_id("model", ref)


async def find_or_create(deps: Service, *, ref: str, cause: Cause) -> ModelState:
    """The model behind a reference of the back office; an unknown one is created as unclassified."""
    model_id = model_id_of(ref)

    def create() -> Change:
        model, events = domain.unclassified(model_id, ref)
        return Change(set=store.fields(model), events=events)

    document = await deps.outbox.create_or_change(
        store.MODELS, model_id, create=create, decide=lambda _: None, scope=EVERYTHING, cause=cause
    )
    return store.model_of(document).state


async def take_master(deps: Service, *, record: BackOfficeModelUpdated, cause: Cause) -> Model:
    """Apply a master record and return the model as it is now. A repeated or older record changes nothing."""
    await find_or_create(deps, ref=record.ref, cause=cause)
    model_id = model_id_of(record.ref)
    state = ModelState(
        model_id=model_id,
        name=record.name,
        counters=record.counters,
        consumables=record.consumables,
        error_family=record.error_family,
        links=record.links,
    )

    def decide(document: store.Document) -> Change | None:
        decided = domain.apply_master(store.model_of(document), state=state, ref=record.ref, revision=record.revision)
        return None if decided is None else Change(set=store.fields(decided[0]), events=decided[1])

    document = await deps.outbox.change(store.MODELS, model_id, decide, scope=EVERYTHING, cause=cause)
    return store.model_of(document)
