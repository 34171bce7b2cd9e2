"""Devices: the list with its filters, and the page of one."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.paths import one, v1
from services.portal.gateway.sessions import Session
from services.portal.locale.texts import Texts, mark
from services.portal.pages.base.models import DeviceView, TicketView
from services.portal.pages.base.page import backends_of, may, open_page
from services.portal.pages.components.answers import contract_sentence, device_answer
from services.portal.pages.components.filters import Address, Column, Filter, page_size
from services.portal.pages.components.labels import contract_state, device_state, open_tickets
from services.portal.pages.components.listing import Listing, Menu, chip, menu, shown
from services.portal.pages.components.ticket_view import place, row
from shared.contracts import actions
from shared.contracts.catalog import DeviceStatus
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

FILTERS = ("account_id", "site_id", "model_id", "group_id", "status", "contract")
CONTRACTS = ("valid", "ending", "expired", "none")
FACETS = (
    ("site_id", "sites", mark("Site")),
    ("model_id", "models", mark("Model")),
    ("account_id", "accounts", mark("Company")),
)
LISTING = Listing("/devices", FILTERS, export="/api/catalog/v1/devices/export.csv")


@router.get("/devices")
async def device_list(request: Request, session: Annotated[Session, may(actions.LIST_DEVICES)]) -> Response:
    backends, query = backends_of(request), LISTING.query(request)
    page = await open_page(
        request,
        session,
        devices=backends.call(
            session,
            "catalog",
            "GET",
            v1("devices"),
            params={**query, "limit": page_size(query), "total": "true"},
        ),
        facets=backends.call(session, "catalog", "GET", v1("devices", "facets"), params=LISTING.narrowed(query)),
        views=request.app.state.views.of(session.user_id, LISTING.path),
    )
    texts, address = page.texts, LISTING.address(query)
    facets: dict[str, Any] = page.value("facets") or {}
    return page.render(
        "devices/list.html",
        columns=_columns(texts, address),
        **shown(
            page,
            LISTING,
            query,
            part="devices",
            make=lambda item: _row(texts, DeviceView.model_validate(item)),
            menus=_menus(texts, address, facets),
            chips=_chips(texts, address, facets),
        ),
    )


def _row(texts: Texts, device: DeviceView) -> dict[str, Any]:
    return {
        "device": device,
        "place": ", ".join(part for part in (device.site.city, *inside(device)) if part),
        "contract": contract_state(texts, device.contract_state),
        "tickets": open_tickets(texts, device.open_tickets),
    }


def inside(device: DeviceView) -> list[str]:
    """The place inside the site, from the building to the room."""
    location = device.location
    return [part for part in (location.building, location.floor, location.room, location.note) if part]


def _columns(texts: Texts, address: Address) -> list[Column]:
    return [
        address.column(texts.text("Device"), "own_name"),
        address.column(texts.text("Serial number"), "serial", default=True),
        address.column(texts.text("Site"), "site"),
        address.column(texts.text("Contract")),
        address.column(texts.text("Requests")),
    ]


def _menus(texts: Texts, address: Address, facets: dict[str, Any]) -> list[Menu]:
    contracts = [(code, contract_state(texts, code).text, None) for code in CONTRACTS]
    states = [
        (code, device_state(texts, DeviceStatus(code)).text, number)
        for code, number in (facets.get("statuses") or {}).items()
    ]
    return [
        menu(address, "contract", texts.text("Contract"), contracts),
        *(
            menu(
                address,
                name,
                texts.text(label),
                [(one[name], _facet_name(one), int(one["devices"])) for one in facets.get(kind) or []],
            )
            for name, kind, label in FACETS
        ),
        menu(address, "status", texts.text("State"), states),
    ]


def _chips(texts: Texts, address: Address, facets: dict[str, Any]) -> list[Filter]:
    """The filters in force, by the names that people know them by."""
    names: dict[str, dict[str, str]] = {
        "contract": {code: contract_state(texts, code).text for code in CONTRACTS},
        "status": {status.value: device_state(texts, status).text for status in DeviceStatus},
        **{name: {one[name]: _facet_name(one) for one in facets.get(kind) or []} for name, kind, _ in FACETS},
    }
    return [
        chip(address, name, names.get(name, {}).get(address.query[name]) or texts.text("chosen"))
        for name in FILTERS
        if address.query.get(name)
    ]


def _facet_name(option: dict[str, Any]) -> str:
    """A site by its town, a model or an account by its name."""
    if "city" in option:
        return f"{option['city']}, {option['name']}"
    return str(option.get("model_name") or option.get("account_name") or option.get("account_id"))


@router.get("/devices/{device_id}")
async def device_page(
    request: Request, session: Annotated[Session, may(actions.READ_DEVICE)], device_id: str, saved: str = ""
) -> Response:
    backends = backends_of(request)
    page = await open_page(
        request,
        session,
        device=backends.call(session, "catalog", "GET", one("devices", device_id)),
        tickets=backends.call(
            session, "tickets", "GET", v1("tickets"), params={"device_id": device_id, "state": "all", "limit": 20}
        ),
    )
    texts = page.texts
    listed = page.value("tickets") or {"items": []}
    tickets = [TicketView.model_validate(item) for item in listed["items"]]
    active = [
        ticket
        for ticket in tickets
        if ticket.closed_at is None and ticket.status not in ("closed", "cancelled", "resolved")
    ]
    if page.down("device"):
        return page.render("errors/unavailable.html", status=503, title=texts.text("Devices"), service="catalog")
    if page.value("device") is None:
        raise NotFound()
    device = DeviceView.model_validate(page.value("device"))
    staff = bool(page.me and page.me.at_desk)
    return page.render(
        "devices/device.html",
        device=device,
        answer=device_answer(texts, device, active[0] if active else None),
        contract=contract_state(texts, device.contract_state),
        sentences=contract_sentence(texts, device),
        state=device_state(texts, device.status),
        place=place(texts, device.site),
        inside=inside(device),
        active=[row(texts, ticket, staff=staff) for ticket in active],
        past=[row(texts, ticket, staff=staff) for ticket in tickets if ticket not in active],
        tickets_down=page.down("tickets"),
        saved=bool(saved),
        can_change=bool(page.me and page.me.may(actions.CHANGE_DEVICE.name)) and device.status != "removed",
        can_report=bool(page.me and page.me.may("tickets.open"))
        and device.contract_state in ("valid", "ending")
        and device.status != "removed",
    )
