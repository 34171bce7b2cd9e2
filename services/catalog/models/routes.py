"""HTTP of models: readable by whoever is signed in, for they are no customer's data."""

from fastapi import APIRouter

from services.catalog.models import queries
from services.catalog.service import Deps
from shared.contracts.catalog import ModelState
from shared.http.caller import CallerDep
from shared.http.paging import Page

router = APIRouter(tags=["models"])


@router.get("/v1/models")
async def list_models(caller: CallerDep, deps: Deps) -> Page[ModelState]:
    """All models by name."""
    return Page(items=await queries.all_models(deps))
