"""What the story is played on: the portal, the mail catcher, the parties' lines, the movable clock."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from babel import dates

from deploy.demo.browser import Browser, Page, browser
from deploy.demo.hops import HopMissing, Timeline, wait_for
from deploy.demo.listening import Ear, Heard, ear
from deploy.demo.when import HELSINKI, move_clock
from deploy.local.environment import service_url
from deploy.local.layout import HOST, Profile
from deploy.seed.local_installation import broker_access
from deploy.seed.people import FINNISH_MANAGER
from deploy.simulators import contact_centre, dispatch, engineer
from deploy.simulators.wire import product_time


@dataclass
class Stage:
    """`ticket_id` is empty until the fault is reported."""

    profile: Profile
    portal: str
    http: httpx.AsyncClient
    manager: Browser
    dispatch: Ear
    engineer: Ear
    contact_centre: Ear
    timeline: Timeline
    ticket_id: str = ""
    number: str = ""

    @property
    def clock_offset_file(self) -> Path:
        return self.profile.clock_offset_file

    def now(self) -> datetime:
        return product_time({"CLOCK_OFFSET_FILE": str(self.clock_offset_file)})

    async def move_clock(self, moment: datetime) -> None:
        await move_clock(self.clock_offset_file, moment)


@asynccontextmanager
async def stage(profile: Profile) -> AsyncIterator[Stage]:
    portal = service_url(profile, "portal")
    async with AsyncExitStack() as open_things:
        enter = open_things.enter_async_context
        yield Stage(
            profile=profile,
            portal=portal,
            http=await enter(httpx.AsyncClient(timeout=15.0)),
            manager=await enter(browser(portal, language=FINNISH_MANAGER.language)),
            dispatch=await enter(ear(broker_access(profile, "dispatch"), dispatch.HEARS, dispatch.GROUP)),
            engineer=await enter(ear(broker_access(profile, "engineer"), engineer.HEARS, engineer.GROUP)),
            contact_centre=await enter(
                ear(broker_access(profile, "contact-centre"), contact_centre.HEARS, contact_centre.GROUP)
            ),
            timeline=Timeline(HELSINKI),
        )


async def hears(on: Stage, party: Ear, kind: str, since: float) -> Heard:
    """A party hears of the ticket; the hop is counted from `since`."""
    heard = await wait_for(kind, lambda: party.first(kind, ticket=on.ticket_id))
    on.timeline.hop(on.now(), f"the party hears {kind}", "until the party's own consumer has it", heard.at - since)
    return heard


async def page_shows(on: Stage, what: str, since: float, holds: Callable[[Page], bool]) -> Page:
    """The ticket's page, asked for again and again, shows what has happened."""

    async def look() -> Page | None:
        page = await on.manager.visit(f"/tickets/{on.ticket_id}")
        return page if holds(page) else None

    page = await wait_for(f"the page shows {what}", look)
    took = time.monotonic() - since
    on.timeline.hop(on.now(), f"page: “{page.headline}”", "until the page shows it", took)
    return page


async def mail_comes(on: Stage, what: str, since: float, seen: set[str]) -> dict[str, Any]:
    """A mail about the ticket, which is not among those `seen`, arrives in the manager's mailbox."""
    begun = datetime.now(UTC).timestamp() - (time.monotonic() - since)

    async def look() -> dict[str, Any] | None:
        url = f"http://{HOST}:{on.profile.port('mail')}/api/messages"
        answer = await on.http.get(url, params={"to": FINNISH_MANAGER.email})
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        mail: dict[str, Any]
        for mail in reversed(found):
            if mail["id"] not in seen and on.number in mail["subject"] + mail["text"]:
                return mail
        return None

    mail = await wait_for(f"mail: {what}", look)
    seen.add(mail["id"])
    took = datetime.fromisoformat(mail["received_at"]).timestamp() - begun
    on.timeline.hop(on.now(), f"mail: “{mail['subject']}”", "until the mail is in the catcher", took)
    return mail


async def ticket(on: Stage) -> dict[str, Any]:
    """The ticket as the manager's browser gets it from the portal's interface."""
    answer = await on.manager.http.get(f"/api/tickets/v1/tickets/{on.ticket_id}")
    if not answer.is_success:
        raise HopMissing(f"the ticket cannot be read: {answer.status_code} {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    return found


def clock_text(moment: datetime) -> str:
    """The time of day as the Finnish page writes it."""
    return dates.format_skeleton("Hm", moment.astimezone(HELSINKI), locale=FINNISH_MANAGER.language)
