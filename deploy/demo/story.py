"""The story, scene by scene. Every step goes through a front door: pages, mails, the parties' topics."""

import asyncio
import time
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from deploy.demo.browser import Browser, PageUnusable, browser
from deploy.demo.hops import HopMissing, wait_for
from deploy.demo.stage import Stage, clock_text, hears, mail_comes, page_shows, ticket
from deploy.demo.when import HELSINKI, begins, eve
from deploy.seed.people import FINNISH_MANAGER, GERMAN_MANAGER, Person
from deploy.simulators import contact_centre, dispatch, engineer
from deploy.simulators.wire import Record

ERROR_CODE = "E602-0001"
DESCRIPTION = "Laite pysähtyy kesken tulostuksen ja näyttää virheen E602-0001. Uudelleenkäynnistys ei auta."


async def play(on: Stage, password: str, today: date) -> None:
    """Play the whole story. Raises HopMissing or PageUnusable with what did not happen."""
    evening, holiday = eve(today)
    begin = datetime.combine(evening, datetime.min.time(), HELSINKI)
    await on.move_clock(begins(today))
    on.timeline.note(on.now(), f"the eve of {holiday}; tomorrow is a public holiday in Finland")
    mails: set[str] = set()
    order = await report(on, password, mails)
    await contact_centre_takes_it_up(on)
    job_sheet = await plan_and_move(on, begin, order, mails)
    await engineer_comes(on, job_sheet, mails)
    await contact_centre_closes(on, mails)
    await colleague_sees_nothing(on, password)


async def sign_in(on: Stage, at: Browser, person: Person, password: str) -> None:
    """Through the form, like everybody. Raises PageUnusable when it is refused."""
    form = (await at.visit("/sign-in")).form_with("email", "password")
    page = await at.follow(await at.press(form, email=person.email, password=password))
    if urlsplit(page.url).path == "/sign-in":
        raise PageUnusable(f"{person.email} cannot sign in: {page.text[:300]}")
    on.timeline.note(on.now(), f"{person.first_name} {person.last_name} signs in: “{page.headline}”")


async def report(on: Stage, password: str, mails: set[str]) -> Record:
    """He sees his devices only, reports the fault on one without an open ticket, and reads the promise."""
    await sign_in(on, on.manager, FINNISH_MANAGER, password)
    listed = (await on.manager.http.get("/api/catalog/v1/devices?limit=200&total=true")).json()
    on.timeline.note(on.now(), f"he sees his {listed['total']} devices and no other")
    device = free_device(listed["items"])
    form = (await on.manager.visit(f"/tickets/new?device_id={device['device_id']}")).form_with("description")
    begun = time.monotonic()
    pressed = await on.manager.press(form, description=DESCRIPTION, error_code=ERROR_CODE, impact="down")
    answered = time.monotonic()
    page = await on.manager.follow(pressed)
    on.ticket_id = urlsplit(page.url).path.rpartition("/")[2]
    found = await ticket(on)
    on.number = found["number"]
    what = f"he reports {ERROR_CODE} on {device['serial']}: ticket {on.number}"
    on.timeline.hop(on.now(), what, "from the press of the button to the answer", answered - begun)
    on.timeline.note(on.now(), f"page: “{page.headline}”")
    engineer_by = datetime.fromisoformat(found["promise"]["engineer_by"])
    if clock_text(engineer_by) not in page.answer:
        raise HopMissing(f"the page does not promise {clock_text(engineer_by)}: {page.answer}")
    order = await hears(on, on.dispatch, "dispatch.work-order.requested.v1", begun)
    await hears(on, on.contact_centre, "contact-centre.case.opened.v1", begun)
    await mail_comes(on, "the request has arrived", begun, mails)
    return order.record


def free_device(devices: list[dict[str, Any]]) -> dict[str, Any]:
    """A device under contract without an open ticket. Raises HopMissing when there is none left."""
    for device in devices:
        if device["contract_state"] == "valid" and not device["open_tickets"]:
            return device
    raise HopMissing(
        "every device of the Finnish manager has an open ticket; `make down`, remove .local/dev, start anew"
    )


async def contact_centre_takes_it_up(on: Stage) -> None:
    await on.move_clock(on.now() + timedelta(minutes=3))
    since = time.monotonic()
    await contact_centre.acknowledge_case(on.contact_centre.producer, {"ticket_id": on.ticket_id}, now=on.now())
    on.timeline.note(on.now(), "the contact centre acknowledges")

    async def acknowledged() -> bool:
        return bool((await ticket(on))["status"] == "acknowledged")

    await wait_for("acknowledged", acknowledged)
    on.timeline.hop(on.now(), "the ticket is acknowledged", "until the state follows", time.monotonic() - since)


async def plan_and_move(on: Stage, begin: datetime, order: Record, mails: set[str]) -> Record:
    """Dispatch plans the visit for the morning after the holiday, then needs two hours more."""
    work_order = order.value["work_order"]
    morning = begin + timedelta(days=2, hours=8)
    await on.move_clock(begin + timedelta(hours=18, minutes=5))
    since = time.monotonic()
    window = {"window_from": morning, "window_to": morning + timedelta(hours=2)}
    await dispatch.plan_visit(on.dispatch.producer, work_order, now=on.now(), **window)
    on.timeline.note(on.now(), "dispatch plans a visit")
    await asyncio.gather(
        page_shows(on, "the window", since, lambda page: _both(page.answer, **window)),
        hears(on, on.engineer, "engineer.job-sheet.issued.v1", since),
        mail_comes(on, "the visit is planned", since, mails),
    )

    async def dispatch_has_taken_notice() -> bool:
        parties = (await ticket(on)).get("parties", [])
        return any(party["party"] == "dispatch" and party["seen_at"] for party in parties)

    await wait_for("the receipt of dispatch", dispatch_has_taken_notice)
    on.timeline.note(on.now(), "the page says that dispatch has taken notice")

    await on.move_clock(begin + timedelta(hours=18, minutes=40))
    since = time.monotonic()
    moved = {"window_from": morning + timedelta(hours=2), "window_to": morning + timedelta(hours=4)}
    await dispatch.move_visit(on.dispatch.producer, work_order, now=on.now(), reason="Snow", **moved)
    on.timeline.note(on.now(), "dispatch moves it")
    _, sheet, _ = await asyncio.gather(
        page_shows(on, "the new window", since, lambda page: _both(page.answer, **moved)),
        hears(on, on.engineer, "engineer.job-sheet.changed.v1", since),
        mail_comes(on, "the visit was moved", since, mails),
    )
    job_sheet: Record = sheet.record
    return job_sheet


def _both(answer: str, window_from: datetime, window_to: datetime) -> bool:
    return clock_text(window_from) in answer and clock_text(window_to) in answer


async def engineer_comes(on: Stage, sheet: Record, mails: set[str]) -> None:
    """On the way, at the door (which stops the response clock), done: a report and a resolved ticket."""
    window_from = datetime.fromisoformat(sheet.value["job_sheet"]["window_from"])
    await on.move_clock(window_from - timedelta(minutes=25))
    since = time.monotonic()
    await engineer.travel(on.engineer.producer, sheet.value, now=on.now(), expected_at=window_from)
    on.timeline.note(on.now(), "the engineer sets out")
    coming, _ = await asyncio.gather(
        page_shows(on, "when he is expected", since, lambda page: _only(page.answer, window_from)),
        mail_comes(on, "the engineer is on the way", since, mails),
    )

    await on.move_clock(window_from + timedelta(minutes=3))
    since, arrival = time.monotonic(), on.now()
    await engineer.arrive(on.engineer.producer, sheet.value, now=arrival)
    on.timeline.note(arrival, "the engineer is at the door")
    await page_shows(on, "his arrival", since, lambda page: page.headline != coming.headline)
    clock = next(clock for clock in (await ticket(on))["clocks"] if clock["kind"] == "response")
    if clock["state"] != "met":
        raise HopMissing(f"the response clock was not met: {clock}")
    spare = datetime.fromisoformat(clock["due_at"]) - datetime.fromisoformat(clock["met_at"])
    on.timeline.note(arrival, f"the response clock stops: met, {int(spare.total_seconds() // 60)} min to spare")

    await on.move_clock(window_from + timedelta(minutes=48))
    since = time.monotonic()
    said = await engineer.report(on.engineer.producer, sheet.value, now=on.now())
    on.timeline.note(on.now(), "the engineer reports: resolved")
    action = str(said.value["action"]) if isinstance(said.value, dict) else ""
    await asyncio.gather(
        page_shows(on, "the report", since, lambda page: action in page.text),
        mail_comes(on, "the device works again", since, mails),
    )


def _only(answer: str, expected: datetime) -> bool:
    return clock_text(expected) in answer and clock_text(expected + timedelta(hours=2)) not in answer


async def contact_centre_closes(on: Stage, mails: set[str]) -> None:
    await on.move_clock(on.now() + timedelta(minutes=40))
    since = time.monotonic()
    before = await on.manager.visit(f"/tickets/{on.ticket_id}")
    await contact_centre.close_case(on.contact_centre.producer, {"ticket_id": on.ticket_id}, now=on.now())
    on.timeline.note(on.now(), "the contact centre closes")
    await asyncio.gather(
        page_shows(on, "that it is closed", since, lambda page: page.headline != before.headline),
        mail_comes(on, "the request is closed", since, mails),
    )


async def colleague_sees_nothing(on: Stage, password: str) -> None:
    """His German colleague gets the same answer as for a ticket that does not exist. Raises HopMissing if not."""
    async with browser(on.portal, language=GERMAN_MANAGER.language) as colleague:
        await sign_in(on, colleague, GERMAN_MANAGER, password)
        page = await colleague.visit(f"/tickets/{on.ticket_id}")
        listed = await colleague.http.get("/api/tickets/v1/tickets?state=all&limit=200")
        numbers = {item["number"] for item in listed.json()["items"]}
    if page.status != 404 or on.number in numbers:
        raise HopMissing(f"the German colleague can see {on.number} ({page.status})")
    on.timeline.note(on.now(), f"he gets 404 for {on.number}, and his list of {len(numbers)} tickets does not have it")
