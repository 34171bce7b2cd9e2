"""Pages of the portal with one client, signed in as a browser is."""

import httpx

from tests.bench.load import Measured, measure
from tests.service.portal_scene import csrf_of
from tests.support.stack import Stack
from tests.support.world import Person

SECONDS = 6.0


async def measured(stack: Stack, person: Person, path: str) -> Measured:
    async with httpx.AsyncClient(base_url=stack.url("portal"), timeout=20) as browser:
        form = {
            "csrf": csrf_of(await browser.get("/sign-in")),
            "email": person.email,
            "password": person.password,
        }
        answer = await browser.post("/sign-in", data=form)
        assert answer.status_code == 303, answer.status_code

        async def look(_: int, __: int) -> str | None:
            page = await browser.get(path)
            return None if page.status_code == 200 else f"{page.status_code} {path}"

        return await measure(look, workers=1, seconds=SECONDS)
