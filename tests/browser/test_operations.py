"""The operators' page: accessible in every state, and live without taking focus or open tables away."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import expect

from shared.contracts.inbound import ContactCentreTicketReplied
from tests.browser.conftest import OpenPage
from tests.browser.scene import Scene
from tests.browser.test_screens import OVERFLOW, WIDTHS, look, violations
from tests.support.stack import Stack
from tests.support.world import Person

SOON = 20_000


async def operator(scene: Scene, country: str = "DE") -> Person:
    return await scene.world.person(country, staff_roles=["operator"])


async def park(stack: Stack) -> str:
    """A record that tickets refuses; returns its key, which is an id."""
    ticket_id = str(uuid.uuid4())
    reply = ContactCentreTicketReplied(
        ticket_id=ticket_id,
        reply_id="reply",
        audience="public",
        text="Frau Müller fragt nach",
        waiting_for_customer=True,
        occurred_at=datetime.now(UTC),
    )
    await stack.wire("contact-centre").send(reply, ticket_id)
    return ticket_id


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [*WIDTHS, 800])
async def test_axe_finds_nothing_with_records_parked_and_tables_open(
    open_page: OpenPage, scene: Scene, stack: Stack, screenshots: Path, width: int, scheme: str
) -> None:
    await park(stack)
    page = await open_page(await operator(scene), width=width, color_scheme=scheme)
    await expect(page.locator(".parked").first).to_be_visible(timeout=SOON)
    picture = screenshots / f"operations-{width}-{scheme}-de.png"
    wrong = await look(page, "operations", "/operations", picture, axe=True)
    runbook = screenshots / f"runbook-{width}-{scheme}-de.png"
    wrong += await look(page, "runbook", "/operations/runbook#a-hop-takes-long", runbook, axe=True)
    await page.goto("/operations")
    for summary in await page.locator("main details > summary").all():
        await summary.click()
    wrong += [*await violations(page), *await page.evaluate(OVERFLOW)]
    await page.screenshot(path=screenshots / f"operations-open-{width}-{scheme}-de.png", full_page=True)
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("width", WIDTHS)
async def test_long_finnish_words_fit(open_page: OpenPage, scene: Scene, screenshots: Path, width: int) -> None:
    page = await open_page(await operator(scene, "FI"), width=width)
    picture = screenshots / f"operations-{width}-light-fi.png"
    wrong = await look(page, "operations", "/operations", picture, axe=False)
    assert not wrong, "\n".join(map(str, wrong))


async def test_the_figures_change_by_themselves_and_focus_and_open_tables_stay(
    open_page: OpenPage, scene: Scene, stack: Stack
) -> None:
    page = await open_page(await operator(scene))
    await page.goto("/operations")
    await page.click("#all-groups-title")
    assert await page.evaluate("document.activeElement.id") == "all-groups-title"
    key = await park(stack)
    card = page.locator(".parked", has_text=key)
    await expect(card).to_be_visible(timeout=SOON)
    assert await page.evaluate("[document.activeElement.id, document.getElementById('all-groups').open]") == [
        "all-groups-title",
        True,
    ]
    await card.get_by_role("button").click()
    await page.wait_for_url("**outcome=again*")
    await expect(page.locator("main .banner")).to_contain_text("erneut gescheitert")
    await expect(card).to_contain_text("2-mal versucht")


async def test_without_scripts_the_button_works_too(open_page: OpenPage, scene: Scene, stack: Stack) -> None:
    key = await park(stack)
    page = await open_page(await operator(scene), java_script_enabled=False)
    card = page.locator(".parked", has_text=key)
    for _ in range(40):
        await page.goto("/operations")
        if await card.count():
            break
    await card.get_by_role("button").click()
    await page.wait_for_url("**outcome=again*")
    await expect(page.locator("main .banner")).to_be_visible()
