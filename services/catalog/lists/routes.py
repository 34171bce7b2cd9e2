"""HTTP of the device list: pages, export and facets of one and the same view."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from services.catalog.accounts import queries as accounts
from services.catalog.contracts.domain import ContractStanding
from services.catalog.devices.routes import DeviceView, view_fields
from services.catalog.lists import queries
from services.catalog.lists.combinations import Combination
from services.catalog.lists.queries import Wanted
from services.catalog.service import Deps
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.catalog import DeviceStatus
from shared.http.caller import may
from shared.http.csv_file import Cell, Form, Layout, csv_answer, csv_lines
from shared.http.paging import Cursor, Limit, Page
from shared.lists import Order

router = APIRouter(tags=["device list"])

Sort = Literal["serial", "-serial", "own_name", "-own_name", "model", "-model", "site", "-site"]
Text = Annotated[str | None, Query(max_length=100)]

COLUMNS = (
    "serial",
    "model",
    "own_name",
    "own_number",
    "account",
    "service_number",
    "site",
    "street",
    "postcode",
    "city",
    "country",
    "building",
    "floor",
    "room",
    "status",
    "contract",
    "contract_state",
    "contract_until",
    "open_tickets",
)


async def _wanted(
    account_id: Text = None,
    site_id: Text = None,
    model_id: Text = None,
    group_id: Text = None,
    status: DeviceStatus | None = None,
    contract: ContractStanding | None = None,
    q: Text = None,
) -> Wanted:
    return Wanted(account_id, site_id, model_id, group_id, status, contract, q)


async def _order(sort: Sort = "serial") -> Order:
    return queries.order_of(sort)


WantedDep = Annotated[Wanted, Depends(_wanted)]
OrderDep = Annotated[Order, Depends(_order)]


class AccountFacet(BaseModel):
    account_id: str
    account_name: str | None
    service_number: str | None
    devices: int


class SiteFacet(BaseModel):
    site_id: str
    name: str
    city: str
    devices: int


class ModelFacet(BaseModel):
    model_id: str
    model_name: str
    devices: int


class Facets(BaseModel):
    """What the list holds, to choose a filter from."""

    accounts: list[AccountFacet]
    sites: list[SiteFacet]
    models: list[ModelFacet]
    statuses: dict[str, int]


@router.get("/v1/devices")
async def list_devices(
    caller: Annotated[Caller, may(actions.LIST_DEVICES)],
    deps: Deps,
    wanted: WantedDep,
    order: OrderDep,
    limit: Limit = 50,
    cursor: Cursor = None,
    total: bool = False,
) -> Page[DeviceView]:
    """The devices in scope; `total` counts them all, which costs more than a page."""
    now = deps.clock()
    page = await queries.page(deps, caller=caller, wanted=wanted, order=order, limit=limit, cursor=cursor, now=now)
    items = [DeviceView(**fields) for fields in await view_fields(deps, page.documents, now=now)]
    number = await queries.count(deps, caller=caller, wanted=wanted, now=now) if total else None
    return Page(items=items, next=page.next, previous=page.previous, total=number)


@router.get("/v1/devices/facets")
async def facets(caller: Annotated[Caller, may(actions.LIST_DEVICES)], deps: Deps, wanted: WantedDep) -> Facets:
    """The accounts, sites, models and statuses in the list, each with its number of devices."""
    found = await queries.combinations(deps, caller=caller, wanted=wanted, now=deps.clock())
    samples = [one.sample for one in found]
    labels = await accounts.labels(deps, {sample["account_id"] for sample in samples})
    sites = {sample["site"]["site_id"]: sample["site"] for sample in samples}
    models = {sample["model_id"]: sample["model_name"] for sample in samples}
    return Facets(
        accounts=sorted(
            [
                AccountFacet(
                    account_id=account_id,
                    account_name=labels.get(account_id, {}).get("name"),
                    service_number=labels.get(account_id, {}).get("service_number"),
                    devices=number,
                )
                for account_id, number in _numbers(found, lambda sample: sample["account_id"]).items()
            ],
            key=lambda one: one.account_name or "",
        ),
        sites=sorted(
            [
                SiteFacet(site_id=site_id, name=sites[site_id]["name"], city=sites[site_id]["city"], devices=number)
                for site_id, number in _numbers(found, lambda sample: sample["site"]["site_id"]).items()
            ],
            key=lambda one: (one.city, one.name),
        ),
        models=sorted(
            [
                ModelFacet(model_id=model_id, model_name=models[model_id], devices=number)
                for model_id, number in _numbers(found, lambda sample: sample["model_id"]).items()
            ],
            key=lambda one: one.model_name,
        ),
        statuses=_numbers(found, lambda sample: sample["status"]),
    )


@router.get("/v1/devices/export.csv", response_class=StreamingResponse)
async def export_devices(
    caller: Annotated[Caller, may(actions.LIST_DEVICES)],
    deps: Deps,
    wanted: WantedDep,
    order: OrderDep,
    layout: Layout = "data",
) -> StreamingResponse:
    """The whole list as CSV (UTF-8), page by page while it is read.

    `data` is for programs: comma, no byte order mark. `spreadsheet` opens with a double click in the caller's language.
    """
    form = Form.of(layout, caller.language)

    async def rows() -> AsyncIterator[bytes]:
        now = deps.clock()
        yield form.mark + csv_lines([COLUMNS], form)
        async for documents in queries.all_pages(deps, caller=caller, wanted=wanted, order=order, now=now):
            views = [DeviceView(**fields) for fields in await view_fields(deps, documents, now=now)]
            yield csv_lines([_cells(view) for view in views], form)

    return csv_answer(rows(), "devices")


def _cells(view: DeviceView) -> tuple[Cell, ...]:
    contract = view.contract
    return (
        view.serial,
        view.model_name,
        view.own_name,
        view.own_number,
        view.account_name,
        view.service_number,
        view.site.name,
        view.site.street,
        view.site.postcode,
        view.site.city,
        view.site.country,
        view.location.building,
        view.location.floor,
        view.location.room,
        view.status.value,
        contract.number if contract else None,
        view.contract_state.value,
        contract.valid_until.isoformat() if contract and contract.valid_until else None,
        view.open_tickets,
    )


def _numbers(found: list[Combination], kind: Callable[[Mapping[str, Any]], str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for one in found:
        numbers[kind(one.sample)] = numbers.get(kind(one.sample), 0) + one.devices
    return numbers
