"""Sign-in, cookies, tokens on the server: a browser holds nothing that opens a service (POR-1)."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.portal.gateway.sessions import Session, Sessions, Tokens, session_id
from tests.service.portal_scene import browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.world import Person, World


@pytest.fixture
async def person(world: World) -> Person:
    return await world.manager(await world.account("DE"), whole=True)


async def _session(app: FastAPI, client: httpx.AsyncClient) -> Session:
    sessions: Sessions = app.state.sessions
    found = await sessions.find(client.cookies["lockstep"])
    assert found is not None
    return found


async def test_a_browser_gets_an_opaque_cookie_and_no_token(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        answer = await sign_in(client, person)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        [cookie] = [c for c in answer.headers.get_list("set-cookie") if c.startswith("lockstep=")]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie
        home = await client.get("/")
        assert home.status_code == 200
        row = await app.state.db["sessions"].find_one({"_id": session_id(client.cookies["lockstep"])})
        stored = str(row)
        session = await _session(app, client)
        for secret in (client.cookies["lockstep"], session.tokens.access, session.tokens.refresh):
            assert secret not in stored
            if secret != client.cookies["lockstep"]:
                assert secret not in home.text


async def test_over_https_the_cookie_is_secure_and_bound_to_the_host(stack: Stack, person: Person) -> None:
    chosen = settings(stack, public_url="https://portal.test")
    async with portal(chosen) as app, browser(app) as client:
        answer = await sign_in(client, person)
        [cookie] = [c for c in answer.headers.get_list("set-cookie") if "__Host-lockstep=" in c]
        assert "Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie
        assert "max-age=" in answer.headers["strict-transport-security"]


async def test_a_wrong_password_keeps_the_address_and_tells_nothing_more(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        wrong = await sign_in(client, person, password="not this one")
        unknown = await sign_in(client, person, email="nobody@nowhere.example")
        assert wrong.status_code == unknown.status_code == 401
        assert f'value="{person.email}"' in wrong.text
        assert "not this one" not in wrong.text
        assert "lockstep" not in client.cookies


async def test_after_sign_in_one_is_where_one_wanted_to_be(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        sent_away = await client.get("/tickets?q=paper")
        assert sent_away.headers["location"] == "/sign-in?next=/tickets%3Fq%3Dpaper"
        answer = await sign_in(client, person, next="/tickets?q=paper")
        assert answer.headers["location"] == "/tickets?q=paper"


async def test_a_form_without_its_token_changes_nothing(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        before = await _session(app, client)
        answer = await client.post("/sign-out", data={"csrf": "made up"})
        assert answer.status_code == 403
        assert (await _session(app, client)).id == before.id


async def test_signing_out_ends_the_session_here_and_at_identity(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        session = await _session(app, client)
        page = await client.get("/")
        answer = await client.post("/sign-out", data={"csrf": csrf_of(page)})
        assert answer.headers["location"] == "/sign-in"
        assert (await client.get("/")).status_code == 303
        async with await stack.client("identity") as identity:
            again = await identity.post("/v1/sessions/refresh", json={"refresh_token": session.tokens.refresh})
        assert again.status_code == 401


async def _expire(app: FastAPI, session: Session) -> None:
    sessions: Sessions = app.state.sessions
    old = Tokens(access=session.tokens.access, refresh=session.tokens.refresh, expires_at=time.time() - 1)
    await sessions.store_tokens(session, old)


async def test_many_requests_at_once_refresh_the_token_once(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        before = await _session(app, client)
        await _expire(app, before)
        answers = await asyncio.gather(*(client.get("/profile") for _ in range(8)))
        assert {answer.status_code for answer in answers} == {200}
        after = await _session(app, client)
        assert after.tokens.refresh != before.tokens.refresh
        assert (await client.get("/profile")).status_code == 200


async def test_a_refused_token_is_refreshed_and_the_request_repeated(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        session = await _session(app, client)
        spoilt = Tokens(access="spoilt", refresh=session.tokens.refresh, expires_at=time.time() + 300)
        await app.state.sessions.store_tokens(session, spoilt)
        assert (await client.get("/profile")).status_code == 200


async def test_a_session_ended_elsewhere_leads_to_the_sign_in(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        session = await _session(app, client)
        async with await stack.client("identity") as identity:
            await identity.post("/v1/sessions/sign-out", json={"refresh_token": session.tokens.refresh})
        await _expire(app, session)
        answer = await client.get("/devices")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?ended=1&next=/devices")


async def test_the_language_of_a_visitor_is_kept_and_that_of_a_person_is_his_profile_s(
    stack: Stack, person: Person
) -> None:
    async with portal(settings(stack)) as app, browser(app, headers={"Accept-Language": "de"}) as client:
        page = await client.get("/sign-in")
        assert 'lang="de"' in page.text
        await client.post("/language", data={"csrf": csrf_of(page), "language": "fi", "next": "/sign-in"})
        assert 'html lang="fi"' in (await client.get("/sign-in")).text
        await sign_in(client, person)
        home = await client.get("/")
        assert 'html lang="de"' in home.text
        await client.post("/language", data={"csrf": csrf_of(home), "language": "it", "next": "/"})
        assert 'html lang="it"' in (await client.get("/")).text


async def test_the_profile_is_changed_and_errors_stand_at_their_field(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        page = await client.get("/profile")
        form: dict[str, Any] = {"csrf": csrf_of(page), "first_name": "", "last_name": "Niemi", "phone": "+358 9 1"}
        wrong = await client.post("/profile", data=form)
        assert wrong.status_code == 422
        assert 'id="first_name-error"' in wrong.text and 'value="Niemi"' in wrong.text
        form |= {"first_name": "Aino", "language": "en", "time_zone": "Europe/Madrid"}
        saved = await client.post("/profile", data=form)
        assert saved.headers["location"] == "/profile?saved=1"
        shown = await client.get("/profile?saved=1")
        assert 'html lang="en"' in shown.text and "Aino" in shown.text
        assert '<option value="Europe/Madrid" selected' in shown.text
