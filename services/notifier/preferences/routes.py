"""A person's own choice of mails."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.notifier.messages.domain import MessageKind
from services.notifier.preferences import store
from services.notifier.preferences.domain import Cadence, complete
from services.notifier.service import Deps
from shared.access.caller import Caller
from shared.contracts import actions
from shared.http.caller import may

router = APIRouter(tags=["preferences"])


class PreferencesView(BaseModel):
    cadences: dict[MessageKind, Cadence] = Field(description="how each kind of mail reaches the caller")


@router.get("/v1/preferences")
async def own_preferences(caller: Annotated[Caller, may(actions.CHOOSE_MAILS)], deps: Deps) -> PreferencesView:
    """The caller's choice, completed by the defaults."""
    return PreferencesView(cadences=complete(await store.load(deps.db, caller.id)))


@router.put("/v1/preferences")
async def choose_preferences(
    body: PreferencesView, caller: Annotated[Caller, may(actions.CHOOSE_MAILS)], deps: Deps
) -> PreferencesView:
    """Replace the caller's choice; kinds that are left out get their default. It counts for mails already queued."""
    await store.save(deps.db, caller.id, body.cadences)
    return PreferencesView(cadences=complete(body.cadences))
