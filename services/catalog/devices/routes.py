"""HTTP of one device."""

import asyncio
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from services.catalog.accounts import queries as accounts
from services.catalog.contracts.domain import ContractStanding, standing
from services.catalog.devices import operations, queries, store
from services.catalog.service import Deps
from services.catalog.sites.domain import SiteWanted
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.catalog import DeviceState, Location, Site
from shared.http.body import Body
from shared.http.caller import may
from shared.http.commands import IfMatch, OptionalCommandDep, with_etag
from shared.http.openapi import refusals
from shared.http.seen import seen
from shared.problems import Problem

router = APIRouter(tags=["devices"])


class VersionRequired(Problem):
    status = 428
    code = "if_match_required"
    title = "Several people may change a device: say in If-Match which version you saw"


class DeviceView(DeviceState):
    """A device as lists and pages show it."""

    version: int
    contract_state: ContractStanding
    open_ticket_ids: tuple[str, ...] = ()
    open_tickets: int
    account_name: str | None = None
    service_number: str | None = None


class EntitlementSentence(BaseModel):
    """What a page needs to say in one plain sentence what the contract promises, and until when."""

    contract_state: ContractStanding
    number: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    time_zone: str
    level: str | None = None
    calendar: str | None = None
    acknowledge_minutes: int | None = None
    response_minutes: int | None = None
    resolve_minutes: int | None = None
    supplies_included: bool | None = None
    meter_reading: Literal["manual", "remote"] | None = None


class ManagerView(BaseModel):
    user_id: str
    via: Literal["device", "group"]
    group_id: str | None = None
    group_name: str | None = None


class StayView(BaseModel):
    at: datetime
    actor: str | None
    channel: str | None
    site: Site
    location: Location


class DevicePageView(DeviceView):
    billing_number: str | None = None
    entitlement_sentence_data: EntitlementSentence
    managers: list[ManagerView]
    site_history: list[StayView]


class DeviceNames(Body):
    """Fields that are left out stay as they are; null or empty text clears."""

    own_name: Annotated[str | None, Field(max_length=100)] = None
    own_number: Annotated[str | None, Field(max_length=50)] = None


class SiteChange(Body):
    site: SiteWanted
    location: Location = Location()


@router.get("/v1/devices/{device_id}")
async def get_device(
    device_id: str, caller: Annotated[Caller, may(actions.READ_DEVICE)], deps: Deps, response: Response
) -> DevicePageView:
    """The device page's data; the version stands in ETag."""
    page = await queries.device_page(deps, caller=caller, device_id=device_id)
    with_etag(response, page.document["version"])
    [fields] = await view_fields(deps, [page.document], now=deps.clock())
    label = (await accounts.labels(deps, [page.document["account_id"]])).get(page.document["account_id"], {})
    return DevicePageView(
        **fields,
        billing_number=label.get("billing_number"),
        entitlement_sentence_data=_sentence(fields),
        managers=[ManagerView.model_validate(manager, from_attributes=True) for manager in page.managers],
        site_history=[StayView.model_validate(stay, from_attributes=True) for stay in page.site_history],
    )


@router.patch("/v1/devices/{device_id}", responses=refusals(428))
async def rename_device(
    device_id: str,
    body: DeviceNames,
    caller: Annotated[Caller, may(actions.CHANGE_DEVICE)],
    deps: Deps,
    if_match: IfMatch,
    command: OptionalCommandDep,
    response: Response,
) -> DeviceView:
    """Change the customer's own name or number; the back office is told."""
    document = await operations.rename(
        deps,
        caller=caller,
        device_id=device_id,
        changes=body.model_dump(exclude_unset=True),
        if_match=_required(if_match),
        command=command,
        now=deps.clock(),
    )
    return await _changed(deps, document, response)


@router.put("/v1/devices/{device_id}/site", responses=refusals(428))
async def move_device(
    device_id: str,
    body: SiteChange,
    caller: Annotated[Caller, may(actions.CHANGE_DEVICE)],
    deps: Deps,
    if_match: IfMatch,
    command: OptionalCommandDep,
    response: Response,
) -> DeviceView:
    """Change where the device stands; the back office and the planners of open visits are told."""
    document = await operations.move(
        deps,
        caller=caller,
        device_id=device_id,
        wanted=body.site,
        location=body.location,
        if_match=_required(if_match),
        command=command,
        now=deps.clock(),
    )
    return await _changed(deps, document, response)


async def view_fields(deps: Deps, documents: list[store.Document], *, now: datetime) -> list[dict[str, Any]]:
    """The fields of DeviceView for some documents, in their order."""
    labels, open_tickets = await asyncio.gather(
        accounts.labels(deps, {document["account_id"] for document in documents}),
        store.open_ticket_ids(deps.db, documents),
    )
    return [
        _fields(deps, document, labels.get(document["account_id"], {}), open_tickets.get(document["_id"], ()), now)
        for document in documents
    ]


def _fields(
    deps: Deps, document: store.Document, label: Any, open_ticket_ids: tuple[str, ...], now: datetime
) -> dict[str, Any]:
    state = store.state_of(document)
    return {
        **{field: getattr(state, field) for field in store.STATE_FIELDS},
        "version": document["version"],
        "contract_state": standing(
            state.contract,
            time_zone=state.site.time_zone,
            now=now,
            ending_days=deps.settings.contract_ending_days,
        ),
        "open_ticket_ids": open_ticket_ids,
        "open_tickets": len(open_ticket_ids),
        "account_name": label.get("name"),
        "service_number": label.get("service_number"),
    }


def _sentence(fields: dict[str, Any]) -> EntitlementSentence:
    base = {"contract_state": fields["contract_state"], "time_zone": fields["site"].time_zone}
    contract = fields["contract"]
    if contract is None:
        return EntitlementSentence(**base)
    return EntitlementSentence(
        **base,
        number=contract.number,
        valid_from=contract.valid_from,
        valid_until=contract.valid_until,
        **contract.entitlement.model_dump(exclude={"parts_pause"}),
    )


async def _changed(deps: Deps, document: store.Document, response: Response) -> DeviceView:
    with_etag(response, document["version"])
    seen(response, "devices", document["_id"], document["version"])
    [fields] = await view_fields(deps, [document], now=deps.clock())
    return DeviceView(**fields)


def _required(if_match: int | None) -> int:
    if if_match is None:
        raise VersionRequired(field="If-Match", rule="required")
    return if_match
