"""The front door for API users and scripts of pages: who passes, with what, and what happens when a service is away."""

import httpx
import pytest

from services.portal.settings import Rates
from tests.service.portal_scene import NOWHERE, browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.world import Device, Person, World


@pytest.fixture
async def device(world: World) -> Device:
    return await world.device(await world.account("DE"))


@pytest.fixture
async def person(world: World, device: Device) -> Person:
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    return await world.person("DE", rights=[right])


async def test_an_api_user_passes_with_his_own_token(stack: Stack, person: Person, device: Device) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        path = f"/api/catalog/v1/devices/{device.device_id}"
        assert (await client.get(path)).status_code == 401
        answer = await client.get(path, headers={"Authorization": f"Bearer {person.token}", "X-Request-Id": "abc"})
        assert answer.json()["serial"] == device.serial
        assert answer.headers["etag"]
        assert answer.headers.get_list("x-request-id") == ["abc"]
        assert (await client.get("/api/nothing/v1/x")).status_code == 404


async def test_a_browser_s_session_counts_and_a_token_it_brings_does_not(
    stack: Stack, world: World, person: Person, device: Device
) -> None:
    stranger = await world.manager(await world.account("FI"), whole=True)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, stranger)
        path = f"/api/catalog/v1/devices/{device.device_id}"
        answer = await client.get(path, headers={"Authorization": f"Bearer {person.token}"})
        assert answer.status_code == 404


async def test_a_browser_s_write_needs_the_token_of_its_forms(stack: Stack, person: Person, device: Device) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        csrf = csrf_of(await client.get("/profile"))
        path, body = "/api/identity/v1/me", {"phone": "+49 40 1"}
        assert (await client.patch(path, json=body)).status_code == 403
        answer = await client.patch(path, json=body, headers={"X-CSRF-Token": csrf})
        assert answer.status_code == 200


async def test_too_many_requests_are_refused_with_the_time_to_wait(stack: Stack, person: Person) -> None:
    chosen = settings(stack, more={"rates": Rates(address=3)})
    async with portal(chosen) as app, browser(app) as client:
        headers = {"Authorization": f"Bearer {person.token}"}
        codes = [(await client.get("/api/identity/v1/me", headers=headers)).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]


async def test_a_large_body_is_refused(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        answer = await client.post("/api/tickets/v1/tickets", content=b"x" * 2_000_001)
        assert answer.status_code == 413


async def test_one_s_own_write_is_there_at_the_next_click(stack: Stack, person: Person, device: Device) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        page = await client.get(f"/tickets/new?device_id={device.device_id}")
        form = {
            "csrf": csrf_of(page),
            "device_id": device.device_id,
            "description": "Papierstau",
            "impact": "down",
            "idempotency_key": "once",
        }
        opened = await client.post("/tickets/new", data=form)
        assert opened.status_code == 303, opened.text
        session = await app.state.sessions.find(client.cookies["lockstep"])
        assert any(mark.startswith("tickets/") for mark in session.seen)
        ticket_path = opened.headers["location"]
        again = await client.post("/tickets/new", data=form)
        assert again.headers["location"] == ticket_path
        shown = await client.get(ticket_path)
        assert "Papierstau" in shown.text


@pytest.mark.parametrize("away", ["catalog", "tickets", "identity"])
async def test_a_dead_service_costs_its_part_and_not_the_page(
    stack: Stack, person: Person, device: Device, away: str
) -> None:
    async with portal(settings(stack)) as whole, browser(whole) as first:
        await sign_in(first, person)
        await first.get("/")
        async with portal(settings(stack, **{away: NOWHERE})) as app, browser(app, cookies=first.cookies) as client:
            home = await client.get("/")
            assert home.status_code == 200
            assert 'role="status"' in home.text
            assert "/tickets/new" in home.text
            listed = await client.get("/devices" if away == "catalog" else "/tickets")
            assert listed.status_code == 200
            if away != "tickets":
                assert (await client.get(f"/api/{away}/v1/anything")).status_code == 503


async def test_pages_carry_the_headers_that_keep_them_to_themselves(stack: Stack) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        page = await client.get("/sign-in")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"
        assert "<script>" not in page.text and "style=" not in page.text and " onclick" not in page.text
        assert (await client.get("/nowhere")).status_code == 404
        assert (await client.get("/nowhere")).headers["content-type"].startswith("text/html")


async def test_assets_are_kept_for_ever_under_their_version(stack: Stack) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        page = await client.get("/sign-in")
        address = page.text.split('href="/assets/lockstep.css', 1)[1].split('"', 1)[0]
        style: httpx.Response = await client.get(f"/assets/lockstep.css{address}")
        assert "immutable" in style.headers["cache-control"]
        assert "immutable" not in (await client.get("/assets/lockstep.css?v=old")).headers["cache-control"]
        assert (await client.get("/assets/../main.py")).status_code == 404
