"""Home: what needs me today?"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.gateway.paths import v1
from services.portal.gateway.sessions import Session
from services.portal.locale.texts import Texts
from services.portal.pages.base.models import Me, TicketView
from services.portal.pages.base.page import Page, backends_of, may, open_page, see_other
from services.portal.pages.components.answers import Answer, coming_visit, open_clocks
from services.portal.pages.components.entries import each
from services.portal.pages.components.ticket_view import place, row
from shared.contracts import actions
from shared.contracts.tickets import TicketStatus

router = APIRouter(include_in_schema=False)

SHOWN = 50


@router.get("/")
async def home(request: Request, session: Annotated[Session, may(actions.GO_HOME)]) -> Response:
    backends = backends_of(request)
    page = await open_page(
        request,
        session,
        tickets=backends.call(
            session, "tickets", "GET", v1("tickets"), params={"state": "open", "limit": SHOWN, "total": "true"}
        ),
        devices=backends.call(session, "catalog", "GET", v1("devices"), params={"limit": 1, "total": "true"}),
    )
    if page.me and page.me.at_desk:
        return see_other("/desk")
    if page.me and page.me.may(actions.READ_OPERATIONS.name) and not page.me.may(actions.LIST_TICKETS.name):
        return see_other("/operations")
    listed = page.value("tickets") or {"items": [], "total": 0}
    entries = each(listed["items"], lambda item: _ready(page.texts, TicketView.model_validate(item)))
    tickets = entries.shown
    staff = bool(page.me and page.me.at_desk)
    waiting = [t for t in tickets if t.status is TicketStatus.WAITING_FOR_CUSTOMER and not staff]
    visits = sorted(
        (t for t in tickets if t not in waiting and (v := coming_visit(t)) and v.window_from),
        key=lambda t: (coming_visit(t) or t.visits[0]).window_from or t.opened_at,
    )
    others = sorted((t for t in tickets if t not in waiting and t not in visits), key=_urgency)
    devices = page.value("devices")
    return page.render(
        "home/home.html",
        answer=home_answer(page, waiting, visits, others, len(tickets)),
        waiting=[row(page.texts, t) for t in waiting],
        visits=[row(page.texts, t) for t in visits],
        others=[row(page.texts, t, staff=staff) for t in others],
        left_out=entries.left_out,
        tickets_down=page.down("tickets"),
        devices_down=page.down("devices"),
        open_count=listed.get("total") or len(tickets),
        device_count=(devices or {}).get("total"),
    )


def _ready(texts: Texts, ticket: TicketView) -> TicketView:
    """A ticket whose row can be made; raises what stands against it."""
    row(texts, ticket)
    return ticket


def _urgency(ticket: TicketView) -> datetime:
    clocks = open_clocks(ticket)
    return clocks[0].due_at if clocks else ticket.opened_at + timedelta(days=365)


def home_answer(
    page: Page, waiting: list[TicketView], visits: list[TicketView], others: list[TicketView], count: int
) -> Answer:
    """What needs the reader today, in one sentence."""
    texts = page.texts
    if page.me and not page.me.may(actions.LIST_TICKETS.name):
        return _nothing_to_see(texts, page.me)
    if page.down("tickets"):
        return Answer("wait", texts.text("We can't show your requests right now"))
    if waiting:
        return Answer(
            "wait", texts.plural("One request needs your answer", "%(num)s requests need your answer", len(waiting))
        )
    if visits and not (page.me and page.me.at_desk):
        return _first_visit(texts, visits)
    late = [ticket for ticket in others if any(clock.due_at <= texts.now for clock in open_clocks(ticket)[:1])]
    if late:
        return Answer("late", texts.plural("One request is late", "%(num)s requests are late", len(late)))
    if count:
        return Answer(
            "calm",
            texts.text("Nothing needs you today"),
            (texts.plural("We are looking after one request.", "We are looking after %(num)s requests.", count),),
        )
    return Answer("good", texts.text("Everything is running"), (texts.text("No open requests."),))


def _first_visit(texts: Texts, visits: list[TicketView]) -> Answer:
    """When and where somebody comes next, and how many more are planned."""
    ticket = visits[0]
    visit = coming_visit(ticket)
    assert visit is not None and visit.window_from is not None  # what makes it one of the visits
    where = [ticket.device.own_name or ticket.device.model_name, place(texts, ticket.site, ticket.location)]
    lines = [" · ".join(part for part in where if part)]
    if len(visits) > 1:
        lines.append(texts.plural("One more visit is planned.", "%(num)s more visits are planned.", len(visits) - 1))
    end = visit.window_to
    window = texts.window(visit.window_from, end) if end else texts.at_moment(visit.window_from)
    return Answer("calm", texts.text("An engineer is coming %(window)s", window=window), tuple(lines))


def _nothing_to_see(texts: Texts, me: Me) -> Answer:
    """For whom neither requests nor devices are: what is so, and who can change it."""
    headline = texts.text("Your access has no requests and no devices")
    if me.is_staff:
        return Answer("calm", headline, (texts.text("What your role may do is in your profile."),))
    return Answer(
        "calm",
        headline,
        (texts.text("What you may do is in your profile. If you need more, please ask your administrator."),),
    )
