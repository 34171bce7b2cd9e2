"""Operations: does everything run, and if not, what is wrong and what is to be done?"""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from services.portal.gateway.backends import Backends, Refused, ServiceDown
from services.portal.gateway.paths import v1
from services.portal.gateway.sessions import Session
from services.portal.locale.texts import Texts
from services.portal.pages.base.page import FormDep, backends_of, may, open_page, see_other
from services.portal.pages.operations import runbook, view
from services.portal.pages.operations.answers import findings, headline
from shared.contracts import actions
from shared.operations.models import Figures, Requeued
from shared.problems import NotFound

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

SERVICES = ("identity", "catalog", "tickets", "notifier")
PARKED = "/operations?outcome={}&count={}#parked"
OUTCOMES = {"nothing_parked": "gone", "requeue_under_way": "busy"}


@router.get("/operations")
async def operations(
    request: Request, session: Annotated[Session, may(actions.READ_OPERATIONS)], outcome: str = "", count: str = ""
) -> Response:
    """All services are asked at once; one that is away is shown so, and the others stand."""
    page = await open_page(request, session, services=_all_figures(backends_of(request), session))
    services: dict[str, Figures | None] = page.value("services")
    now = datetime.now(UTC)
    texts = replace(page.texts, now=now)  # figures are of the real clock
    found = findings(texts, services)
    return page.render(
        "operations/operations.html",
        answer=headline(texts, found),
        findings=found,
        as_of=view.as_of(texts, now),
        tiles=view.tiles(texts, services),
        waits=view.waits(texts, services),
        receipts=view.receipts(texts, services),
        parked=view.parked(texts, services),
        parked_beside=view.parked_beside(services),
        groups=(groups := view.groups(texts, services)),
        behind=[one for one in groups if one.state],
        lag_unknown=view.lag_is_unknown(services),
        away=[name.capitalize() for name, figures in services.items() if figures is None],
        charts=view.charts(texts, services, now),
        handled=handled_words(texts, outcome, count),
        may_requeue=bool(page.me and page.me.may(actions.REQUEUE_PARKED.name)),
    )


@router.get("/operations/runbook")
async def read_runbook(request: Request, session: Annotated[Session, may(actions.READ_OPERATIONS)]) -> Response:
    page = await open_page(request, session)
    text = runbook.read(request.app.state.settings.runbook_file)
    if text is None:
        raise NotFound()
    return page.render("operations/runbook.html", text=text)


@router.post("/operations/parked/requeue")
async def requeue(
    request: Request, session: Annotated[Session, may(actions.REQUEUE_PARKED)], form: FormDep
) -> Response:
    """Have a service handle a parked key again, and say on the page what came of it."""
    await open_page(request, session)
    name = form.get("service", "")
    if name not in SERVICES:
        raise NotFound()
    try:
        answer = await backends_of(request).call(
            session, name, "POST", v1("operations", "parked", "requeue"), json={"id": form.get("id", "")}
        )
    except ServiceDown:
        return see_other(PARKED.format("away", 0))
    except Refused as refusal:
        return see_other(PARKED.format(OUTCOMES.get(refusal.reason, "gone"), 0))
    told = Requeued.model_validate(answer)
    outcome = "again" if told.reason else "more" if told.left else "done"
    return see_other(PARKED.format(outcome, told.done))


async def _all_figures(backends: Backends, session: Session) -> dict[str, Figures | None]:
    figures = await asyncio.gather(*(_figures(backends, session, name) for name in SERVICES))
    return dict(zip(SERVICES, figures, strict=True))


async def _figures(backends: Backends, session: Session, name: str) -> Figures | None:
    """What a service says of itself; None where it does not, whatever the cause.

    What the person has changed elsewhere is not waited for: during an outage it would never come.
    """
    session = replace(session, seen=())
    try:
        return Figures.model_validate(await backends.call(session, name, "GET", v1("operations")))
    except (ServiceDown, Refused, ValidationError) as error:
        log.warning("a service does not say how it runs", extra={"backend": name, "error": repr(error)})
        return None


def handled_words(texts: Texts, outcome: str, count: str) -> tuple[str, str] | None:
    """What came of handling a key again: tone and words."""
    done = int(count) if count.isdecimal() and len(count) < 6 else 0
    carried_out = texts.plural("One record was carried out.", "%(num)s records were carried out.", done)
    words = {
        "done": ("good", carried_out),
        "more": ("calm", carried_out + " " + texts.text("More of this key wait: handle them again, too.")),
        "again": (
            "wait",
            carried_out + " " + texts.text("Then one failed again; the reason below is the new one.")
            if done
            else texts.text("It failed again; the reason below is the new one."),
        ),
        "gone": ("calm", texts.text("Nothing is parked there any more: it was handled, or given up.")),
        "busy": ("calm", texts.text("This key is being handled just now.")),
        "away": (
            "wait",
            texts.text("The service did not answer. Look whether the key is still there, then try again."),
        ),
    }
    return words.get(outcome)
