"""The operators' page: who sees it, what it says when something is wrong, and handling a parked record again."""

import re
import uuid
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx
import pytest

from shared.contracts.inbound import ContactCentreTicketOpened
from tests.service.portal_scene import NOWHERE, browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import Device, Person, World

SECRETS = ("ylermi", "markedson", "marked.person", "customer.example", "765 4321")


def marked(device: Device, **changes: object) -> ContactCentreTicketOpened:
    """A call that the contact centre wrote down with everything that names the caller."""
    return ContactCentreTicketOpened.model_validate(
        {
            "case_id": f"Ylermi Markedson {uuid.uuid4().hex[:8]}",
            "serial": f"SN{device.ref.replace('-', '').upper()}",
            "description": "Ylermi Markedson, +358 40 765 4321, cannot print",
            "own_reference": "marked.person@customer.example",
            "occurred_at": datetime.now(UTC),
            **changes,
        }
    )


def parked_cards(page: str) -> list[str]:
    return [card for card in page.split('<li class="card parked">')[1:] if "tickets.contact-centre" in card]


def button_of(card: str) -> dict[str, str]:
    return dict(re.findall(r'name="(service|id)" value="([^"]+)"', card))


async def operator(world: World, role: str = "operator") -> Person:
    return await world.person("DE", staff_roles=[role], language="en")


async def test_an_operator_is_led_from_home_to_how_everything_runs(stack: Stack, world: World) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        answer = await sign_in(client, await operator(world))
        assert (await client.get(answer.headers["location"])).headers["location"] == "/operations"
        page = (await client.get("/operations")).text
        for name in ("Identity", "Catalog", "Tickets", "Notifier"):
            assert f"<h3>{name}</h3>" in page
        assert "Does not answer" not in page
        assert "tickets.dispatch" in page and "Visit planning" in page and "Mails that wait to leave" in page
        assert 'href="/operations"' in page and 'href="/tickets"' not in page


async def test_a_service_administrator_finds_it_beside_the_desk(stack: Stack, world: World) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, await operator(world, "service_admin"))
        assert 'href="/operations"' in (await client.get("/desk")).text
        assert (await client.get("/operations")).status_code == 200


@pytest.mark.parametrize("staff", [True, False])
async def test_nobody_else_does(stack: Stack, world: World, staff: bool) -> None:
    person = await world.agent() if staff else await world.manager(await world.account("DE"), whole=True)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        home = await client.get("/desk" if staff else "/")
        assert home.status_code == 200 and "/operations" not in home.text
        for path in ("/operations", "/operations/runbook"):
            assert (await client.get(path)).status_code == 403
        form = {"csrf": csrf_of(home), "service": "tickets", "id": "x"}
        assert (await client.post("/operations/parked/requeue", data=form)).status_code == 403


async def test_a_service_that_is_away_is_shown_so_and_the_others_stand(stack: Stack, world: World) -> None:
    async with portal(settings(stack, catalog=NOWHERE)) as app, browser(app) as client:
        await sign_in(client, await operator(world))
        page = unescape((await client.get("/operations")).text)
        assert "Catalog does not answer" in page and "#a-service-does-not-answer" in page
        assert "tickets.dispatch" in page and "catalog.back-office" not in page
        assert page.count("Does not answer") == 1 and "tone-late" in page.split("</h1>")[0]


async def test_with_all_services_away_but_the_one_that_knows_him_the_page_still_comes(
    stack: Stack, world: World
) -> None:
    away = dict.fromkeys(("catalog", "tickets", "notifier"), NOWHERE)
    async with portal(settings(stack, **away)) as app, browser(app) as client:
        await sign_in(client, await operator(world))
        page = await client.get("/operations")
        assert page.status_code == 200 and page.text.count("Does not answer") == 3
        assert page.text.count("The service that knows does not answer.") == 2


async def test_a_parked_record_is_seen_without_the_caller_handled_again_and_gone(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    device = await world.device(account)
    right = {"account_id": account.account_id, "role": "device_manager", "whole": False}
    caller = await world.person("DE", rights=[right])
    call = marked(device, on_behalf_of=caller.user_id)
    await stack.wire("contact-centre").send(call, call.case_id)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, await operator(world))

        async def seen() -> str | None:
            page = (await client.get("/operations")).text
            for secret in SECRETS:
                assert secret not in page.casefold(), secret
            return next((card for card in parked_cards(page) if "must be an active user" in card), None)

        card = await eventually(seen, what="the call among the parked")
        assert "contact-centre.ticket.opened.v1" in card and "tried once" in card
        csrf = csrf_of(await client.get("/operations"))
        form = {"csrf": csrf, **button_of(card)}

        async def press() -> str:
            answer = await client.post("/operations/parked/requeue", data=form)
            assert answer.status_code == 303, answer.text
            page = unescape((await client.get(answer.headers["location"])).text)
            assert not any(secret in page.casefold() for secret in SECRETS)
            return page

        again = await press()
        assert "It failed again; the reason below is the new one." in again and "tried 2 times" in again

        await _let_see(world, caller, device)
        done = await press()
        assert "One record was carried out." in done
        assert form["id"] not in done
        assert "Nothing is parked there any more" in await press()
        async with await world.api("tickets", caller) as tickets:
            found = (await tickets.get("/v1/tickets")).json()["items"]
            assert [ticket["own_reference"] for ticket in found] == [call.own_reference]


async def _let_see(world: World, person: Person, device: Device) -> None:
    async with await world.api("catalog") as catalog, await world.api("tickets", person) as tickets:
        body = {"devices": [device.device_id], "groups": []}
        assert (await catalog.put(f"/v1/grants/{person.user_id}", json=body)).status_code == 200

        async def sees() -> bool:
            return (await tickets.get(f"/v1/devices/{device.device_id}/outlook")).status_code == 200

        await eventually(sees)


async def test_the_answers_of_the_service_hold_nothing_of_the_caller_either(stack: Stack, world: World) -> None:
    device = await world.device(await world.account("DE"))
    call = marked(device, serial="Ylermi Markedson")
    await stack.wire("contact-centre").send(call, call.case_id)
    async with await world.api("tickets", await operator(world)) as tickets:

        async def told() -> str | None:
            answer = await tickets.get("/v1/operations")
            assert answer.status_code == 200, answer.text
            return answer.text if "serial: no device […] is known" in answer.text else None

        text = await eventually(told)
        assert not any(secret in text.casefold() for secret in SECRETS)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"service": "tickets", "id": "no/such/record/0"}, 303),
        ({"service": "tickets", "id": ""}, 303),
        ({"service": "tickets", "id": "x" * 5_000}, 303),
        ({"service": "portal", "id": "x"}, 404),
        ({"service": "../identity", "id": "x"}, 404),
        ({}, 404),
    ],
)
async def test_a_button_from_an_old_page_says_that_nothing_is_there(
    stack: Stack, world: World, form: dict[str, str], status: int
) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, await operator(world))
        csrf = csrf_of(await client.get("/operations"))
        answer = await client.post("/operations/parked/requeue", data={"csrf": csrf, **form})
        assert answer.status_code == status
        if status == 303:
            page = (await client.get(answer.headers["location"])).text
            assert "Nothing is parked there any more" in page


@pytest.mark.parametrize(
    "query", ["outcome=nonsense&count=1", "outcome=done&count=-1", "outcome=done&count=" + "9" * 50]
)
async def test_an_outcome_that_nobody_told_is_no_error(stack: Stack, world: World, query: str) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, await operator(world))
        assert (await client.get(f"/operations?{query}")).status_code == 200


async def test_the_runbook_is_there_with_a_place_for_each_thing_that_can_be_wrong(stack: Stack, world: World) -> None:
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, await operator(world))
        page = await client.get("/operations/runbook")
        assert page.status_code == 200 and 'id="records-are-parked"' in page.text


async def test_without_the_file_the_runbook_is_not_found(stack: Stack, world: World) -> None:
    chosen = settings(stack).model_copy(update={"runbook_file": Path("/nowhere/operations.md")})
    async with portal(chosen) as app, browser(app) as client:
        await sign_in(client, await operator(world))
        page: httpx.Response = await client.get("/operations/runbook")
        assert page.status_code == 404
