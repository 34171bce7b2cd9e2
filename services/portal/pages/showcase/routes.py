"""All components on one page, with samples: for the people who build the pages and for the tests."""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.locale.texts import Texts
from services.portal.pages.base.page import VisitorDep, open_page
from services.portal.pages.components.answers import Answer
from services.portal.pages.components.filters import Column, Filter, Pages
from services.portal.pages.components.labels import CONTRACT_STATES, TICKET_STATES, contract_state, ticket_state
from services.portal.pages.components.ticket_view import STEPS, Notice, Promise, Step
from services.portal.pages.components.timeline import Entry
from shared.contracts import actions
from shared.http.caller import public

router = APIRouter(include_in_schema=False)


@router.get("/components", dependencies=[public(actions.LOOK_AROUND)])
async def component_page(request: Request, session: VisitorDep) -> Response:
    page = await open_page(request, session)
    texts = page.texts
    return page.render(
        "showcase/components.html",
        answers=_answers(texts),
        states=[ticket_state(texts, status) for status in TICKET_STATES],
        contracts=[contract_state(texts, code) for code in CONTRACT_STATES],
        step_samples=[
            Step(texts.text(words), "done" if n < 2 else "now" if n == 2 else "next", texts.now if n < 2 else None)
            for n, words in enumerate(STEPS)
        ],
        promise_samples=_promises(texts),
        entries=_entries(texts),
        told=[
            Notice(texts.text("Contact centre"), texts.text("seen %(when)s", when=texts.moment(texts.now)), True),
            Notice(texts.text("Engineer"), texts.text("not sent yet; it follows by itself"), False),
        ],
        filters=[Filter(texts.text("Open"), "#", True), Filter(texts.text("Closed"), "#", count=12)],
        columns=[Column(texts.text("Device"), "#", "ascending"), Column(texts.text("Requests"))],
        pages=Pages("#", "#", ((25, "#", True), (50, "#", False))),
    )


def _answers(texts: Texts) -> list[Answer]:
    start = texts.now + timedelta(hours=14)
    window = texts.window(start, start + timedelta(hours=2))
    return [
        Answer("calm", texts.text("An engineer is coming %(window)s", window=window), (texts.relative(start),)),
        Answer(
            "good",
            texts.text("Your device works again"),
            (texts.text("Still not right? Reply, and we open it again."),),
        ),
        Answer("wait", texts.text("We need an answer from you"), (texts.text("We go on as soon as you reply."),)),
        Answer("late", texts.text("The engineer is late"), (texts.text("You can also call us: %(phone)s", phone="…"),)),
    ]


def _promises(texts: Texts) -> list[Promise]:
    due = texts.moment(texts.now + timedelta(hours=4))
    return [
        Promise(
            texts.text("We confirm we are on it"),
            due,
            texts.text("kept, promised by %(when)s", when=due),
            "check",
            "good",
        ),
        Promise(texts.text("Engineer at your device"), texts.text("by %(when)s", when=due), None, "clock", "calm", 40),
        Promise(texts.text("Working again"), texts.text("by %(when)s", when=due), None, "alert", "late", 100),
    ]


def _entries(texts: Texts) -> list[Entry]:
    seen = texts.text("%(party)s %(time)s", party=texts.text("Visit planning"), time=texts.moment(texts.now))
    return [
        Entry(texts.now, texts.text("Visit planned"), "calendar", "calm", None, None, False, (seen,)),
        Entry(
            texts.now - timedelta(hours=3),
            texts.text("New message"),
            "chat",
            "calm",
            texts.text("Service team"),
            texts.text("Any language will do."),
            False,
            (),
        ),
    ]
