"""Chromium, and one customer that all tests of the pages look at."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from deploy.local import installations
from deploy.local.layout import REPOSITORY
from tests.browser.scene import Scene
from tests.support.stack import Stack
from tests.support.world import Person, World

SCREENSHOTS = REPOSITORY / ".local" / "test" / "screenshots"
OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
async def chrome() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=installations.chromium_program(), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def scene(stack: Stack) -> AsyncIterator[Scene]:
    async with World.of(stack) as world:
        yield await Scene.make(world)


@pytest.fixture(scope="session")
def screenshots() -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS


EXPECTED = ("404", "422", "401", "Transition was aborted")
"""Refusals that the tests provoke, and Chromium's word on a change of pages that outruns its fading."""


@pytest.fixture
async def open_page(chrome: Browser, stack: Stack) -> AsyncIterator[OpenPage]:
    """A page of a new browser, signed in as a person where one is given. Errors of the console fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def opened(person: Person | None = None, *, width: int = 1440, **more: object) -> Page:
        context = await chrome.new_context(
            base_url=stack.url("portal"),
            viewport={"width": width, "height": 844 if width < 800 else 900},
            **more,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = await context.new_page()
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if person:
            await page.goto("/sign-in")
            await page.fill("#email", person.email)
            await page.fill("#password", person.password)
            await page.press("#password", "Enter")
            await page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield opened
    for context in contexts:
        await context.close()
    unexpected = [text for text in complaints if not any(known in text for known in EXPECTED)]
    assert not unexpected, unexpected
