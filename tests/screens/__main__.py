"""`make screens`: every page at three widths, light and dark, German and Finnish, as customer and as staff.

The pictures and a sheet with all of them, `index.html`, come into `.local/screens/`. With `--pictures` the four of the
README are taken anew.
"""

import argparse
import asyncio
import contextlib
import html
import shutil
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, StorageState, async_playwright

from deploy.local import installations
from deploy.local.environment import service_url
from deploy.local.layout import REPOSITORY, Profile
from deploy.local.progress import say
from deploy.seed import keepsakes
from tests.screens.people import NOT_THERE, Doors, Reader, readers

FOLDER = REPOSITORY / ".local" / "screens"
PICTURES = REPOSITORY / "docs" / "screenshots"
WIDTHS = (390, 800, 1440)
SCHEMES = ("light", "dark")
HEIGHTS = {390: 844, 800: 1100, 1440: 900}
IN_README = {
    "home": ("customer-fi", "home"),
    "ticket": ("customer-de", "ticket-1"),
    "report": ("customer-de", "report"),
    "device": ("customer-fi", "device"),
    "desk": ("agent-de", "case-1"),
    "operations": ("operator", "operations"),
}
"""The README's pictures, each with its reader and page."""

ZOOMED = ("home", "tickets", "ticket-1", "report", "device", "desk", "case-1")
"""Seen at 200 %: as a window of half the width."""

STYLE = "body{font:14px sans-serif;margin:24px} div{display:flex;gap:12px;overflow-x:auto} img{height:420px}"
AT_ONCE = 3
MOST_SECONDS = 900


@dataclass(frozen=True)
class Seat:
    """A signed-in person, in whose name windows of any kind are opened."""

    browser: Browser
    portal: str
    reader: Reader
    cookies: StorageState

    @classmethod
    async def of(cls, browser: Browser, portal: str, reader: Reader, password: str) -> "Seat":
        context = await browser.new_context(base_url=portal)
        page = await context.new_page()
        await page.goto("/sign-in")
        await page.fill("#email", reader.email)
        await page.fill("#password", password)
        await page.press("#password", "Enter")
        await page.wait_for_url(lambda url: "/sign-in" not in url)
        seat = cls(browser, portal, reader, await context.storage_state())
        await context.close()
        return seat

    @contextlib.asynccontextmanager
    async def window(self, **view: Any) -> AsyncIterator[Page]:
        context = await self.browser.new_context(base_url=self.portal, storage_state=self.cookies, **view)
        try:
            yield await context.new_page()
        finally:
            await context.close()


class PageMissing(Exception):
    """A page did not answer as it should."""


async def _take(page: Page, path: str, picture: Path, *, whole: bool = True) -> None:
    answer = await page.goto(path, wait_until="load")
    wanted = 404 if path == NOT_THERE else 200
    if answer is None or answer.status != wanted:
        raise PageMissing(f"{path}: {answer.status if answer else 'no answer'}")
    await page.screenshot(path=picture, full_page=whole)


async def _of_seat(seat: Seat, gate: asyncio.Semaphore) -> None:
    """All pages of one reader in each view. Raises PageMissing."""
    reader = seat.reader
    for width in WIDTHS:
        for scheme in SCHEMES:
            size = {"width": width, "height": HEIGHTS[width]}
            async with gate, seat.window(viewport=size, color_scheme=scheme) as page:
                for name, path in reader.pages.items():
                    await _take(page, path, FOLDER / f"{reader.name}.{name}.{width}.{scheme}.png")
        say(f"  ✓  {reader.name} at {width} px")
    async with gate, seat.window(viewport={"width": 720, "height": 450}, device_scale_factor=2) as page:
        for name in (name for name in ZOOMED if name in reader.pages):
            await _take(page, reader.pages[name], FOLDER / f"{reader.name}.{name}.zoom.light.png")


async def _readme(seats: Sequence[Seat]) -> None:
    """The pictures of the README: the first screen of six pages."""
    for seat in seats:
        async with seat.window(viewport={"width": 1280, "height": 800}, color_scheme="light") as page:
            for name, (of, shown) in IN_README.items():
                if of == seat.reader.name:
                    await _take(page, seat.reader.pages[shown], PICTURES / f"{name}.png", whole=False)


def _sheet(everybody: list[Reader]) -> str:
    """One page with every picture, a row for each page of a reader."""
    rows = []
    for reader in everybody:
        for name in reader.pages:
            pictures = sorted(FOLDER.glob(f"{reader.name}.{name}.*.png"))
            cells = "".join(
                f'<a href="{one.name}"><img loading="lazy" src="{one.name}" alt="{html.escape(one.stem)}"></a>'
                for one in pictures
            )
            rows.append(f"<h2>{html.escape(reader.name)}: {html.escape(name)}</h2><div>{cells}</div>")
    return f"<!doctype html><meta charset=utf-8><title>Screens</title><style>{STYLE}</style>{''.join(rows)}"


async def take_all(profile: Profile, *, pictures: bool) -> None:
    """Raises PageMissing for a page that does not come, and TimeoutError beyond a quarter of an hour."""
    password = keepsakes.password(profile.directory)
    portal = service_url(profile, "portal")
    doors = Doors(
        identity=service_url(profile, "identity"),
        catalog=service_url(profile, "catalog"),
        tickets=service_url(profile, "tickets"),
        password=password,
    )
    everybody = await asyncio.to_thread(readers, doors)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    began, gate = time.monotonic(), asyncio.Semaphore(AT_ONCE)
    async with asyncio.timeout(MOST_SECONDS), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=installations.chromium_program(), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            seats = [await Seat.of(browser, portal, one, password) for one in everybody]
            if pictures:
                await _readme(seats)
                say(f"  the README's pictures are in {PICTURES.relative_to(REPOSITORY)}/")
            await asyncio.gather(*(_of_seat(seat, gate) for seat in seats))
        finally:
            await browser.close()
    (FOLDER / "index.html").write_text(_sheet(everybody))
    count = len(list(FOLDER.glob("*.png")))
    say(f"  {count} pictures in {time.monotonic() - began:.0f} s: {FOLDER.relative_to(REPOSITORY)}/index.html")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description="Take every page of a running demo.")
    parser.add_argument("--pictures", action="store_true", help="take those of the README, too")
    options = parser.parse_args()
    asyncio.run(take_all(Profile.named("dev"), pictures=options.pictures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
