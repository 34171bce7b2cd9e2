"""The contact centre's desk: queues by the next own deadline, the case, one composer for all that is said."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.backends import Refused
from services.portal.gateway.paths import one, v1
from services.portal.gateway.sessions import Session
from services.portal.pages.base.models import DeviceView, TicketView
from services.portal.pages.base.page import FormDep, Page, backends_of, may, open_page, see_other
from services.portal.pages.components.acting import refusal_of
from services.portal.pages.components.entries import each
from services.portal.pages.components.filters import Address, page_size
from services.portal.pages.components.labels import too_long
from services.portal.pages.components.refusals import by_field, sentence
from services.portal.pages.desk import view
from services.portal.pages.tickets.routes import LINES, ticket_values, timeline_of
from shared.access.permissions import refusal
from shared.contracts import actions
from shared.ids import new_id
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

PATH = "/desk"
KNOWN = ("queue", "q", "cursor", "limit")
ROWS = 50
LOOKED_THROUGH = 200
"""So far down a queue the next case is looked for."""

Desk = Annotated[Session, may(actions.WORK_AT_DESK)]
Handling = Annotated[Session, may(actions.HANDLE_TICKET)]


@router.get("/desk")
async def queue_page(request: Request, session: Desk) -> Response:
    backends = backends_of(request)
    query = {name: value.strip() for name, value in request.query_params.items() if name in KNOWN and value.strip()}
    facets = backends.call(session, "tickets", "GET", v1("tickets", "facets"))
    if not query.get("queue") and not query.get("q"):
        counted = await open_page(request, session, facets=facets)
        query["queue"] = view.first_queue(_counts(counted))
        facets = backends.call(session, "tickets", "GET", v1("tickets", "facets"))
    queue = "" if query.get("q") else query.get("queue", view.ALL)
    page = await open_page(
        request,
        session,
        tickets=backends.call(session, "tickets", "GET", v1("tickets"), params=_listed(query, queue)),
        facets=facets,
    )
    texts = page.texts
    listed: dict[str, Any] = page.value("tickets") or {"items": []}
    entries = each(listed["items"], lambda item: view.case_row(texts, TicketView.model_validate(item)))
    address = Address(PATH, query)
    return page.render(
        "desk/queues.html",
        query=query,
        queue=queue,
        queues=view.queues(texts, address, _counts(page), queue),
        rows=entries.shown,
        left_out=entries.left_out,
        empty_words=texts.text(view.EMPTY[queue]) if queue in view.EMPTY else None,
        down=page.down("tickets"),
        pages=address.pages(listed.get("next"), listed.get("previous"), page_size(query, ROWS)),
        total=listed.get("total"),
    )


def _listed(query: dict[str, str], queue: str) -> dict[str, Any]:
    """What the service is asked for: the words in all requests, or a queue by its deadlines."""
    asked: dict[str, Any] = {"limit": page_size(query, ROWS), "total": "true"}
    if "cursor" in query:
        asked["cursor"] = query["cursor"]
    if "q" in query:
        return {**asked, "q": query["q"], "sort": "-opened"}
    if queue in view.QUEUES:
        return {**asked, "queue": queue, "sort": "due"}
    return {**asked, "state": "open", "sort": "due"}


def _counts(page: Page) -> dict[str, int]:
    return (page.value("facets") or {}).get("queues") or {}


@router.get("/desk/next")
async def next_case(request: Request, session: Desk, after: str = "", queue: str = "") -> Response:
    """The case behind this one in its queue; behind the last one the first, and the desk when there is no other."""
    listed = await backends_of(request).call(
        session, "tickets", "GET", v1("tickets"), params=_listed({"limit": str(LOOKED_THROUGH)}, queue)
    )
    ids = [str(item["ticket_id"]) for item in (listed or {"items": []})["items"]]
    behind = ids[ids.index(after) + 1 :] if after in ids else ids
    found = next((ticket_id for ticket_id in [*behind, *ids] if ticket_id != after), None)
    if found is None:
        return see_other(Address(PATH, {"queue": queue}).href())
    return see_other(Address(f"{PATH}/{found}", {"queue": queue}).href())


@router.get("/desk/{ticket_id}")
async def case_page(request: Request, session: Handling, ticket_id: str, done: str = "") -> Response:
    """Report and conversation, customer, device, contract and clocks, with the composer."""
    try:
        page = await _open_case(request, session, ticket_id)
    except Refused as refusal:
        if refusal.reason != "cursor_invalid":
            raise
        return see_other(f"{PATH}/{ticket_id}")
    return _shown(page, done=done)


@router.get("/desk/{ticket_id}/live")
async def case_parts(request: Request, session: Handling, ticket_id: str) -> Response:
    """The parts of a case that change by themselves; the composer is not among them."""
    page = await _open_case(request, session, ticket_id)
    if page.down("ticket"):
        return Response(status_code=204)
    return page.render("desk/live.html", **_case(page, _queue(page.request.query_params)))


@router.get("/desk/{ticket_id}/held")
async def held_part(request: Request, session: Handling, ticket_id: str) -> Response:
    """What is about to leave, asked for each second; when all has left, the page is told to look anew."""
    page = await open_page(
        request, session, ticket=backends_of(request).call(session, "tickets", "GET", one("tickets", ticket_id))
    )
    if page.down("ticket"):
        return Response(status_code=204)
    if page.value("ticket") is None:
        raise NotFound()
    if page.me is None or not page.me.at_desk:
        raise refusal(actions.HANDLE_TICKET)
    ticket = TicketView.model_validate(page.value("ticket"))
    answer = page.render(
        "desk/held.html",
        ticket=ticket,
        leaving=_leaving(page, ticket),
        key=new_id(),
        queue=_queue(request.query_params),
    )
    if not any(held.failed_at is None for held in ticket.held or ()):
        answer.headers["HX-Trigger"] = "live-refetch"
    return answer


@router.post("/desk/{ticket_id}/answers")
async def answer(request: Request, session: Handling, ticket_id: str, form: FormDep) -> Response:
    """A reply or a note. It leaves in a few seconds; until then it can be taken back."""
    if not form.get("text"):
        return await _again(request, session, ticket_id, form, {"text": ""})
    body = {
        "text": form["text"],
        "kind": form.get("kind") or "reply",
        "then": form.get("then") or "nothing",
        "cause": form.get("cause") or None,
        "language": (session.me or {}).get("language"),
        "seen_status": form.get("seen_status") or None,
    }
    if body["kind"] == "note":
        body |= {"then": "nothing", "cause": None, "seen_status": None}
    return await _do(request, session, ticket_id, ("answers",), form, body, done="answer")


@router.post("/desk/{ticket_id}/answers/{answer_id}/undo")
async def undo(request: Request, session: Handling, ticket_id: str, answer_id: str, form: FormDep) -> Response:
    """Take an answer back; its words come back into the composer."""
    found = await backends_of(request).call(session, "tickets", "GET", one("tickets", ticket_id))
    held = TicketView.model_validate(found).held if found else ()
    kept = next((one for one in held or () if one.answer_id == answer_id), None)
    address = one("tickets", ticket_id, "answers", answer_id)
    if refused := await refusal_of(request, session, "tickets", "DELETE", address, form):
        return await _again(request, session, ticket_id, form, {}, refused)
    page = await _open_case(request, session, ticket_id)
    words = {"text": kept.text, "kind": kept.kind, "cause": kept.cause or ""} if kept else {}
    return _shown(page, form={"queue": form.get("queue", ""), **words})


@router.post("/desk/{ticket_id}/acknowledge")
async def acknowledge(request: Request, session: Handling, ticket_id: str, form: FormDep) -> Response:
    return await _do(request, session, ticket_id, ("acknowledge",), form, _seen(form))


@router.post("/desk/{ticket_id}/cancel")
async def cancel(
    request: Request, session: Annotated[Session, may(actions.CANCEL_TICKET)], ticket_id: str, form: FormDep
) -> Response:
    return await _do(request, session, ticket_id, ("cancel",), form, _seen(form))


@router.post("/desk/{ticket_id}/visit")
async def visit(request: Request, session: Handling, ticket_id: str, form: FormDep) -> Response:
    """Ask dispatch for another visit."""
    return await _do(request, session, ticket_id, ("work-orders",), form, {"symptom": form.get("symptom") or None})


@router.post("/desk/{ticket_id}/flags")
async def settle_flags(request: Request, session: Handling, ticket_id: str, form: FormDep) -> Response:
    return await _do(request, session, ticket_id, ("flags", "settle"), form, None)


def _seen(form: dict[str, str]) -> dict[str, Any]:
    return {"seen_status": form.get("seen_status") or None}


async def _do(
    request: Request,
    session: Session,
    ticket_id: str,
    path: tuple[str, ...],
    form: dict[str, str],
    body: dict[str, Any] | None,
    *,
    done: str = "",
) -> Response:
    """Carry out one act and show the case again; a refusal with what was typed."""
    address = one("tickets", ticket_id, *path)
    if refused := await refusal_of(request, session, "tickets", "POST", address, form, body=body):
        return await _again(request, session, ticket_id, form, {}, refused)
    query = {"queue": form.get("queue", ""), "done": done}
    return see_other(Address(f"{PATH}/{ticket_id}", query).href())


async def _again(
    request: Request,
    session: Session,
    ticket_id: str,
    form: dict[str, str],
    errors: dict[str, str],
    refusal: Refused | None = None,
) -> Response:
    page = await _open_case(request, session, ticket_id)
    if "text" in errors:
        errors = {"text": page.texts.text("Please write a few words.")}
    if refusal is not None:
        long = too_long(page.texts, form.get("text", ""))
        errors = {"text": long} if long else by_field(page.texts, refusal)
        errors = {name: words for name, words in errors.items() if name in ("text", "cause")}
        errors = errors or {"": sentence(page.texts, refusal)}
    return _shown(page, form=form, errors=errors, status=422)


async def _open_case(request: Request, session: Session, ticket_id: str) -> Page:
    """The ticket with its timeline, then its device. Raises NotFound, and Forbidden for who sees it as a customer."""
    backends = backends_of(request)
    cursor = request.query_params.get("cursor", "")
    page = await open_page(
        request,
        session,
        ticket=backends.call(session, "tickets", "GET", one("tickets", ticket_id)),
        timeline=timeline_of(request, session, ticket_id, cursor=cursor, lines=LINES),
    )
    if page.down("ticket"):
        return page
    if page.value("ticket") is None:
        raise NotFound()
    if page.me is None or not page.me.at_desk:
        raise refusal(actions.HANDLE_TICKET)
    device_id = page.value("ticket")["device"]["device_id"]
    with_device = await open_page(
        request, session, device=backends.call(session, "catalog", "GET", one("devices", device_id))
    )
    page.parts |= with_device.parts
    return page


def _shown(
    page: Page,
    *,
    form: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    done: str = "",
    status: int = 200,
) -> Response:
    if page.down("ticket"):
        return page.render("errors/unavailable.html", status=503, title=page.texts.text("Desk"), service="tickets")
    form = form or {}
    values = _case(page, _queue(page.request.query_params) or _queue(form))
    return page.render("desk/case.html", status=status, form=form, errors=errors or {}, done=done, **values)


def _case(page: Page, queue: str) -> dict[str, Any]:
    texts = page.texts
    values = ticket_values(page)
    ticket: TicketView = values["ticket"]
    found = page.value("device")
    device = DeviceView.model_validate(found) if found else None
    return {
        **values,
        "device": device,
        "contract": view.contract_of(texts, device),
        "leaving": _leaving(page, ticket),
        "endings": view.endings(texts, ticket),
        "causes": [(code, texts.text(words)) for code, words in view.CAUSES.items()],
        "asks_cause": view.asks_cause(ticket),
        "unsettled": max(0, ticket.flag_count - (ticket.flags_settled or 0)),
        "queue": queue,
    }


def _leaving(page: Page, ticket: TicketView) -> list[view.Leaving]:
    return view.leaving(page.texts, ticket.held or (), page.me.user_id if page.me else "")


def _queue(told: Mapping[str, str]) -> str:
    """The queue that the agent works through, as the address or the form says it."""
    wanted = told.get("queue", "")
    return wanted if wanted in view.QUEUES or wanted == view.ALL else ""
