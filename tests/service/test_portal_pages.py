"""The pages over the real services, by a browser without JavaScript."""

from datetime import UTC, datetime, timedelta
from html import unescape

from services.portal.pages.tickets.routes import LINES
from shared.contracts.inbound import DispatchVisitPlanned
from shared.contracts.tickets import ENTRY_LIMIT
from tests.service.portal_scene import browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.visits import message, window
from tests.support.waiting import eventually
from tests.support.world import World


async def test_a_fault_is_reported_from_the_device_to_the_promise(stack: Stack, world: World) -> None:
    device = await world.device(await world.account("DE"))
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        listed = await client.get("/devices", params={"q": device.serial})
        assert f"/devices/{device.device_id}" in listed.text
        sound = await client.get(f"/devices/{device.device_id}")
        assert "All right" in sound.text
        form_page = await client.get(f"/tickets/new?device_id={device.device_id}")
        assert "Engineer by" in form_page.text
        empty = await client.post(
            "/tickets/new",
            data={"csrf": csrf_of(form_page), "device_id": device.device_id, "own_reference": "HD-1", "impact": "down"},
        )
        assert empty.status_code == 422
        assert 'href="#description"' in empty.text and 'value="HD-1"' in empty.text
        form = {"csrf": csrf_of(form_page), "device_id": device.device_id, "description": "Streaks"}
        assert " checked" not in form_page.text, "nobody chooses for him"
        assert "A question is answered by" in form_page.text
        typed = {**form, "impact": "question", "own_reference": "HD-7", "switch": "1"}
        switched = await client.post("/tickets/new", data=typed)
        assert switched.status_code == 200 and "What you wrote is kept and comes along." in switched.text
        assert 'name="own_reference" value="HD-7"' in switched.text
        found = await client.post("/tickets/new", data={**typed, "q": device.serial})
        assert f'value="{device.device_id}"' in found.text and 'value="Streaks"' in found.text
        back = await client.post("/tickets/new", data={**typed, "switch": "", "draft": "1"})
        assert "Streaks</textarea>" in back.text and 'value="HD-7"' in back.text
        unchosen = await client.post("/tickets/new", data=form)
        assert unchosen.status_code == 422
        assert "Please choose how bad it is." in unchosen.text and 'href="#impact"' in unchosen.text
        opened = await client.post(
            "/tickets/new",
            data={
                "csrf": csrf_of(form_page),
                "device_id": device.device_id,
                "description": "Streaks",
                "impact": "down",
            },
        )
        ticket = await client.get(opened.headers["location"])
        assert "We have received your request" in ticket.text
        assert "An engineer will be with you by" in ticket.text
        offered = await client.get(f"/tickets/new?device_id={device.device_id}")
        assert "There is already an open request" in offered.text
        refused = await client.post(
            "/tickets/new",
            data={"csrf": csrf_of(offered), "device_id": device.device_id, "description": "Noise", "impact": "down"},
        )
        assert refused.status_code == 409 and "Noise" in refused.text
        other = await client.post(
            "/tickets/new",
            data={
                "csrf": csrf_of(offered),
                "device_id": device.device_id,
                "description": "Noise",
                "impact": "down",
                "another": "1",
            },
        )
        assert other.status_code == 303


async def test_a_visit_is_confirmed_and_a_reply_is_written(stack: Stack, world: World) -> None:
    device = await world.device(await world.account("DE"))
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    ticket = await world.open_ticket(person, device)
    path, order = f"/tickets/{ticket['ticket_id']}", str(ticket["work_order_id"])
    planned = message(DispatchVisitPlanned, order, 1, **window(hours=20))
    await stack.wire("dispatch").send(planned, order)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)

        async def asks() -> str | None:
            page = await client.get(path)
            return page.text if "Does this time suit you?" in page.text else None

        page = await eventually(asks, what="the visit on the page")
        assert page is not None
        csrf = page.split('name="csrf" value="', 1)[1].split('"', 1)[0]
        calendar = await client.get(f"{path}/visits/{planned.visit_id}/calendar.ics")
        assert "BEGIN:VCALENDAR" in calendar.text
        confirmed = await client.post(
            f"{path}/visits/{planned.visit_id}/reply", data={"csrf": csrf, "reply": "confirmed"}
        )
        assert confirmed.status_code == 303, confirmed.text
        assert "You confirmed this time." in (await client.get(path)).text
        empty = await client.post(f"{path}/reply", data={"csrf": csrf, "text": " "})
        assert empty.status_code == 422 and 'href="#text"' in empty.text
        written = await client.post(f"{path}/reply", data={"csrf": csrf, "text": "Please ring at the gate"})
        assert written.headers["location"] == f"{path}?done=reply#timeline"
        assert "Please ring at the gate" in (await client.get(path)).text
        live = await client.get(f"{path}/live")
        assert 'id="answer" data-hx-swap-oob="true"' in live.text and 'id="reply"' not in live.text


async def test_a_device_whose_contract_has_ended_says_so_with_the_phone_line(stack: Stack, world: World) -> None:
    ended = (datetime.now(UTC) - timedelta(days=3)).date()
    device = await world.device(await world.account("DE"), valid_until=ended)
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        page = await client.get(f"/devices/{device.device_id}")
        assert "No open fault, but no contract either" in page.text
        form = await client.get(f"/tickets/new?device_id={device.device_id}")
        assert "We cannot send an engineer for this device" in form.text
        assert 'name="description"' not in form.text


async def test_what_one_may_not_see_is_not_there(stack: Stack, world: World) -> None:
    device = await world.device(await world.account("DE"))
    stranger = await world.manager(await world.account("FI"), whole=True)
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, stranger)
        for path in (f"/devices/{device.device_id}", f"/tickets/new?device_id={device.device_id}", "/tickets/none"):
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert device.serial not in answer.text


async def test_a_long_conversation_is_read_page_by_page_also_without_scripts(stack: Stack, world: World) -> None:
    device = await world.device(await world.account("DE"))
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    ticket = await world.open_ticket(person, device)
    path = f"/tickets/{ticket['ticket_id']}"
    async with await world.api("tickets", person) as tickets:
        for number in range(LINES + 5):
            written = await tickets.post(f"/v1{path}/updates", json={"text": f"word-{number:02d}."})
            assert written.status_code == 201, written.text
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        first = await client.get(path)
        assert "word-34." in first.text and "word-05." in first.text and "word-04." not in first.text
        link = unescape(first.text.split('rel="next" href="', 1)[1].split('"', 1)[0])
        older = await client.get(link)
        assert older.status_code == 200
        assert "word-04." in older.text and "Request received" in older.text and "word-05." not in older.text
        assert f'href="{path}#timeline"' in older.text, "a way back to the newest"
        fragment = await client.get(link.replace("?", "/timeline?").partition("#")[0])
        assert "word-04." in fragment.text and "<html" not in fragment.text
        until = first.text.split('name="until" value="', 1)[1].split('"', 1)[0]
        async with await world.api("tickets", person) as tickets:
            await tickets.post(f"/v1{path}/updates", json={"text": "word-new."})
        live = await client.get(f"{path}/live", params={"until": until})
        assert "word-new." in live.text and "word-05." in live.text and "word-04." not in live.text
        assert 'id="timeline-latest" data-hx-swap-oob="true"' in live.text
        gone = await client.get(f"{path}/live", params={"until": "a line that is not there"})
        assert (gone.status_code, gone.headers["HX-Refresh"]) == (204, "true")
        old = await client.get(path, params={"cursor": "nonsense"})
        assert (old.status_code, old.headers["location"]) == (303, f"{path}#timeline")


async def test_a_text_that_is_too_long_is_shown_again_with_the_limit(stack: Stack, world: World) -> None:
    device = await world.device(await world.account("DE"))
    right = {"account_id": device.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    ticket = await world.open_ticket(person, device)
    path = f"/tickets/{ticket['ticket_id']}"
    async with portal(settings(stack)) as app, browser(app) as client:
        await sign_in(client, person)
        page = await client.get(path)
        assert f'maxlength="{ENTRY_LIMIT}"' in page.text
        csrf = csrf_of(page)
        lines = "a line\r\n" * 2_000  # 14,000 characters as a person counts them
        refused = await client.post(f"{path}/reply", data={"csrf": csrf, "text": lines})
        assert refused.status_code == 422
        assert "At most 10,000 characters, please: this text has 13,999." in refused.text
        assert "a line\na line" in refused.text
        fits = await client.post(f"{path}/reply", data={"csrf": csrf, "text": "a line\r\n" * 1_428})
        assert fits.status_code == 303, "9,995 characters and as many line breaks as lines"
