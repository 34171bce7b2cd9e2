"""A page of before meets what is now: nothing is decided on what was never seen, and nothing typed is lost."""

import re
from datetime import timedelta
from html import unescape

import httpx
import pytest

from shared.contracts.inbound import DispatchVisitCancelled, DispatchVisitMoved, DispatchVisitPlanned
from tests.service.portal_scene import browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.visits import message, window
from tests.support.waiting import eventually
from tests.support.world import Device, Person, World

WINDOW = re.compile(r'name="window_from" value="([^"]+)"')
SEEN = re.compile(r'name="seen_status" value="([^"]+)"')
ASKS = "Does this time suit you?"


@pytest.fixture
async def device(world: World) -> Device:
    return await world.device(await world.account("DE"))


@pytest.fixture
async def person(world: World, device: Device) -> Person:
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    return await world.person("DE", rights=[right], language="en")


async def until(client: httpx.AsyncClient, path: str, words: str) -> httpx.Response:
    async def shown() -> httpx.Response | None:
        page = await client.get(path)
        return page if words in unescape(page.text) else None

    return await eventually(shown, within=30, what=f"{words!r} on {path}")


async def test_an_answer_is_to_the_window_that_was_seen(
    stack: Stack, world: World, person: Person, device: Device
) -> None:
    ticket = await world.open_ticket(person, device)
    path, order = f"/tickets/{ticket['ticket_id']}", str(ticket["work_order_id"])
    planned = message(DispatchVisitPlanned, order, 1, **window(hours=20))
    moved = message(DispatchVisitMoved, order, 2, visit_id=planned.visit_id, **window(hours=70))
    reply = f"{path}/visits/{planned.visit_id}/reply"
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        await stack.wire("dispatch").send(planned, order)
        old = await until(client, path, ASKS)
        [seen, *_] = WINDOW.findall(unescape(old.text))
        await stack.wire("dispatch").send(moved, order)
        new_window = moved.window_from.isoformat()
        await until(client, path, new_window)

        asked_again = await client.post(
            reply, data={"csrf": csrf_of(old), "window_from": seen, "reply": "confirmed", "idempotency_key": "k1"}
        )
        assert asked_again.status_code == 422
        assert "Meanwhile the visit was moved to" in asked_again.text and ASKS in asked_again.text
        wish = {"window_from": seen, "reply": "other_window_wanted", "text": "Only <before> ten"}
        kept = await client.post(reply, data={"csrf": csrf_of(old), "idempotency_key": "k2"} | wish)
        assert kept.status_code == 422 and "Only &lt;before&gt; ten" in kept.text

        [now, *_] = WINDOW.findall(unescape(asked_again.text))
        taken = await client.post(reply, data={"csrf": csrf_of(old), "window_from": now, "reply": "confirmed"})
        assert taken.status_code == 303
        assert "You confirmed this time." in (await client.get(path)).text

        cancelled = message(DispatchVisitCancelled, order, 3, visit_id=planned.visit_id)
        await stack.wire("dispatch").send(cancelled, order)
        await eventually(lambda: _gone(client, path))
        late = await client.post(reply, data={"csrf": csrf_of(old), "window_from": now, "reply": "confirmed"})
        assert late.status_code == 422 and "no longer takes place" in late.text
        assert "cannot be answered" not in late.text, "no inner words"


async def _gone(client: httpx.AsyncClient, path: str) -> bool:
    return "You confirmed this time." not in (await client.get(path)).text


async def test_a_withdrawal_is_of_the_state_that_was_seen(
    stack: Stack, world: World, person: Person, device: Device
) -> None:
    ticket = await world.open_ticket(person, device)
    path, order = f"/tickets/{ticket['ticket_id']}", str(ticket["work_order_id"])
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        old = await client.get(path)
        [seen] = SEEN.findall(old.text)
        planned = message(DispatchVisitPlanned, order, 1, **window(hours=20))
        await stack.wire("dispatch").send(planned, order)
        await until(client, path, ASKS)
        asked_again = await client.post(f"{path}/cancel", data={"csrf": csrf_of(old), "seen_status": seen})
        assert asked_again.status_code == 422
        assert "Meanwhile the request has moved on (now: visit planned)." in asked_again.text
        assert "nobody comes" in asked_again.text, "he can decide again"
        parts = (await client.get(f"{path}/live")).text
        [now] = SEEN.findall(parts)
        assert [now] == SEEN.findall(asked_again.text) and now != seen, "an open page follows"
        done = await client.post(f"{path}/cancel", data={"csrf": csrf_of(old), "seen_status": now})
        assert done.status_code == 303
        odd = await client.post(f"{path}/cancel", data={"csrf": csrf_of(old), "seen_status": "\u202e"})
        assert odd.status_code == 422


async def test_a_reply_that_comes_too_late_goes_on_into_a_new_report(
    stack: Stack, world: World, person: Person, device: Device
) -> None:
    ticket = await world.open_ticket(person, device)
    path = f"/tickets/{ticket['ticket_id']}"
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        old = await client.get(path)
        await client.post(f"{path}/cancel", data={"csrf": csrf_of(old)})
        late = await client.post(f"{path}/reply", data={"csrf": csrf_of(old), "text": "It is <back>"})
        assert late.status_code == 422
        assert "Meanwhile the request has moved on (now: cancelled)" in late.text
        assert late.text.count("It is &lt;back&gt;") == 2, "shown, and in the form that takes it along"
        form = dict(re.findall(r'name="(draft|device_id|description)" value="([^"]*)"', late.text))
        draft = await client.post(
            "/tickets/new", data={"csrf": csrf_of(late)} | {k: unescape(v) for k, v in form.items()}
        )
        assert draft.status_code == 200
        assert f"After {ticket['number']}: It is &lt;back&gt;</textarea>" in draft.text
        assert "Report it again for this device" in (await client.get(path)).text


async def test_a_window_over_days_is_said_with_both(stack: Stack, world: World, person: Person, device: Device) -> None:
    ticket = await world.open_ticket(person, device)
    order = str(ticket["work_order_id"])
    times = window(hours=24 * 40)
    long = times | {"window_to": times["window_from"] + timedelta(days=2)}
    await stack.wire("dispatch").send(message(DispatchVisitPlanned, order, 1, **long), order)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        page = await until(client, f"/tickets/{ticket['ticket_id']}", "An engineer is coming")
        found = re.search(r"An engineer is coming (\S+, \d+ \S+) .*? – (\S+, \d+ \S+) ", unescape(page.text))
        assert found and found[1] != found[2]
        assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("/devices?sort=old_name", "/devices"),
        ("/devices?sort=old_name&status=installed", "/devices?status=installed"),
        ("/tickets?cursor=cut", "/tickets"),
        (f"/tickets?q={'x' * 350}", f"/tickets?q={'x' * 100}"),
        (f"/devices?q={'y' * 350}", f"/devices?q={'y' * 100}"),
    ],
)
async def test_a_list_leaves_out_what_it_cannot_read(stack: Stack, person: Person, asked: str, shown: str) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        answer = await client.get(asked)
        assert (answer.status_code, answer.headers.get("location")) == (303, shown)
        assert (await client.get(shown)).status_code == 200


async def test_signs_find_nothing_instead_of_everything(stack: Stack, person: Person, device: Device) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        await until(client, "/devices", device.serial)
        for typed in ("Київ", "東京", "---"):
            assert "No results" in (await client.get("/devices", params={"q": typed})).text, typed
        labels = (
            "Seriennummer:",
            "Sarjanumero:",
            "N. di serie:",
            "N° de série :",
            "Matricola",
            "S/N:",
            "Número de serie:",
        )
        for label in labels:
            assert device.serial in (await client.get("/devices", params={"q": f"{label} {device.serial}"})).text, label


async def test_the_first_page_after_signing_in_is_in_the_reader_s_language_also_for_an_error(
    stack: Stack, world: World
) -> None:
    finn = await world.manager(await world.account("FI"), whole=True)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, finn)
        page = await client.get("/tickets/%00")
        assert page.status_code == 404 and '<html lang="fi"' in page.text


async def test_signing_out_clears_what_the_browser_kept(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        home = await client.get("/")
        assert f'data-person="{person.user_id}"' in home.text
        answer = await client.post("/sign-out", data={"csrf": csrf_of(home)})
        assert answer.headers["clear-site-data"] == '"storage"'


async def test_a_number_is_taken_tidied_or_refused_in_words(stack: Stack, person: Person) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        page = await client.get("/profile")
        form = {"csrf": csrf_of(page), "first_name": "Anna", "last_name": "Muster"}
        taken = await client.post("/profile", data=form | {"phone": "\u202a+358\u00a040 123\u20114567\u202c ext 78"})
        assert taken.status_code == 303
        assert "+358 40 123-4567 ext. 78" in (await client.get("/profile")).text
        refused = await client.post("/profile", data=form | {"phone": "call me"})
        assert refused.status_code == 422
        assert "such as +358 40 123 4567" in refused.text and "pattern" not in refused.text


async def test_the_list_can_be_had_as_a_spreadsheet(stack: Stack, person: Person, device: Device) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        page = await until(client, "/devices", device.serial)
        [link] = re.findall(r'href="([^"]+)" download', page.text)
        table = await client.get(unescape(link))
        assert table.content.startswith(b"\xef\xbb\xbf") and device.serial in table.text
