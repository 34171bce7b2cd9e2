"""Requests that no browser of ours makes: each is answered to him who made it, and costs nobody else anything."""

import pytest

from services.portal.gateway.backends import FAILURES_UNTIL_PAUSE, Backends, Unsendable
from services.portal.gateway.paths import v1
from tests.service.portal_scene import browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.world import Device, Person, World

OFTEN = range(FAILURES_UNTIL_PAUSE + 1)


@pytest.fixture
async def device(world: World) -> Device:
    return await world.device(await world.account("DE"))


@pytest.fixture
async def person(world: World, device: Device) -> Person:
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    return await world.person("DE", rights=[right], language="en")


@pytest.mark.parametrize("key", ["a\nb", "schlüssel", "キー", "k" * 201])
async def test_a_form_with_a_key_that_no_header_holds_is_carried_out_and_hurts_nobody(
    stack: Stack, world: World, person: Person, device: Device, key: str
) -> None:
    ticket = await world.open_ticket(person, device)
    path = f"/tickets/{ticket['ticket_id']}"
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        odd = {"csrf": csrf_of(await client.get(path)), "idempotency_key": key}
        for number in OFTEN:
            assert (await client.post(f"{path}/reply", data=odd | {"text": f"Line {number}"})).status_code == 303
        fault = {"device_id": device.device_id, "description": "Noise", "impact": "down", "another": "1"}
        assert (await client.post("/tickets/new", data=odd | fault)).status_code == 303
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [(v1("me"), {"X-Odd": "a\nb"}), (v1("me"), {"X-Odd": "キー"}), ("/v1/me\n", {}), ("/v1/" + "x" * 70_000, {})],
)
async def test_a_request_that_cannot_be_sent_is_no_failure_of_the_service(
    stack: Stack, path: str, headers: dict[str, str]
) -> None:
    async with portal(settings(stack)) as app:
        backends: Backends = app.state.backends
        for _ in OFTEN:
            with pytest.raises(Unsendable):
                await backends.ask("identity", "GET", path, headers=headers)  # type: ignore[arg-type]
            with pytest.raises(Unsendable):
                await backends.follow("identity", path, None, headers=headers, silence=1)  # type: ignore[arg-type]
        assert (await backends.ask("identity", "GET", v1("me"))).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/tickets/%00",
        "/tickets/%00/live",
        "/tickets/%2e%2e",
        "/tickets/%3f",
        "/tickets/{ticket}%3f",
        "/tickets/{ticket}%23",
        "/tickets/{ticket}%3f/timeline",
        "/tickets/{ticket}/visits/%00/calendar.ics",
        "/tickets/new?device_id=%00",
        "/tickets/new?device_id={device}/../facets",
        "/tickets/new?device_id={device}%3f",
        "/tickets/new/outlook?device_id=%00",
        "/devices/%00",
        "/devices/%23",
        "/devices/facets",
        "/devices/export.csv",
        "/devices/{device}%3f",
    ],
)
async def test_what_is_no_id_names_nothing(
    stack: Stack, world: World, person: Person, device: Device, path: str
) -> None:
    ticket = await world.open_ticket(person, device)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        page = await client.get(path.format(ticket=ticket["ticket_id"], device=device.device_id))
        assert page.status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/tickets/{ticket}/visits/%00/reply",
        "/tickets/{ticket}/visits/%3f/reply",
        "/tickets/%00/cancel",
        "/profile/sessions/%00/end",
        "/profile/sessions/%3f/end",
    ],
)
async def test_nothing_is_done_to_what_is_no_id(
    stack: Stack, world: World, person: Person, device: Device, path: str
) -> None:
    ticket = await world.open_ticket(person, device)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        csrf = csrf_of(await client.get("/profile"))
        answer = await client.post(path.format(ticket=ticket["ticket_id"]), data={"csrf": csrf})
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "path",
    ["%2e%2e/metrics", "..%2fopenapi.json", "%2e%2e%2fhealth%2fready", "..%5cmetrics", "tickets/%00", "tickets/"],
)
async def test_the_interface_is_all_that_one_reaches(stack: Stack, person: Person, path: str) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        for accept in ("application/json", "text/event-stream"):
            headers = {"Authorization": f"Bearer {person.token}", "Accept": accept}
            answer = await client.get(f"/api/tickets/v1/{path}", headers=headers)
            assert answer.status_code == 404
            assert "location" not in answer.headers


async def test_a_write_stays_a_write_whatever_answer_is_wanted(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        headers = {"Authorization": f"Bearer {person.token}", "Accept": "text/event-stream"}
        answer = await client.patch("/api/identity/v1/me", json={"phone": "+49 40 77"}, headers=headers)
        assert answer.json()["phone"] == "+49 40 77"


async def test_headers_of_any_letters_are_taken(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        client.headers["User-Agent"] = b"Moz\xe9".decode("latin-1")
        client.headers.encoding = "latin-1"
        assert (await sign_in(client, person)).status_code == 303
        assert (await client.get("/api/identity/v1/me", headers=[(b"X-Odd", b"\xe9")])).status_code == 200


async def test_a_form_token_of_any_letters_is_refused(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        refused = await client.patch("/api/identity/v1/me", json={}, headers=[(b"X-CSRF-Token", b"\xe9")])
        assert refused.status_code == 403


@pytest.mark.parametrize("wanted", ["en-..", "en-//", "en-\0\0"])
async def test_a_language_of_no_country_is_read_without_one(stack: Stack, wanted: str) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        asked = {"Accept-Language": wanted}
        assert (await client.get("/sign-in", headers=asked)).status_code == 200
        assert (await client.get("/nowhere", headers=asked)).status_code == 404


@pytest.mark.parametrize("page", ["/tickets", "/devices", "/tickets/new"])
@pytest.mark.parametrize("limit", ["²", "9" * 5_000, "-1", "x"])
async def test_a_size_of_the_page_that_is_none_is_the_usual_one(
    stack: Stack, person: Person, page: str, limit: str
) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        assert (await client.get(page, params={"limit": limit})).status_code == 200
