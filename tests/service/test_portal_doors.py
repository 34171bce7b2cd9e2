"""The front door against foreign pages, old tabs, forged addresses and too many streams."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.portal.settings import Rates, StreamLimits
from tests.service.portal_scene import browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import Account, Device, Person, World


@pytest.fixture
async def account(world: World) -> Account:
    return await world.account("DE")


@pytest.fixture
async def person(world: World, account: Account) -> Person:
    return await world.manager(account, whole=True)


@pytest.fixture
async def device(world: World, account: Account) -> Device:
    return await world.device(account)


def signed_in(client: httpx.AsyncClient) -> bool:
    return "lockstep" in client.cookies


async def test_a_foreign_page_signs_nobody_in(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as attacker, browser(app) as victim:
        errors = [await attacker.get("/no-such-page") for _ in range(2)]
        attacker.cookies.clear()
        fresh = await attacker.get("/no-such-page")
        tokens = {csrf_of(page) for page in [*errors, fresh]}
        assert len(tokens) == 2, "the token is bound to the visitor's cookie"
        for token in [*tokens, ""]:
            form = {"csrf": token, "email": person.email, "password": person.password}
            answer = await victim.post("/sign-in", data=form)
            assert answer.status_code == 403 and not signed_in(victim)
            victim.cookies.clear()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://portal.test.evil.example"}, 403),
        ({"Origin": "http://portal.test"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://portal.test"}, 303),
        ({}, 303),
    ],
)
async def test_what_a_page_of_another_site_sends_is_not_carried_out(
    stack: Stack, person: Person, headers: dict[str, str], status: int
) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        form = {"csrf": csrf_of(await client.get("/sign-in")), "email": person.email, "password": person.password}
        answer = await client.post("/sign-in", data=form, headers=headers)
        assert answer.status_code == status
        assert signed_in(client) is (status == 303)


async def test_a_sign_in_page_from_yesterday_asks_once_more_and_keeps_the_address(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        form = {"csrf": csrf_of(await client.get("/sign-in")), "email": person.email, "password": person.password}
        client.cookies.clear()
        again = await client.post("/sign-in", data=form)
        assert again.status_code == 403
        assert f'value="{person.email}"' in again.text and person.password not in again.text
        answer = await client.post("/sign-in", data=form | {"csrf": csrf_of(again)})
        assert answer.status_code == 303 and signed_in(client)


async def test_signing_in_or_out_in_a_second_tab_goes_on(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        other_tab = csrf_of(await client.get("/sign-in?next=/devices"))
        await sign_in(client, person)
        form = {"csrf": other_tab, "email": person.email, "password": person.password, "next": "/devices"}
        assert (await client.post("/sign-in", data=form)).headers["location"] == "/devices"
        token = csrf_of(await client.get("/"))
        assert (await client.post("/sign-out", data={"csrf": token})).headers["location"] == "/sign-in"
        assert (await client.post("/sign-out", data={"csrf": token})).headers["location"] == "/sign-in"


async def test_a_form_from_before_is_offered_again_with_what_was_typed(
    stack: Stack, person: Person, device: Device
) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        old = csrf_of(await client.get(f"/tickets/new?device_id={device.device_id}"))
        client.cookies.clear()
        await sign_in(client, person)
        form = {"csrf": old, "device_id": device.device_id, "description": "Paper <jam> & noise", "impact": "down"}
        again = await client.post("/tickets/new", data=form)
        assert again.status_code == 403
        assert "Paper &lt;jam&gt; &amp; noise" in again.text
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', again.text))
        assert fields["impact"] == "down" and fields["device_id"] == device.device_id
        sent = await client.post("/tickets/new", data=form | {"csrf": fields["csrf"]})
        assert sent.status_code == 303 and sent.headers["location"].startswith("/tickets/")


async def test_a_password_is_taken_as_it_is_typed(stack: Stack, person: Person) -> None:
    spaced = " with a space at both ends "
    async with await stack.client("identity", person.token) as identity:
        change = {"current_password": person.password, "new_password": spaced}
        assert (await identity.post("/v1/me/password", json=change)).status_code == 204
    async with portal(settings(stack)) as app, browser(app) as client:
        assert (await sign_in(client, person, password=spaced.strip())).status_code == 401
        assert (await sign_in(client, person, password=spaced)).status_code == 303


async def test_a_session_ended_from_another_browser_is_out_at_once(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as here, browser(app) as there:
        await sign_in(here, person)
        await sign_in(there, person)
        session = await app.state.sessions.find(there.cookies["lockstep"])
        path = f"/profile/sessions/{session.identity_session_id}/end"
        await here.post(path, data={"csrf": csrf_of(await here.get("/profile"))})
        assert (await there.get("/devices")).headers["location"].startswith("/sign-in")
        assert (await here.get("/devices")).status_code == 200


async def test_limits_are_counted_by_what_a_client_cannot_choose(stack: Stack, person: Person) -> None:
    few = {"rates": Rates(address=20, sign_in=10)}
    async with portal(settings(stack, more=few)) as app, browser(app) as client:
        statuses = [
            (await client.get("/api/identity/v1/keys", headers={"Authorization": f"Bearer {n}"})).status_code
            for n in range(25)
        ]
        assert statuses.count(429) == 5
    async with portal(settings(stack, more=few)) as app, browser(app) as client:
        tries = [
            await client.post(
                "/api/identity/v1/s%65ssions" if n % 2 else "/api/identity/v1/sessions",
                json={"email": f"nobody-{n}@nowhere.example", "password": "wrong"},
                headers={"Authorization": f"Bearer {n}", "X-Forwarded-For": f"192.0.2.{n}"},
            )
            for n in range(12)
        ]
        assert [answer.status_code for answer in tries].count(429) == 2


@contextlib.asynccontextmanager
async def open_stream(app: FastAPI, cookie: str, path: str = "/live") -> AsyncIterator[dict[str, Any]]:
    """A stream asked for as a server asks the application; what began it is in the value."""
    begun: dict[str, Any] = {}
    gone = asyncio.Event()
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        if (request := next(asked, None)) is not None:
            return request
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            begun["status"] = message["status"]

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"cookie", f"lockstep={cookie}".encode()), (b"host", b"portal.test")],
        "client": ("127.0.0.1", 1),
        "server": ("portal.test", 80),
    }
    running = asyncio.create_task(app(scope, receive, send))
    try:
        await eventually(lambda: _is("status" in begun))
        yield begun
    finally:
        gone.set()
        await asyncio.wait_for(running, 5)


async def test_open_streams_are_bounded_and_touch_nothing_else(
    stack: Stack, person: Person, account: Account, world: World
) -> None:
    limits = {"streams": StreamLimits(session=3, all_together=5)}
    other = await world.manager(account, whole=True)
    async with portal(settings(stack, more=limits)) as app, browser(app) as client, browser(app) as second:
        await sign_in(client, person)
        await sign_in(second, other)
        async with contextlib.AsyncExitStack() as streams:
            ways = ("/live", "/api/tickets/v1/stream", "/live", "/api/tickets/v1/stream")  # whatever answer is wanted
            cookie = client.cookies["lockstep"]
            mine = [await streams.enter_async_context(open_stream(app, cookie, way)) for way in ways]
            assert [one["status"] for one in mine] == [200, 200, 200, 429]
            his = [await streams.enter_async_context(open_stream(app, second.cookies["lockstep"])) for _ in range(3)]
            assert [one["status"] for one in his] == [200, 200, 429]
            assert (await client.get("/tickets")).status_code == 200
        assert len(app.state.streams) == 0
        async with open_stream(app, client.cookies["lockstep"]) as again:
            assert again["status"] == 200


@pytest.mark.parametrize("path", ["/", "/contact", "/health/live", "/assets/mark.svg", "/sign-in", "/live"])
async def test_head_is_answered_like_get_without_a_body(stack: Stack, person: Person, path: str) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        answer = await asyncio.wait_for(client.head(path), 10)
        assert answer.content == b""
        assert answer.status_code == (303 if path == "/sign-in" else 200)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/api/identity/v2/keys", 404, None),
        ("GET", "/api/nobody/v1/keys", 404, None),
        ("POST", "/health/live", 405, "GET, HEAD"),
        ("PUT", "/sign-in", 405, "GET, HEAD, POST"),
        ("DELETE", "/api/identity/v1/keys", 405, "GET, HEAD"),
        ("PUT", "/api/identity/v1/me", 405, "GET, HEAD, PATCH"),
        ("GET", "/metrics", 404, None),
    ],
)
async def test_what_is_not_there_and_what_is_not_allowed_are_told_apart(
    stack: Stack, method: str, path: str, status: int, allow: str | None
) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        answer = await client.request(method, path)
        assert (answer.status_code, answer.headers.get("allow")) == (status, allow)


async def test_metrics_are_read_at_a_port_of_their_own(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    async with portal(settings(stack, more={"metrics_address": address})), httpx.AsyncClient() as client:
        assert "python_info" in (await client.get(f"http://{address}/metrics")).text


async def _is(value: bool) -> bool:
    return value
