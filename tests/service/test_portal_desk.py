"""The desk in a browser without scripts: queues, the case, words that are held and taken back, and who must not."""

import re
from collections.abc import Iterator

import pytest

from tests.service.portal_scene import browser, csrf_of, portal, settings, sign_in
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import World

HELD = "LOCKSTEP_ANSWERS__HELD_SECONDS"


@pytest.fixture(scope="module", autouse=True)
def quick(stack: Stack) -> Iterator[None]:
    """Answers leave sooner here than an agent needs to think."""
    stack.servers.restart("tickets", environment={HELD: "3"})
    yield
    stack.servers.restart("tickets", environment={HELD: "10"})


async def test_an_agent_works_through_his_queue(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    device = await world.device(account)
    right = {"account_id": account.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    agent = await world.person("DE", staff_roles=["contact_centre_agent"], language="en")
    first = await world.open_ticket(person, device)
    second = await world.open_ticket(person, await world.device(account))
    case = f"/desk/{first['ticket_id']}"
    async with portal(settings(stack)) as app, browser(app) as desk, browser(app) as customer:
        await sign_in(desk, agent)
        await sign_in(customer, person)
        assert (await desk.get("/")).headers["location"] == "/desk"
        assert (await desk.get(f"/tickets/{first['ticket_id']}")).headers["location"] == case
        queue = await desk.get("/desk", params={"queue": "acknowledge", "limit": "200"})
        assert case in queue.text and "To acknowledge" in queue.text
        found = await desk.get("/desk", params={"q": person.email})
        assert case in found.text and f"/desk/{second['ticket_id']}" in found.text
        assert "No results" in (await desk.get("/desk", params={"q": "zzzzzzzz"})).text
        assert (await desk.get("/desk", params={"queue": "<script>", "cursor": "x"})).status_code in (303, 400)

        page = await desk.get(case)
        for shown in (person.email, device.serial, first["number"], "What the customer reported", "Under contract"):
            assert shown in page.text, shown
        csrf = csrf_of(page)
        acknowledged = await desk.post(f"{case}/acknowledge", data={"csrf": csrf, "seen_status": "received"})
        assert acknowledged.status_code == 303
        again = await desk.post(f"{case}/acknowledge", data={"csrf": csrf, "seen_status": "received"})
        assert again.status_code == 422 and "moved on" in again.text, "an old tab is told so"

        onwards = await desk.get("/desk/next", params={"after": first["ticket_id"], "queue": "acknowledge"})
        assert re.fullmatch(r"/desk/[\w-]+\?queue=acknowledge", onwards.headers["location"])

        for path in (case, f"{case}/live", f"{case}/held", "/desk", "/desk/next"):
            assert (await customer.get(path)).status_code == 403, path
        token = csrf_of(await customer.get(f"/tickets/{first['ticket_id']}"))
        refused = await customer.post(f"{case}/answers", data={"csrf": token, "text": "I am the team"})
        assert refused.status_code == 403


async def test_words_are_held_taken_back_and_kept_until_they_leave(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    device = await world.device(account)
    right = {"account_id": account.account_id, "role": "device_manager", "whole": True}
    person = await world.person("DE", rights=[right], language="en")
    agent = await world.person("DE", staff_roles=["contact_centre_agent"], language="en")
    ticket = await world.open_ticket(person, device)
    case = f"/desk/{ticket['ticket_id']}"
    async with portal(settings(stack)) as app, browser(app) as desk, browser(app) as customer:
        await sign_in(desk, agent)
        await sign_in(customer, person)
        csrf = csrf_of(await desk.get(case))

        empty = await desk.post(f"{case}/answers", data={"csrf": csrf, "text": ""})
        assert empty.status_code == 422 and "Please write a few words." in empty.text
        unsaid = await desk.post(f"{case}/answers", data={"csrf": csrf, "text": "Fixed by phone", "then": "resolve"})
        assert (
            unsaid.status_code == 422 and "Please say what it was." in unsaid.text and "Fixed by phone" in unsaid.text
        )

        data = {"csrf": csrf, "text": "Switch it off and on", "then": "wait_for_customer", "queue": "overdue"}
        sent = await desk.post(f"{case}/answers", data=data)
        assert sent.headers["location"] == f"{case}?queue=overdue&done=answer"
        held = await desk.get(sent.headers["location"])
        assert "then the request waits for the customer." in held.text and "Switch it off" in held.text
        assert "Switch it off" not in (await customer.get(f"/tickets/{ticket['ticket_id']}")).text
        [undo] = re.findall(rf'action="({case}/answers/[\w-]+/undo)"', held.text)
        back = await desk.post(undo, data={"csrf": csrf, "queue": "overdue"})
        assert back.status_code == 200 and "Switch it off and on</textarea>" in back.text
        assert "then the request waits" not in back.text and "queue=overdue" in back.text
        twice = await desk.post(undo, data={"csrf": csrf})
        assert twice.status_code == 422 and "It has been sent already, or was taken back." in twice.text

        note = {"csrf": csrf, "text": "third time this month", "kind": "note", "then": "close"}
        assert (await desk.post(f"{case}/answers", data=note)).status_code == 303
        reply = {"csrf": csrf, "text": "It was the tray", "then": "resolve", "cause": "operation"}
        assert (await desk.post(f"{case}/answers", data=reply)).status_code == 303

        async def left() -> bool:
            part = await desk.get(f"{case}/held")
            return part.headers.get("hx-trigger") == "live-refetch" and "/undo" not in part.text

        await eventually(left, within=30, what="both have left")
        seen = (await customer.get(f"/tickets/{ticket['ticket_id']}")).text
        assert "It was the tray" in seen and "third time" not in seen
        shown = (await desk.get(case)).text
        assert "third time this month" in shown and "Solved" in shown
