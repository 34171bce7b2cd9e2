"""Every screen, on a phone and on a desk, light and dark: accessible, light in weight, still, and without overflow."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from deploy.local import installations
from tests.browser.conftest import OpenPage
from tests.browser.scene import Scene

WIDTHS = (390, 1440)
MOST_BYTES = 150_000
MOST_SHIFT = 0.05
LAYOUT_SHIFT = """() => new Promise(done => {
  let shift = 0;
  new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) shift += one.value; })
    .observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => done(shift)));
})"""
OVERFLOW = """() => [...document.querySelectorAll('main *')]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    && !e.closest('.filters, .hidden, .skip'))
  .map(e => e.outerHTML.slice(0, 120)).slice(0, 3)"""
AXE = """async () => (await axe.run(document, {resultTypes: ['violations'],
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}))
  .violations.map(v => [v.id, v.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary.slice(0, 300))])"""


async def violations(page: Page) -> list[Any]:
    source = (installations.assets_directory() / "axe-core" / "axe.min.js").read_text()
    await page.evaluate(source)  # through the debugger: the page's own policy would not load it
    found: list[Any] = await page.evaluate(AXE)
    return found


async def look(page: Page, name: str, path: str, picture: Path, *, axe: bool) -> list[str]:
    """What is wrong with one screen."""
    answer = await page.goto(path)
    await page.wait_for_load_state("load")
    wrong = []
    if answer is None or answer.status != (404 if name == "not-found" else 200):
        wrong.append(f"{name}: {answer and answer.status}")
    shift = await page.evaluate(LAYOUT_SHIFT)
    if shift > MOST_SHIFT:  # a busy machine may paint half a page that came in two parts: does it shift again?
        await page.reload(wait_until="load")
        shift = await page.evaluate(LAYOUT_SHIFT)
    if shift > MOST_SHIFT:
        wrong.append(f"{name}: the layout shifts by {shift:.3f}")
    if over := await page.evaluate(OVERFLOW):
        wrong.append(f"{name}: wider than the screen: {over}")
    await page.screenshot(path=picture, full_page=True)
    if axe:
        wrong += [f"{name}: {violation}" for violation in await violations(page)]
    return wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_axe_finds_nothing_on_any_screen(
    open_page: OpenPage, scene: Scene, screenshots: Path, width: int, scheme: str
) -> None:
    page = await open_page(scene.german, width=width, color_scheme=scheme)
    wrong = []
    for name, path in scene.screens().items():
        wrong += await look(page, name, path, screenshots / f"{name}-{width}-{scheme}-de.png", axe=True)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("width", WIDTHS)
async def test_long_finnish_words_fit_every_screen(
    open_page: OpenPage, scene: Scene, screenshots: Path, width: int
) -> None:
    page = await open_page(scene.finnish, width=width)
    wrong = []
    for name, path in scene.screens().items():
        wrong += await look(page, name, path, screenshots / f"{name}-{width}-light-fi.png", axe=False)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_the_desk_and_the_front_door_are_accessible(
    open_page: OpenPage, scene: Scene, screenshots: Path, width: int, scheme: str
) -> None:
    desk = await open_page(scene.agent, width=width, color_scheme=scheme)
    visitor = await open_page(width=width, locale="de-DE")
    wrong = await look(visitor, "sign-in", "/sign-in", screenshots / f"sign-in-{width}-light-de.png", axe=True)
    wrong += await look(visitor, "contact", "/contact", screenshots / f"visitor-{width}-light-de.png", axe=True)
    case = f"/desk/{scene.tickets['asked']}?queue=all"
    empty = "/desk?queue=flagged"
    screens = {
        "desk": "/desk",
        "desk-empty": empty,
        "desk-search": "/desk?q=zzzz",
        "desk-case": case,
        "all": "/tickets",
    }
    for name, path in screens.items():
        wrong += await look(desk, name, path, screenshots / f"{name}-{width}-{scheme}-de.png", axe=True)
    assert not wrong, "\n".join(wrong)


async def test_every_screen_weighs_less_than_150_kilobytes(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.german)
    network = await page.context.new_cdp_session(page)
    await network.send("Network.enable")
    await network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    fetched: list[int] = []
    network.on("Network.loadingFinished", lambda event: fetched.append(event["encodedDataLength"]))
    heavy = {}
    for name, path in scene.screens().items():
        fetched.clear()
        await page.goto(path)
        await page.wait_for_load_state("load")
        if not 10_000 < sum(fetched) < MOST_BYTES:
            heavy[name] = sum(fetched)
    assert not heavy, heavy


async def test_the_pages_fetch_nothing_from_elsewhere(open_page: OpenPage, scene: Scene) -> None:
    page = await open_page(scene.german)
    own = page.url.split("/", 3)[2]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in scene.screens().values():
        await page.goto(path)
    assert asked and not [url for url in asked if url.split("/", 3)[2] != own and not url.startswith("data:")]


async def test_a_table_stays_a_table_where_styles_make_cards_of_it(open_page: OpenPage, scene: Scene) -> None:
    """What assistive programs are told of it, on a phone as on a desk."""
    for width in WIDTHS:
        page = await open_page(scene.german, width=width)
        await page.goto("/devices")
        told = await page.locator("table").first.aria_snapshot()
        assert "- table " in told and "- row " in told and "- cell " in told, told[:500]
