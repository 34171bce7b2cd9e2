"""HTTP of grants."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from services.catalog.grants import operations, queries, store
from services.catalog.service import Deps
from shared.access.scope import sees_everything
from shared.contracts.catalog import GrantsState
from shared.http.caller import CallerDep
from shared.http.commands import IfMatch, OptionalCommandDep, with_etag
from shared.http.seen import seen

router = APIRouter(tags=["grants"])

MOST = 20_000
Ids = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=MOST)]


class WantedGrants(BaseModel):
    """The whole of what the user shall manage in the accounts that the caller decides about."""

    devices: Ids = []
    groups: Ids = []


class GrantsView(GrantsState):
    version: int


@router.put("/v1/grants/{user_id}")
async def replace_grants(
    user_id: str,
    body: WantedGrants,
    caller: CallerDep,
    deps: Deps,
    if_match: IfMatch,
    command: OptionalCommandDep,
    response: Response,
) -> GrantsView:
    """Set what a user manages. An administrator decides only within his own accounts."""
    document = await operations.replace_grants(
        deps,
        caller=caller,
        user_id=user_id,
        devices=body.devices,
        groups=body.groups,
        if_match=if_match,
        command=command,
    )
    with_etag(response, document["version"])
    seen(response, "grants", user_id, document["version"])
    return await _view(deps, caller, store.state_of(document), document["version"])


@router.get("/v1/grants/{user_id}")
async def get_grants(user_id: str, caller: CallerDep, deps: Deps, response: Response) -> GrantsView:
    """What a user manages: his own, or as far as it lies in the caller's accounts."""
    if caller.id != user_id and not sees_everything(caller):
        await operations.power_over(deps, caller=caller, user_id=user_id)
    state, version = await queries.grants_of(deps, user_id)
    with_etag(response, version)
    return await _view(deps, caller, state, version)


async def _view(deps: Deps, caller: CallerDep, state: GrantsState, version: int) -> GrantsView:
    """An administrator does not learn what the user manages in other accounts."""
    power = operations.administers(caller)
    devices, groups = set(state.devices), set(state.groups)
    if not (power.everywhere or sees_everything(caller) or caller.id == state.user_id):
        devices = await queries.devices_among(deps, devices, account_ids=power.account_ids)
        groups = await queries.groups_among(deps, groups, account_ids=power.account_ids)
    return GrantsView(
        user_id=state.user_id, devices=tuple(sorted(devices)), groups=tuple(sorted(groups)), version=version
    )
