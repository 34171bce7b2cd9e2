"""Contact: how to reach a person, now, in the reader's country."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.portal.locale.texts import Texts, chosen_zone
from services.portal.pages.base.models import EditionView
from services.portal.pages.base.page import VisitorDep, open_page
from services.portal.pages.components.answers import Answer
from shared.contracts import actions
from shared.http.caller import public

router = APIRouter(include_in_schema=False)


@router.get("/contact", dependencies=[public(actions.LOOK_AROUND)])
async def contact(request: Request, session: VisitorDep) -> Response:
    page = await open_page(request, session)
    edition = page.edition
    return page.render(
        "contact/contact.html",
        answer=contact_answer(page.texts, edition) if edition else None,
        hours=opening_hours(page.texts, edition) if edition else [],
        zone=page.texts.place_of(chosen_zone(edition.time_zone)) if edition else "",
    )


def contact_answer(texts: Texts, edition: EditionView) -> Answer:
    """Is somebody there?"""
    if edition.open_now:
        return Answer(
            "good", texts.text("We are here for you now"), (texts.text("Call us: %(phone)s", phone=edition.phone),)
        )
    always = texts.text("You can report a fault here at any time; the promise counts from then.")
    if edition.opens_next_at:
        when = texts.at_moment(edition.opens_next_at)
        return Answer("wait", texts.text("We are back %(when)s", when=when), (always,))
    return Answer("wait", texts.text("We are closed right now"), (always,))


def opening_hours(texts: Texts, edition: EditionView) -> list[tuple[str, str, bool]]:
    """Per weekday: its name, its hours in the edition's own time, whether it is today there."""
    today = texts.local(texts.now, chosen_zone(edition.time_zone)).weekday()
    rows = []
    for weekday in range(7):
        segments = [
            f"{texts.clock(h.opens)}–{texts.clock(h.closes)}" for h in edition.opening_hours if h.weekday == weekday
        ]
        rows.append((texts.weekday(weekday), ", ".join(segments) or texts.text("closed"), weekday == today))
    return rows
