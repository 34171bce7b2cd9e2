"""Changing a device's own name and number, and where it stands."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.paths import one, v1
from services.portal.gateway.sessions import Session
from services.portal.pages.base.models import DeviceView
from services.portal.pages.base.page import FormDep, Page, backends_of, may, open_page, see_other
from services.portal.pages.components.acting import refusal_of
from services.portal.pages.components.refusals import by_field, sentence
from services.portal.pages.components.ticket_view import place
from shared.access.permissions import refusal as not_permitted
from shared.contracts import actions
from shared.ids import new_id
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

NAMES = ("own_name", "own_number")
ADDRESS = ("name", "street", "postcode", "city")
LOCATION = ("building", "floor", "room", "note")
ELSEWHERE = "elsewhere"
"""The choice of an address that is not known yet."""

Changing = Annotated[Session, may(actions.CHANGE_DEVICE)]


@router.get("/devices/{device_id}/edit")
async def edit_page(request: Request, session: Changing, device_id: str) -> Response:
    """Both forms with what stands there now."""
    return _shown(await _open(request, session, device_id))


@router.post("/devices/{device_id}/names")
async def change_names(request: Request, session: Changing, device_id: str, form: FormDep) -> Response:
    body = {name: form.get(name) or None for name in NAMES}
    return await _change(request, session, device_id, form, "PATCH", (), body)


@router.post("/devices/{device_id}/place")
async def change_place(request: Request, session: Changing, device_id: str, form: FormDep) -> Response:
    """A known site of the company, or a new address; and the place inside."""
    chosen = form.get("site_id", "")
    site = {name: form.get(name) or None for name in ADDRESS} if chosen == ELSEWHERE else {"site_id": chosen}
    if chosen == ELSEWHERE and (missing := [name for name in ADDRESS if not form.get(name)]):
        page = await _open(request, session, device_id)
        words = page.texts.text("Please fill this in.")
        return _shown(page, form=form, errors=dict.fromkeys(missing, words), status=422)
    body = {"site": site, "location": {name: form.get(name) or None for name in LOCATION}}
    return await _change(request, session, device_id, form, "PUT", ("site",), body)


async def _change(
    request: Request,
    session: Session,
    device_id: str,
    form: dict[str, str],
    method: str,
    path: tuple[str, ...],
    body: dict[str, Any],
) -> Response:
    """One change of the version that was seen. A refusal comes back with what was typed and what holds now."""
    seen = form.get("version", "")
    version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0
    address = one("devices", device_id, *path)
    refused = await refusal_of(request, session, "catalog", method, address, form, body=body, version=version)
    if refused is None:
        return see_other(f"/devices/{device_id}?saved=1")
    page = await _open(request, session, device_id)
    if refused.reason == "version_conflict":
        return _shown(page, form=form, changed=True, status=409)
    errors = {_field_of(name): words for name, words in by_field(page.texts, refused).items()}
    known = {name: words for name, words in errors.items() if name in (*NAMES, *ADDRESS, *LOCATION, "site_id")}
    return _shown(page, form=form, errors=known or {"": sentence(page.texts, refused)}, status=422)


def _field_of(named: str) -> str:
    """The form's field for the service's `site.street` or `location.floor`."""
    return named.rpartition(".")[2]


async def _open(request: Request, session: Session, device_id: str) -> Page:
    """The device with the sites of its company. Raises NotFound, and Forbidden for who may only look at it."""
    backends = backends_of(request)
    page = await open_page(request, session, device=backends.call(session, "catalog", "GET", one("devices", device_id)))
    if not page.down("device") and page.value("device") is None:
        raise NotFound()
    if page.me is None or not page.me.may(actions.CHANGE_DEVICE.name):
        raise not_permitted(actions.CHANGE_DEVICE)
    if page.down("device"):
        return page
    account = {"account_id": page.value("device")["account_id"]}
    sites = await open_page(
        request, session, facets=backends.call(session, "catalog", "GET", v1("devices", "facets"), params=account)
    )
    page.parts |= sites.parts
    return page


def _shown(
    page: Page,
    *,
    form: Mapping[str, str] = {},
    errors: Mapping[str, str] = {},
    changed: bool = False,
    status: int = 200,
) -> Response:
    texts = page.texts
    if page.down("device"):
        return page.render("errors/unavailable.html", status=503, title=texts.text("Devices"), service="catalog")
    device = DeviceView.model_validate(page.value("device"))
    inner = device.location
    present = {
        "own_name": device.own_name,
        "own_number": device.own_number,
        "site_id": device.site.site_id,
        "building": inner.building,
        "floor": inner.floor,
        "room": inner.room,
        "note": inner.note,
    }
    return page.render(
        "devices/edit.html",
        status=status,
        device=device,
        sites=_sites(page, device),
        elsewhere=ELSEWHERE,
        place=place(texts, device.site, device.location),
        form={**{name: value or "" for name, value in present.items()}, **form},
        errors=errors,
        changed=changed,
        key=new_id(),
    )


def _sites(page: Page, device: DeviceView) -> list[tuple[str, str]]:
    """The company's sites by town and name, the present one first, then another address."""
    found: list[dict[str, Any]] = (page.value("facets") or {}).get("sites") or []
    others = sorted((f"{site['city']}, {site['name']}", str(site["site_id"])) for site in found)
    known = [(site_id, words) for words, site_id in others if site_id != device.site.site_id]
    here = (device.site.site_id, f"{device.site.city}, {device.site.name}")
    return [here, *known, (ELSEWHERE, page.texts.text("Another address"))]
