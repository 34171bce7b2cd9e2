"""Tickets: the list, the page of one, and what a customer can do on it."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.backends import Refused
from services.portal.gateway.paths import one, v1
from services.portal.gateway.sessions import Session
from services.portal.locale.texts import Texts
from services.portal.pages.base.models import TicketView, TimelineRow
from services.portal.pages.base.page import FormDep, Page, backends_of, may, open_page, see_other
from services.portal.pages.components.acting import refusal_of
from services.portal.pages.components.answers import ticket_answer
from services.portal.pages.components.filters import Address, Filter, page_size
from services.portal.pages.components.labels import TICKET_STATES, ticket_state, too_long
from services.portal.pages.components.listing import Listing, chip, order_menu, shown
from services.portal.pages.components.refusals import sentence
from services.portal.pages.components.ticket_view import impact, notices, place, promises, row, steps, visit_to_answer
from services.portal.pages.components.timeline import timeline
from shared.contracts import actions
from shared.contracts.tickets import TicketStatus
from shared.ids import new_id
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

WRITTEN = ("reply",)
LINES = 30
"""So many lines of the timeline a page shows at a time."""

MOST_NEW_LINES = 100
"""A page that was open while more came is loaded anew."""

FILTERS = ("status", "device_id", "account_id")
LISTING = Listing(
    "/tickets", FILTERS, others=("state",), export="/api/tickets/v1/tickets/export.csv", defaults={"state": "open"}
)
MOST_OF_A_STATUS = 1_000
"""The service counts a state no further in a long list."""


@router.get("/tickets")
async def ticket_list(request: Request, session: Annotated[Session, may(actions.LIST_TICKETS)]) -> Response:
    backends, query = backends_of(request), LISTING.query(request)
    narrowed = LISTING.narrowed(query)
    page = await open_page(
        request,
        session,
        tickets=backends.call(
            session,
            "tickets",
            "GET",
            v1("tickets"),
            params={**query, **narrowed, "limit": page_size(query), "total": "true"},
        ),
        facets=backends.call(session, "tickets", "GET", v1("tickets", "facets"), params=narrowed),
        views=request.app.state.views.of(session.user_id, LISTING.path),
    )
    texts, address = page.texts, LISTING.address(query)
    staff = bool(page.me and page.me.at_desk)
    statuses: dict[str, int] = (page.value("facets") or {}).get("statuses") or {}
    return page.render(
        "tickets/list.html",
        states=address.choice(
            "state",
            [
                ("open", texts.text("Open"), None),
                ("closed", texts.text("Closed"), None),
                ("all", texts.text("All"), None),
            ],
            default="open",
        ),
        order=order_menu(
            texts,
            address,
            [("-opened", texts.text("Newest first")), ("opened", texts.text("Oldest first"))],
        ),
        statuses=_statuses(texts, address, statuses, staff=staff),
        **shown(
            page,
            LISTING,
            query,
            part="tickets",
            make=lambda item: row(texts, TicketView.model_validate(item), staff=staff),
            chips=_chips(texts, address, staff=staff),
        ),
    )


def _statuses(texts: Texts, address: Address, statuses: dict[str, int], *, staff: bool) -> list[Filter]:
    """The states that the list has, in the order in which tickets pass through them, each with its number."""
    if address.query.get("status"):
        return []
    return [
        Filter(
            ticket_state(texts, status, staff=staff).text,
            address.href(status=status.value),
            count=statuses[status.value],
            is_bound=statuses[status.value] >= MOST_OF_A_STATUS,
        )
        for status in TICKET_STATES
        if statuses.get(status.value)
    ]


def _chips(texts: Texts, address: Address, *, staff: bool) -> list[Filter]:
    """The filters in force."""
    texts_of = {status.value: ticket_state(texts, status, staff=staff).text for status in TICKET_STATES}
    return [
        chip(address, name, texts_of.get(address.query[name]) or texts.text("chosen"))
        for name in FILTERS
        if address.query.get(name)
    ]


@router.get("/tickets/{ticket_id}")
async def ticket_page(
    request: Request,
    session: Annotated[Session, may(actions.READ_TICKET)],
    ticket_id: str,
    received: str = "",
    done: str = "",
    cursor: str = "",
) -> Response:
    try:
        page = await _open_ticket(request, session, ticket_id, cursor=cursor)
    except Refused as refusal:
        if refusal.reason != "cursor_invalid":
            raise
        return see_other(f"/tickets/{ticket_id}#timeline")
    if page.me and page.me.at_desk:
        return see_other(f"/desk/{ticket_id}")
    if page.down("ticket"):
        return page.render("errors/unavailable.html", status=503, title=page.texts.text("Requests"), service="tickets")
    return page.render(
        "tickets/ticket.html",
        **ticket_values(page),
        received=bool(received),
        done=done if done in WRITTEN else "",
        form={},
        errors={},
    )


@router.get("/tickets/{ticket_id}/live")
async def ticket_parts(
    request: Request,
    session: Annotated[Session, may(actions.READ_TICKET)],
    ticket_id: str,
    cursor: str = "",
    until: str = "",
) -> Response:
    """The parts of the page that change by themselves; forms are not among them.

    `until` is the last line of the timeline's first page as it was shown: what is new comes on top, and the older pages
    that were loaded below stay joined to it.
    """
    page = await _open_ticket(request, session, ticket_id, cursor=cursor, lines=MOST_NEW_LINES if until else LINES)
    if page.down("ticket"):
        return Response(status_code=204)
    values = ticket_values(page, until=until)
    if until and not page.down("timeline") and values["until"] != until:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return page.render("tickets/live.html", **values)


@router.get("/tickets/{ticket_id}/timeline")
async def older_lines(
    request: Request, session: Annotated[Session, may(actions.READ_TICKET)], ticket_id: str, cursor: str = ""
) -> Response:
    """The next page of the timeline, to be put below the one that is shown."""
    page = await _open_ticket(request, session, ticket_id, cursor=cursor)
    if page.down("ticket") or page.down("timeline"):
        return Response(status_code=204)
    return page.render("tickets/older.html", **ticket_values(page))


async def _open_ticket(request: Request, session: Any, ticket_id: str, *, cursor: str = "", lines: int = LINES) -> Page:
    page = await open_page(
        request,
        session,
        ticket=backends_of(request).call(session, "tickets", "GET", one("tickets", ticket_id)),
        timeline=timeline_of(request, session, ticket_id, cursor=cursor, lines=lines),
    )
    if not page.down("ticket") and page.value("ticket") is None:
        raise NotFound()
    return page


async def timeline_of(request: Request, session: Session, ticket_id: str, *, cursor: str, lines: int) -> Any:
    """A page of what happened, the newest first."""
    asked = {"limit": str(lines)} | ({"cursor": cursor} if cursor else {})
    path = one("tickets", ticket_id, "timeline")
    return await backends_of(request).call(session, "tickets", "GET", path, params=asked)


def ticket_values(page: Page, *, until: str = "") -> dict[str, Any]:
    """What the templates of a ticket need; of the timeline, the lines down to `until` where it is among them."""
    texts = page.texts
    ticket = TicketView.model_validate(page.value("ticket"))
    listed: dict[str, Any] = page.value("timeline") or {"items": []}
    rows = [TimelineRow.model_validate(item) for item in listed["items"]]
    last = next((number for number, line in enumerate(rows, start=1) if line.line_id == until), len(rows))
    rows = rows[:last]
    staff = bool(page.me and page.me.at_desk)
    phone = page.edition.phone if page.edition else None
    return {
        "ticket": ticket,
        "answer": ticket_answer(texts, ticket, phone=phone, staff=staff),
        "chip_label": ticket_state(texts, ticket.status, staff=staff),
        "steps_done": steps(texts, ticket),
        "promised": promises(texts, ticket, staff=staff),
        "told": notices(texts, ticket),
        "entries": timeline(
            texts,
            rows,
            team_name=page.edition.team_name if page.edition else None,
            staff=staff,
            reader=page.me.user_id if page.me else "",
        ),
        "timeline_down": page.down("timeline"),
        "until": rows[-1].line_id if rows else "",
        "older": listed.get("next"),
        "cursor": page.request.query_params.get("cursor", ""),
        "asked_visit": visit_to_answer(texts, ticket),
        "place": place(texts, ticket.site, ticket.location),
        "impact": impact(texts, ticket.impact),
        "finished": ticket.status in (TicketStatus.CLOSED, TicketStatus.CANCELLED),
        "can": set(ticket.allowed_actions),
        "key": new_id(),
    }


@router.post("/tickets/{ticket_id}/reply")
async def reply(
    request: Request, session: Annotated[Session, may(actions.UPDATE_TICKET)], ticket_id: str, form: FormDep
) -> Response:
    if not form.get("text"):
        return await again(request, session, ticket_id, form, "text")
    body = {"text": form["text"]}
    if session.me and session.me.get("language"):
        body["language"] = str(session.me["language"])
    return await act(request, session, ticket_id, ("updates",), form, body, written="reply")


@router.post("/tickets/{ticket_id}/visits/{visit_id}/reply")
async def answer_visit(
    request: Request,
    session: Annotated[Session, may(actions.REPLY_TO_VISIT)],
    ticket_id: str,
    visit_id: str,
    form: FormDep,
) -> Response:
    body = {"reply": form.get("reply", "confirmed")}
    if form.get("window_from"):
        body["window_from"] = form["window_from"]
    if form.get("text"):
        body["text"] = form["text"]
    return await act(request, session, ticket_id, ("visits", visit_id, "reply"), form, body)


@router.post("/tickets/{ticket_id}/cancel")
async def cancel(
    request: Request, session: Annotated[Session, may(actions.CANCEL_TICKET)], ticket_id: str, form: FormDep
) -> Response:
    return await act(request, session, ticket_id, ("cancel",), form, decided(form))


@router.get("/tickets/{ticket_id}/visits/{visit_id}/calendar.ics")
async def calendar_file(
    request: Request, session: Annotated[Session, may(actions.READ_TICKET)], ticket_id: str, visit_id: str
) -> Response:
    content = await backends_of(request).call(
        session, "tickets", "GET", one("tickets", ticket_id, "visits", visit_id, "calendar.ics")
    )
    headers = {"Content-Disposition": 'attachment; filename="visit.ics"'}
    return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)


def decided(form: dict[str, str]) -> dict[str, Any]:
    """What a button sends: a word that goes with it, and the state on which it was pressed."""
    return {"text": form.get("text") or None, "seen_status": form.get("seen_status") or None}


async def act(
    request: Request,
    session: Any,
    ticket_id: str,
    action: tuple[str, ...],
    form: dict[str, str],
    body: dict[str, Any],
    *,
    written: str = "",
) -> Response:
    """Carry out one action, a path below the ticket, and show the ticket again; a refusal with what was typed."""
    path = one("tickets", ticket_id, *action)
    if refusal := await refusal_of(request, session, "tickets", "POST", path, form, body=body):
        return await again(request, session, ticket_id, form, "", refusal)
    return see_other(f"/tickets/{ticket_id}" + (f"?done={written}#timeline" if written else ""))


async def again(
    request: Request,
    session: Any,
    ticket_id: str,
    form: dict[str, str],
    field: str,
    refusal: Refused | None = None,
) -> Response:
    page = await _open_ticket(request, session, ticket_id)
    if page.down("ticket"):
        return see_other(f"/tickets/{ticket_id}")
    long = too_long(page.texts, form.get("text", ""))
    if long and field == "" and refusal and "text" in refusal.fields:
        error, field = long, "text"
    else:
        error = sentence(page.texts, refusal) if refusal else page.texts.text("Please write a few words.")
    return page.render(
        "tickets/ticket.html",
        status=422,
        **ticket_values(page),
        received=False,
        done="",
        form=form,
        errors={field: error},
    )
