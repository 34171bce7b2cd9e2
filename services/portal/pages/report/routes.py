"""Reporting a fault: pick the device, see the promise, say what is wrong."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.backends import Refused, ServiceDown
from services.portal.gateway.paths import one, v1
from services.portal.gateway.sessions import Session
from services.portal.locale.texts import mark
from services.portal.pages.base.models import DeviceView, Outlook
from services.portal.pages.base.page import FormDep, Page, backends_of, may, open_page, see_other
from services.portal.pages.components.filters import Address, page_size
from services.portal.pages.components.labels import IMPACTS, too_long
from services.portal.pages.components.refusals import by_field, sentence
from services.portal.pages.components.ticket_view import place
from shared.contracts import actions
from shared.ids import new_id
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

NEEDED = {
    "description": mark("Please say what is wrong, in a few words."),
    "impact": mark("Please choose how bad it is."),
}
OUTLOOKS = ("outlook", "question")
FIELDS = ("description", "error_code", "own_reference", "location_note")


@router.get("/tickets/new")
async def report_form(
    request: Request, session: Annotated[Session, may(actions.OPEN_TICKET)], device_id: str = ""
) -> Response:
    if device_id:
        page = await _with_device(request, session, device_id)
        return _form(page, device_id, {}, {})
    query = {name: value for name, value in request.query_params.items() if name in ("q", "cursor", "limit") and value}
    return await _choose(request, session, query, {})


async def _choose(request: Request, session: Session, query: dict[str, str], form: dict[str, str]) -> Response:
    """Which device it is; what was typed for another one comes along."""
    size = page_size(query, 10)
    page = await open_page(
        request,
        session,
        devices=backends_of(request).call(
            session, "catalog", "GET", v1("devices"), params={**query, "limit": size, "status": "installed"}
        ),
    )
    listed: dict[str, Any] = page.value("devices") or {"items": []}
    devices = [DeviceView.model_validate(item) for item in listed["items"]]
    return page.render(
        "report/choose_device.html",
        q=query.get("q", ""),
        down=page.down("devices"),
        devices=[(device, place(page.texts, device.site, device.location)) for device in devices],
        pages=Address("/tickets/new", query).pages(listed.get("next"), listed.get("previous"), size),
        typed={name: form[name] for name in (*FIELDS, "impact") if form.get(name)},
        left=form.get("device_id", ""),
        following=listed.get("next"),
    )


@router.get("/tickets/new/outlook")
async def outlook_part(
    request: Request, session: Annotated[Session, may(actions.READ_OUTLOOK)], device_id: str, impact: str = ""
) -> Response:
    """The promise, as it is now, for what was chosen: the page asks for it with each choice and each minute."""
    page = await _with_device(request, session, device_id)
    return page.render("report/outlook.html", **_outlook(page, impact))


@router.post("/tickets/new")
async def report(request: Request, session: Annotated[Session, may(actions.OPEN_TICKET)], form: FormDep) -> Response:
    device_id = form.get("device_id", "")
    if form.get("switch") or (form.get("cursor") and not device_id):
        query = {name: form[name] for name in ("q", "cursor") if form.get(name)}
        return await _choose(request, session, query, form)
    if not device_id:
        return see_other("/tickets/new")
    if form.get("draft"):
        return _form(await _with_device(request, session, device_id), device_id, form, {})
    if missing := {name: words for name, words in NEEDED.items() if not form.get(name)}:
        page = await _with_device(request, session, device_id)
        return _form(page, device_id, form, {name: page.texts.text(words) for name, words in missing.items()})
    body = {name: form[name] for name in FIELDS if form.get(name)}
    body |= {"device_id": device_id, "impact": form["impact"]}
    if session.me and session.me.get("language"):
        body["language"] = str(session.me["language"])
    if form.get("another"):
        body["another_ticket_is_open_ok"] = True  # type: ignore[assignment]
    try:
        ticket = await backends_of(request).call(
            session, "tickets", "POST", v1("tickets"), key=form.get("idempotency_key") or None, json=body
        )
    except ServiceDown:
        page = await _with_device(request, session, device_id)
        message = page.texts.text(
            "We could not take your request just now. It is kept here: please send it again in a moment."
        )
        return _form(page, device_id, form, {"": message}, status=503)
    except Refused as refusal:
        if refusal.answered == 403:
            raise
        page = await _with_device(request, session, device_id)
        return _refused(page, device_id, form, refusal)
    return see_other(f"/tickets/{ticket['ticket_id']}?received=1")


def _refused(page: Page, device_id: str, form: dict[str, str], refusal: Refused) -> Response:
    texts = page.texts
    if refusal.reason == "ticket_already_open":
        already = {"ticket_id": refusal.values.get("ticket_id"), "number": refusal.values.get("number")}
        return _form(page, device_id, form, {}, already=already, status=409)
    if refusal.reason == "not_entitled":
        return _form(page, device_id, form, {}, entitled=False, status=409)
    if refusal.answered == 404:
        raise NotFound()
    known = {
        name: (name == "description" and too_long(texts, form.get(name, ""))) or words
        for name, words in by_field(texts, refusal).items()
        if name in (*FIELDS, "impact")
    }
    return _form(page, device_id, form, known or {"": sentence(texts, refusal)}, status=422)


async def _with_device(request: Request, session: Any, device_id: str) -> Page:
    backends, path = backends_of(request), one("devices", device_id, "outlook")
    page = await open_page(
        request,
        session,
        device=backends.call(session, "catalog", "GET", one("devices", device_id)),
        outlook=backends.call(session, "tickets", "GET", path),
        question=backends.call(session, "tickets", "GET", path, params={"impact": "question"}),
    )
    if not page.down("device") and page.value("device") is None:
        raise NotFound()
    return page


def _outlook(page: Page, impact: str) -> dict[str, Any]:
    """What is promised: for a question an answer; while nothing is chosen, both are told."""
    fault, question = (Outlook.model_validate(page.value(name)) if page.value(name) else None for name in OUTLOOKS)
    chosen = impact if impact in IMPACTS else ""
    return {
        "outlook": question if chosen == "question" else fault,
        "question": question,
        "chosen": chosen,
        "outlook_down": page.down("outlook"),
    }


def _form(
    page: Page,
    device_id: str,
    form: dict[str, str],
    errors: dict[str, str],
    *,
    already: dict[str, Any] | None = None,
    entitled: bool = True,
    status: int = 200,
) -> Response:
    found = page.value("device")
    device = DeviceView.model_validate(found) if found else None
    shown = _outlook(page, form.get("impact", ""))
    outlook: Outlook | None = shown["outlook"]
    if already is None and outlook and outlook.open_ticket:
        already = outlook.open_ticket.model_dump()
    texts = page.texts
    impacts = [(code, texts.text(words), texts.text(hint)) for code, (words, hint) in IMPACTS.items()]
    return page.render(
        "report/report.html",
        status=422 if errors and status == 200 else status,
        device=device,
        device_id=device_id,
        place=place(texts, device.site, device.location) if device else "",
        form=form,
        errors=errors,
        already=already,
        entitled=entitled and (outlook is None or outlook.entitled),
        impacts=impacts,
        key=form.get("idempotency_key") or new_id(),
        **shown,
    )
