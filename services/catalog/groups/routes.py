"""HTTP of groups."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from services.catalog.groups import operations, queries, store
from services.catalog.service import Deps
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.catalog import GroupState
from shared.http.body import Body
from shared.http.caller import may
from shared.http.commands import CommandDep, IfMatch, OptionalCommandDep, with_etag
from shared.http.paging import Page
from shared.http.seen import seen

router = APIRouter(tags=["groups"])

MOST = 20_000
DeviceIds = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=MOST)]


class NewGroup(Body):
    account_id: str
    name: Annotated[str, Field(min_length=1, max_length=100)]
    device_ids: DeviceIds = Field(default_factory=list)


class Members(Body):
    device_ids: DeviceIds


class GroupView(GroupState):
    """`complete` is false while the devices still follow; how far they are says the job."""

    version: int
    devices: int
    complete: bool
    job_id: str | None


@router.post("/v1/groups", status_code=201)
async def create_group(
    body: NewGroup,
    caller: Annotated[Caller, may(actions.CREATE_GROUP)],
    deps: Deps,
    command: CommandDep,
    response: Response,
) -> GroupView:
    """Make a static group of devices of one account."""
    document = await operations.create_group(
        deps,
        caller=caller,
        account_id=body.account_id,
        name=body.name,
        device_ids=body.device_ids,
        command=command,
        now=deps.clock(),
    )
    return _answer(document, response)


@router.get("/v1/groups")
async def list_groups(
    caller: Annotated[Caller, may(actions.LIST_GROUPS)], deps: Deps, account_id: str | None = None
) -> Page[GroupView]:
    """The groups in scope, by account and name."""
    documents = await queries.groups_in_scope(deps, caller=caller, account_id=account_id)
    return Page(items=[_view(document) for document in documents])


@router.put("/v1/groups/{group_id}/members")
async def set_members(
    group_id: str,
    body: Members,
    caller: Annotated[Caller, may(actions.CHANGE_GROUP)],
    deps: Deps,
    if_match: IfMatch,
    command: OptionalCommandDep,
    response: Response,
) -> GroupView:
    """Choose the members. More than a hundred changes are carried out after the answer, as a job."""
    document = await operations.set_members(
        deps,
        caller=caller,
        group_id=group_id,
        device_ids=body.device_ids,
        if_match=if_match,
        command=command,
        now=deps.clock(),
    )
    return _answer(document, response)


def _answer(document: store.Document, response: Response) -> GroupView:
    with_etag(response, document["version"])
    seen(response, "groups", document["_id"], document["version"])
    return _view(document)


def _view(document: store.Document) -> GroupView:
    group = store.group_of(document)
    return GroupView(
        **group.state.model_dump(),
        version=document["version"],
        devices=len(group.device_ids),
        complete=group.complete,
        job_id=group.job_id,
    )
