"""HTTP of models: readable by whoever is signed in, for they are no customer's data."""

from typing import Annotated

from fastapi import APIRouter

from services.catalog.models import queries
from services.catalog.service import Deps
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.catalog import ModelState
from shared.http.caller import may
from shared.http.paging import Page

router = APIRouter(tags=["models"])


@router.get("/v1/models")
async def list_models(caller: Annotated[Caller, may(actions.LIST_MODELS)], deps: Deps) -> Page[ModelState]:
    """All models by name."""
    return Page(items=await queries.all_models(deps))
