"""A model is data; one that nobody has described yet is `unclassified`, never refused."""

from shared.contracts.base import Contract, Event
from shared.contracts.catalog import ModelChanged, ModelState


class Model(Contract):
    """A model's own document."""

    state: ModelState
    ref: str
    revision: int = 0


def unclassified(model_id: str, ref: str) -> tuple[Model, list[Event]]:
    """A model of which only the back office's reference is known: it stands in for the name."""
    state = ModelState(model_id=model_id, name=ref, classified=False)
    return Model(state=state, ref=ref), [ModelChanged(model=state)]


def apply_master(
    model: Model | None, *, state: ModelState, ref: str, revision: int
) -> tuple[Model, list[Event]] | None:
    """The model after a master record; None where that revision, or a newer one, is already in."""
    if model is not None and revision <= model.revision:
        return None
    return Model(state=state, ref=ref, revision=revision), [ModelChanged(model=state)]
