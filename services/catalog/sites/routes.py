"""HTTP of sites."""

from typing import Annotated

from fastapi import APIRouter

from services.catalog.service import Deps
from services.catalog.sites import queries
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.catalog import Site
from shared.http.caller import may
from shared.http.paging import Page

router = APIRouter(tags=["sites"])


class SiteView(Site):
    account_id: str
    devices: int


@router.get("/v1/sites")
async def list_sites(
    caller: Annotated[Caller, may(actions.LIST_DEVICES)], deps: Deps, account_id: str | None = None
) -> Page[SiteView]:
    """The known sites in scope, each with its number of devices there, by city and street."""
    sites = await queries.known_sites(deps, caller=caller, account_id=account_id, now=deps.clock())
    return Page(items=[SiteView(**known.site, account_id=known.account_id, devices=known.devices) for known in sites])
