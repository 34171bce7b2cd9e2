"""A question on the pages: what is promised, what the desk can make of it; names, and the language after sign-out."""

import httpx
import pytest

from tests.service.portal_scene import browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import World

ANSWER_BY = {
    "en": "We answer by",
    "de": "Wir antworten spätestens",
    "fi": "Vastaamme viimeistään",
    "fr": "Nous répondons au plus tard",
    "it": "Rispondiamo al più tardi",
    "es": "Respondemos a más tardar",
}


@pytest.mark.parametrize("language", ANSWER_BY)
async def test_a_question_is_promised_an_answer_from_the_form_to_its_page(
    stack: Stack, world: World, language: str
) -> None:
    device = await world.device(await world.account("DE"))
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language=language)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        address = f"/tickets/new?device_id={device.device_id}"

        async def form_page() -> httpx.Response | None:
            page = await client.get(address)
            return page if 'name="impact"' in page.text else None

        form = await eventually(form_page)
        part = await client.get(f"/tickets/new/outlook?device_id={device.device_id}&impact=question")
        assert ANSWER_BY[language] in part.text
        fault = await client.get(f"/tickets/new/outlook?device_id={device.device_id}&impact=down")
        assert ANSWER_BY[language].lower() not in fault.text.lower()
        data = {"csrf": csrf_of(form), "device_id": device.device_id, "description": "How?", "impact": "question"}
        opened = await client.post("/tickets/new", data=data)
        page = await client.get(opened.headers["location"])
        assert ANSWER_BY[language] in page.text
        if language == "en":
            assert "We mail you our answer." in page.text
            assert "engineer" not in page.text.lower().split("</main>")[0].split("<main")[1]


async def test_the_desk_sends_somebody_after_all(stack: Stack, world: World) -> None:
    device = await world.device(await world.account("DE"))
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    agent = await world.person("DE", staff_roles=["contact_centre_agent"], language="en")
    ticket = await world.open_ticket(person, device, impact="question")
    path = f"/tickets/{ticket['ticket_id']}"
    async with portal(settings(stack)) as app, browser(app) as desk, browser(app) as customer:
        await sign_in(desk, agent)
        await sign_in(customer, person)
        case = f"/desk/{ticket['ticket_id']}"
        forbidden = await customer.post(f"{case}/visit", data={"csrf": csrf_of(await customer.get(path))})
        assert forbidden.status_code == 403
        page = await desk.get(case)
        assert "Answer promised by" in page.text
        assert (await desk.post(f"{case}/visit", data={"csrf": csrf_of(page)})).status_code == 303
        after = await customer.get(path)
        assert "An engineer will be with you by" in after.text and "Visit planned" in after.text


async def test_the_reader_is_you_and_a_colleague_has_a_name(stack: Stack, world: World) -> None:
    device = await world.device(await world.account("DE"))
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    colleague = await world.person("DE", rights=[right], language="en")
    ticket = await world.open_ticket(person, device)
    path = f"/tickets/{ticket['ticket_id']}"
    async with portal(settings(stack)) as app, browser(app) as own, browser(app) as other:
        await sign_in(own, person)
        await sign_in(other, colleague)
        assert " · You" in (await own.get(path)).text
        page = (await other.get(path)).text
        assert " · You" not in page and "A colleague of yours" not in page


async def test_the_language_stays_after_sign_out(stack: Stack, world: World) -> None:
    right = {"account_id": (await world.account("FI")).account_id, "role": "device_manager", "whole": True}
    person = await world.person("FI", rights=[right], language="fi")
    async with portal(settings(stack)) as app, browser(app, headers={"Accept-Language": "en-US"}) as client:
        await sign_in(client, person)
        home = await client.get("/")
        assert '<html lang="fi"' in home.text
        await client.post("/sign-out", data={"csrf": csrf_of(home)})
        assert '<html lang="fi"' in (await client.get("/sign-in")).text
