"""Home says what is so for whoever reads it: when somebody comes and where, or that there is nothing for him here."""

import re
from html import unescape

import pytest

from deploy.seed.editions import EDITIONS
from shared.contracts.inbound import DispatchVisitPlanned
from tests.service.portal_scene import browser, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.visits import message, window
from tests.support.waiting import eventually
from tests.support.world import World

NOTHING = "Your access has no requests and no devices"


@pytest.mark.parametrize("role", ["knowledge_user", "stock_manager"])
async def test_who_has_no_devices_reads_so_and_every_way_leads_on(stack: Stack, world: World, role: str) -> None:
    account = await world.account("DE")
    right = {"account_id": account.account_id, "role": role, "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        page = (await client.get("/")).text
        assert NOTHING in page and "Everything is running" not in page
        assert "tone-good" not in page
        ways = {unescape(href) for href in re.findall(r'<a [^>]*href="(/[^"#]*)"', page)}
        assert {"/", "/contact", "/profile"} <= ways and "/tickets" not in ways
        for way in ways:
            assert (await client.get(way)).status_code == 200, way


async def test_home_says_when_an_engineer_comes_and_where(stack: Stack, world: World) -> None:
    device = await world.device(await world.account("DE"))
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    ticket = await world.open_ticket(person, device)
    order = str(ticket["work_order_id"])
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        waits = (await client.get("/")).text
        today = waits.split('id="today"')[1].split("</h1>")[0]
        assert "Everything is running" not in waits and "tone-good" not in today
        await stack.wire("dispatch").send(message(DispatchVisitPlanned, order, 1, **window(hours=20)), order)

        async def told() -> str | None:
            page = unescape((await client.get("/")).text)
            return page if "An engineer is coming" in page else None

        page = await eventually(told, within=30, what="home does not say that somebody comes")
        answer = page.split("<h1", 1)[1].split("</div>", 1)[0]
        assert ticket["site"]["city"] in answer and ticket["device"]["model_name"] in answer


@pytest.mark.parametrize("language", ["en-US,en;q=0.9", "de-LU", "fi", "xx-YY", ""])
async def test_whoever_signs_in_sees_a_phone_line(stack: Stack, world: World, language: str) -> None:
    async with await world.api("identity") as machine:
        for edition in EDITIONS:
            answer = await machine.put(f"/v1/editions/{edition['country']}", json=edition)
            assert answer.status_code == 200, answer.text
    async with portal(settings(stack)) as app, browser(app) as client:
        page = (await client.get("/sign-in", headers={"Accept-Language": language})).text
        assert 'href="tel:' in page, language
