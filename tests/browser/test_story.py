"""The whole story in Chromium: a fault reported on the eve of a Finnish public holiday, followed to its closing."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from deploy.demo.when import HELSINKI, begins, move_clock, set_clock
from deploy.local import installations
from deploy.simulators import contact_centre, dispatch, engineer
from deploy.simulators.wire import Message, product_time, send
from tests.browser.console_consumer import console_consumer
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import value_of
from tests.support.world import Device, Person, World

SOON = 15_000
ERROR_CODE = "E602-0001"


@pytest.fixture
def evening(stack: Stack) -> Iterator[datetime]:
    """Twenty to six on the eve of the holiday, by the product's clock; real time again afterwards."""
    moment = begins(datetime.now(UTC).date())
    set_clock(stack.clock_offset_file, moment)
    yield moment
    stack.clock_offset_file.unlink()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=installations.chromium_program(), args=["--no-sandbox"]
        )
        yield browser
        await browser.close()


@contextlib.asynccontextmanager
async def signed_in(chromium: Browser, stack: Stack, person: Person) -> AsyncIterator[Page]:
    """A page of a browser of this person's own, at home in the portal."""
    context = await chromium.new_context(base_url=stack.url("portal"))
    page = await context.new_page()
    await page.goto("/sign-in")
    await page.fill("input[name=email]", person.email)
    await page.fill("input[name=password]", person.password)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url(lambda url: "/sign-in" not in url)
    yield page
    await context.close()


async def report_fault(page: Page, device: Device) -> str:
    """Through the device's own page and the form; returns the ticket's id."""
    await page.goto("/devices")
    await page.locator(f'a[href="/devices/{device.device_id}"]').first.click()
    await page.locator(f'a[href*="/tickets/new?device_id={device.device_id}"]').first.click()
    await page.fill("textarea[name=description]", "Laite pysähtyy kesken tulostuksen.")
    await page.check("input[name=impact][value=down]")
    await page.fill("input[name=error_code]", ERROR_CODE)
    await page.locator('form[action="/tickets/new"] button[type=submit]:not([name])').click()
    await page.wait_for_url("**/tickets/*received=1")
    return page.url.partition("?")[0].rpartition("/")[2]


async def says(stack: Stack, party: str, message: Message) -> None:
    async with stack.wire(party).producer() as producer:
        await send(producer, message)


async def mail_about(stack: Stack, person: Person, number: str, count: int) -> str:
    """The text of the newest mail about a ticket, once there are so many."""

    async def enough() -> list[str] | None:
        found = [mail for mail in await stack.mails_to(person.email) if number in mail["subject"] + mail["text"]]
        return [str(mail["text"]) for mail in found] if len(found) >= count else None

    texts = await eventually(enough, what=f"{count} mails about {number}")
    assert texts is not None
    return texts[-1]


async def test_a_fault_on_the_eve_of_a_holiday_is_followed_live_from_the_report_to_the_closing(
    stack: Stack, world: World, evening: datetime, chromium: Browser, tmp_path: Path
) -> None:
    midnight = evening.astimezone(HELSINKI).replace(hour=0, minute=0)
    thursday = midnight + timedelta(days=2)
    clock_file = stack.clock_offset_file

    def now() -> datetime:
        return product_time({"CLOCK_OFFSET_FILE": str(clock_file)})

    account, foreign = await world.account("FI"), await world.account("DE")
    office = f"office-{world.prefix}"
    await world.calendar(office)
    device = await world.device(account, entitlement=world.entitlement(office, response_minutes=240))
    other = await world.device(account, entitlement=world.entitlement(office))
    manager = await world.manager(account, devices=[device])
    colleague = await world.manager(foreign, whole=True)

    async with (
        console_consumer(stack.wire("dispatch"), "outbound.dispatch", "dispatch.console", tmp_path) as console,
        stack.wire("engineer").listening("outbound.engineer") as job_sheets,
        signed_in(chromium, stack, manager) as page,
    ):
        await page.goto("/devices")
        await expect(page.locator("body")).to_contain_text(device.serial)
        await expect(page.locator("body")).not_to_contain_text(other.serial)

        ticket_id = await report_fault(page, device)
        answer, headline = page.locator(".answer"), page.locator(".answer h1")
        await expect(answer).to_contain_text("12.00")
        number = (await ticket(world, ticket_id))["number"]
        line = await console.line_with("ce_type:dispatch.work-order.requested.v1", number, device.serial, ERROR_CODE)
        work_order = {"work_order_id": (await ticket(world, ticket_id))["work_order_id"]}
        assert work_order["work_order_id"] in line
        await mail_about(stack, manager, number, 1)

        await move_clock(clock_file, midnight + timedelta(hours=18))
        eight, ten, noon = (thursday.replace(hour=hour) for hour in (8, 10, 12))
        plan = dispatch.planned(work_order, now=now(), window_from=eight, window_to=ten)
        await says(stack, "dispatch", plan)
        await expect(answer).to_contain_text("8.00–10.00", timeout=SOON)
        assert "8.00" in await mail_about(stack, manager, number, 2)

        move = dispatch.moved(work_order, now=now(), window_from=ten, window_to=noon)
        await says(stack, "dispatch", move)
        await expect(answer).to_contain_text("10.00–12.00", timeout=SOON)
        await mail_about(stack, manager, number, 3)
        await job_sheets.types_of(ticket_id, "engineer.job-sheet.issued.v1", "engineer.job-sheet.changed.v1")
        sheet = value_of(job_sheets.of(ticket_id)[-1])

        await move_clock(clock_file, thursday.replace(hour=9, minute=35))
        expected = thursday.replace(hour=9, minute=58)
        await says(stack, "engineer", engineer.travelling(sheet, now=now(), expected_at=expected))
        await expect(answer).to_contain_text("9.58", timeout=SOON)
        on_the_way = await headline.inner_text()
        await move_clock(clock_file, thursday.replace(hour=10, minute=1))
        await says(stack, "engineer", engineer.arrived(sheet, now=now()))
        await expect(headline).not_to_have_text(on_the_way, timeout=SOON)
        assert {clock["kind"]: clock["state"] for clock in (await ticket(world, ticket_id))["clocks"]}[
            "response"
        ] == "met"

        await move_clock(clock_file, thursday.replace(hour=10, minute=50))
        report = engineer.reported(sheet, now=now(), action="Kiinnitysyksikkö vaihdettu")
        await says(stack, "engineer", report)
        await expect(page.locator("body")).to_contain_text("Kiinnitysyksikkö vaihdettu", timeout=SOON)
        solved = await headline.inner_text()
        await says(stack, "contact-centre", contact_centre.closed({"ticket_id": ticket_id}, now=now()))
        await expect(headline).not_to_have_text(solved, timeout=SOON)
        assert (await ticket(world, ticket_id))["status"] == "closed"

    async with signed_in(chromium, stack, colleague) as page:
        refused = await page.goto(f"/tickets/{ticket_id}")
        assert refused is not None
        assert refused.status == 404
        await page.goto("/tickets?state=all")
        await expect(page.locator("body")).not_to_contain_text(number)


async def ticket(world: World, ticket_id: str) -> dict[str, Any]:
    async with await world.api("tickets") as tickets:
        answer = await tickets.get(f"/v1/tickets/{ticket_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found
