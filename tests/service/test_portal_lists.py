"""Lists as people use them: menus, chips, pages both ways, the download of the view, and views under a name."""

import csv
import io
import re
from html import unescape

import httpx

from services.portal.pages.components.saved_views import MOST
from tests.service.portal_scene import browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.world import World


def links(page: str) -> list[str]:
    return [unescape(href) for href in re.findall(r'href="([^"]+)"', page)]


async def keep(client: httpx.AsyncClient, name: str, query: str, path: str = "/devices") -> httpx.Response:
    form = {"csrf": csrf_of(await client.get("/profile")), "path": path, "name": name, "query": query}
    return await client.post("/views", data=form)


async def test_a_list_is_narrowed_paged_and_downloaded_as_it_is_seen(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    devices = [await world.device(account) for _ in range(3)]
    right = {"account_id": account.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    gone = await world.open_ticket(person, devices[0])
    stays = await world.open_ticket(person, devices[1])
    async with await world.api("tickets", person) as own:
        assert (await own.post(f"/v1/tickets/{gone['ticket_id']}/cancel", json={})).status_code == 200
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        first = (await client.get("/devices?limit=1")).text
        assert "3 devices" in first and "Previous page" not in first
        (following,) = (href for href in links(first) if "cursor=" in href)
        second = (await client.get(following + "&limit=1")).text
        before = next(href for href in links(second) if "cursor=" in href)
        assert "Previous page" in second
        back = (await client.get(before)).text
        assert [href for href in links(back) if "/devices/" in href] == [
            href for href in links(first) if "/devices/" in href
        ]
        assert (await client.get("/devices?cursor=nonsense")).status_code in (200, 303)

        listed = (await client.get("/tickets?q=%20")).text
        assert stays["number"] in listed and gone["number"] not in listed
        download = next(href for href in links(listed) if "export.csv" in href)
        sheet = await client.get(download)
        assert sheet.status_code == 200
        rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
        assert [row["number"] for row in rows] == [stays["number"]]
        closed = (await client.get("/tickets?state=all&status=cancelled")).text
        assert gone["number"] in closed and "Cancelled" in closed and "remove this filter" in closed


async def test_a_view_is_kept_under_a_name_for_its_owner_alone(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    await world.device(account)
    right = {"account_id": account.account_id, "role": "device_manager", "whole": True}
    person, colleague = [await world.person("DE", rights=[right], language="en") for _ in range(2)]
    query = "status=installed&sort=-serial&$where=1&cursor=abc&next=//evil.example"
    async with portal(settings(stack)) as app, browser(app) as client, browser(app) as other:
        await sign_in(client, person)
        await sign_in(other, colleague)
        kept = await keep(client, "  Montag <b>\u202e früh ", query)
        assert kept.status_code == 303 and kept.headers["location"].startswith("/devices?")
        page = (await client.get("/devices")).text
        assert "Montag &lt;b&gt; früh" in page and "<b>" not in page
        view = next(href for href in links(page) if "sort=-serial" in href and "status=installed" in href)
        assert view == "/devices?status=installed&sort=-serial", "only what the list knows is kept"
        assert 'aria-current="true"' in (await client.get(view)).text
        assert "Montag" not in (await client.get("/tickets")).text

        assert "Montag" not in (await other.get("/devices")).text
        form = {"csrf": csrf_of(await other.get("/devices")), "path": "/devices", "name": "Montag <b> früh"}
        assert (await other.post("/views/remove", data=form)).status_code == 303
        assert "Montag" in (await client.get("/devices")).text, "nobody else can take it away"

        assert (await keep(client, "MONTAG <B> FRÜH", "status=removed")).status_code == 303
        page = (await client.get("/devices")).text
        assert page.count("früh") + page.count("FRÜH") == 3, "one view, with its link, its form and its label"
        form = {"csrf": csrf_of(await client.get("/devices")), "path": "/devices", "name": "montag <b> früh"}
        removed = await client.post("/views/remove", data=form)
        without = await client.get(removed.headers["location"])
        assert "The view MONTAG &lt;B&gt; FRÜH is removed." in without.text
        assert "FRÜH" not in (await client.get("/devices")).text
        again = await client.post("/views/remove", data=form)
        assert (again.status_code, again.headers["location"]) == (303, "/devices"), "twice is once"
        undo = {"csrf": csrf_of(without), "path": "/devices", "name": "MONTAG <B> FRÜH", "query": "status=removed"}
        assert 'name="query" value="status=removed"' in without.text
        assert (await client.post("/views", data=undo)).status_code == 303
        assert "FRÜH" in (await client.get("/devices")).text


async def test_a_view_without_a_name_and_one_too_many_are_refused_in_words(stack: Stack, world: World) -> None:
    person = await world.person("DE", language="en", rights=[await whole_account(world)])
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        for name in ("", "\u200b\u200b", "   "):
            answer = await keep(client, name, "status=installed")
            page = (await client.get(answer.headers["location"])).text
            assert "Please give the view a name." in page and 'aria-invalid="true"' in page
        for number in range(MOST - 1):
            assert "kept=" not in (await keep(client, f"View {number}", "")).headers["location"]
        many = await keep(
            client, "Many", "&".join(f"a{number}={number}" for number in range(200)) + "&status=installed"
        )
        assert many.status_code == 303 and "kept=" not in many.headers["location"]
        full = await keep(client, "One more", "status=installed")
        assert "Please remove one first." in (await client.get(full.headers["location"])).text
        assert "kept=" not in (await keep(client, "View 3", "status=installed")).headers["location"], "replaced"
        assert "kept=" not in (await keep(client, "x" * 4_000, "", "/tickets")).headers["location"]
        assert "x" * 60 + "<" in (await client.get("/tickets")).text
        elsewhere = await keep(client, "x", "a=" + "b" * 9_000, "https://evil.example/")
        assert elsewhere.headers["location"].startswith("/tickets")
        unsigned = await client.post("/views", data={"path": "/devices", "name": "x", "query": ""})
        assert unsigned.status_code == 403


async def whole_account(world: World) -> dict[str, object]:
    account = await world.account("DE")
    return {"account_id": account.account_id, "role": "device_manager", "whole": True}
