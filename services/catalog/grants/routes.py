"""HTTP of grants."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from services.catalog.grants import operations, queries, store
from services.catalog.service import Deps
from shared.access.caller import Caller
from shared.access.permissions import reach
from shared.contracts import actions
from shared.contracts.catalog import GrantsState
from shared.http.body import Body
from shared.http.caller import may
from shared.http.commands import IfMatch, OptionalCommandDep, with_etag
from shared.http.seen import seen

router = APIRouter(tags=["grants"])

MOST = 20_000
Ids = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=MOST)]


class WantedGrants(Body):
    """The whole of what the user shall manage in the accounts that the caller decides about."""

    devices: Ids
    groups: Ids


class GrantsView(GrantsState):
    version: int


@router.put("/v1/grants/{user_id}")
async def replace_grants(
    user_id: str,
    body: WantedGrants,
    caller: Annotated[Caller, may(actions.CHANGE_GRANTS)],
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
async def get_grants(
    user_id: str, caller: Annotated[Caller, may(actions.READ_GRANTS)], deps: Deps, response: Response
) -> GrantsView:
    """What a user manages: his own, or as far as it lies in the caller's accounts."""
    await operations.require_sight(deps, caller=caller, user_id=user_id)
    state, version = await queries.grants_of(deps, user_id)
    with_etag(response, version)
    return await _view(deps, caller, state, version)


async def _view(deps: Deps, caller: Caller, state: GrantsState, version: int) -> GrantsView:
    """An administrator does not learn what the user manages in other accounts."""
    where = reach(caller, actions.READ_GRANTS)
    devices, groups = set(state.devices), set(state.groups)
    if not (where.everywhere or caller.id == state.user_id):
        devices = await queries.devices_among(deps, devices, where=where)
        groups = await queries.groups_among(deps, groups, where=where)
    return GrantsView(
        user_id=state.user_id, devices=tuple(sorted(devices)), groups=tuple(sorted(groups)), version=version
    )
