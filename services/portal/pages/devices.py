"""Devices: the list with its filters, and the page of one."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.paths import one, v1
from services.portal.gateway.sessions import Session
from services.portal.locale.texts import Texts
from services.portal.pages.answers import contract_sentence, device_answer
from services.portal.pages.entries import each
from services.portal.pages.filters import Address, Column, Filter, page_size
from services.portal.pages.labels import contract_state, device_state, open_tickets
from services.portal.pages.models import DeviceView, TicketView
from services.portal.pages.page import backends_of, may, open_page
from services.portal.pages.ticket_view import place, row
from shared.contracts import actions
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

FILTERS = ("account_id", "site_id", "model_id", "group_id", "status", "contract")
CONTRACTS = ("valid", "ending", "expired", "none")
FACETS = (("site_id", "sites"), ("model_id", "models"), ("account_id", "accounts"))
MOST_CHIPS = 6
EXPORT = "/api/catalog/v1/devices/export.csv"


@router.get("/devices")
async def device_list(request: Request, session: Annotated[Session, may(actions.LIST_DEVICES)]) -> Response:
    backends = backends_of(request)
    query = {k: v for k, v in request.query_params.items() if k in (*FILTERS, "q", "sort", "cursor", "limit") and v}
    size = page_size(query)
    page = await open_page(
        request,
        session,
        devices=backends.call(
            session, "catalog", "GET", v1("devices"), params={**query, "limit": size, "total": "true"}
        ),
        facets=backends.call(session, "catalog", "GET", v1("devices", "facets")),
    )
    texts, address = page.texts, Address("/devices", query)
    listed: dict[str, Any] = page.value("devices") or {"items": []}
    entries = each(listed["items"], lambda item: _row(texts, DeviceView.model_validate(item)))
    facets = page.value("facets") or {}
    return page.render(
        "devices.html",
        down=page.down("devices"),
        query=query,
        kept=[(name, value) for name, value in query.items() if name not in ("q", "cursor")],
        on=_filters_on(texts, address, facets),
        contracts=[f for f in _contract_filters(texts, address) if not f.on],
        more=_facet_filters(address, facets),
        filtered=bool(set(query) - {"sort", "limit", "cursor"}),
        download=Address(
            EXPORT, {name: value for name, value in query.items() if name not in ("cursor", "limit")}
        ).href(layout="spreadsheet"),
        clear=address.href(**dict.fromkeys((*FILTERS, "q"))),
        rows=entries.shown,
        left_out=entries.left_out,
        columns=_columns(texts, address),
        pages=address.pages(listed.get("next"), size),
        total=listed.get("total"),
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


def _contract_filters(texts: Texts, address: Address) -> list[Filter]:
    return address.choice("contract", [(code, contract_state(texts, code).text, None) for code in CONTRACTS])


def _facet_filters(address: Address, facets: dict[str, Any]) -> list[list[Filter]]:
    """For each kind that is not yet chosen, its most frequent values."""
    groups = []
    for name, kind in FACETS:
        options = facets.get(kind) or []
        if address.query.get(name) or len(options) < 2:
            continue
        ranked = sorted(options, key=lambda option: -int(option["devices"]))[:MOST_CHIPS]
        groups.append(address.choice(name, [(o[name], _facet_name(o), int(o["devices"])) for o in ranked]))
    return groups


def _filters_on(texts: Texts, address: Address, facets: dict[str, Any]) -> list[Filter]:
    """The filters in force, each with a press that takes it out."""
    on = []
    for name in FILTERS:
        value = address.query.get(name)
        if not value:
            continue
        text = value
        if name == "contract" and value in CONTRACTS:
            text = contract_state(texts, value).text
        for facet, kind in FACETS:
            if facet == name:
                names = {option[name]: _facet_name(option) for option in facets.get(kind) or []}
                text = names.get(value, texts.text("chosen"))
        on.append(Filter(text, address.href(**{name: None}), True, removable=True))
    return on


def _facet_name(option: dict[str, Any]) -> str:
    """A site by its town, a model or an account by its name."""
    if "city" in option:
        return f"{option['city']}, {option['name']}"
    return str(option.get("model_name") or option.get("account_name") or option.get("account_id"))


@router.get("/devices/{device_id}")
async def device_page(
    request: Request, session: Annotated[Session, may(actions.READ_DEVICE)], device_id: str
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
        return page.render("unavailable.html", status=503, title=texts.text("Devices"), service="catalog")
    if page.value("device") is None:
        raise NotFound()
    device = DeviceView.model_validate(page.value("device"))
    staff = bool(page.me and page.me.at_desk)
    return page.render(
        "device.html",
        device=device,
        answer=device_answer(texts, device, active[0] if active else None),
        contract=contract_state(texts, device.contract_state),
        sentences=contract_sentence(texts, device),
        state=device_state(texts, device.status),
        place=place(device.site),
        inside=inside(device),
        active=[row(texts, ticket, staff=staff) for ticket in active],
        past=[row(texts, ticket, staff=staff) for ticket in tickets if ticket not in active],
        tickets_down=page.down("tickets"),
        can_report=bool(page.me and page.me.may("tickets.open"))
        and device.contract_state in ("valid", "ending")
        and device.status != "removed",
    )
