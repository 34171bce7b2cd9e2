"""The log of mails and the choice of mails over HTTP."""

import pytest

from shared.contracts.tickets import TicketClosed, TicketOpened
from tests.service.notifier_scene import Scene
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import Account, Person, World

pytestmark = pytest.mark.alone("notifier")


@pytest.fixture
async def account(world: World) -> Account:
    return await world.account("DE")


@pytest.fixture
async def manager(world: World, account: Account) -> Person:
    return await world.manager(account, whole=True)


async def mailed(stack: Stack, person: Person, account: Account) -> Scene:
    """A ticket of an account that the person manages, with two mails sent to him."""
    scene = Scene(stack, account.account_id, person.user_id, person.email)
    await scene.happens(TicketOpened)
    await scene.happens(TicketClosed)
    await scene.mails(2)
    return scene


async def test_a_person_reads_his_own_log_and_nobody_elses(
    stack: Stack, world: World, manager: Person, account: Account
) -> None:
    scene = await mailed(stack, manager, account)
    stranger, agent = await world.manager(await world.account("DE"), whole=True), await world.agent()
    async with await world.api("notifier", manager) as own:

        async def both() -> bool:
            answer = await own.get("/v1/messages", params={"ticket_id": scene.ticket_id})
            return [item["status"] for item in answer.json()["items"]] == ["sent", "sent"]

        await eventually(both)
        items = (await own.get("/v1/messages", params={"ticket_id": scene.ticket_id})).json()["items"]
        assert {item["kind"] for item in items} == {"ticket_opened", "ticket_closed"}
        assert {item["language"] for item in items} == {"de"}
        assert scene.email not in str(items)
        one = f"/v1/messages/{items[0]['message_id']}"
        assert (await own.get(one)).json() == items[0]
    async with await world.api("notifier", stranger) as other:
        assert (await other.get("/v1/messages")).json()["items"] == []
        answer = await other.get(one)
        assert (answer.status_code, answer.json()["code"]) == (404, "message_not_found")
    for reader in (agent, None):
        async with await world.api("notifier", reader) as staff:
            answer = await staff.get("/v1/messages", params={"ticket_id": scene.ticket_id})
            assert len(answer.json()["items"]) == 2


async def test_the_log_is_read_page_by_page_newest_first(
    stack: Stack, world: World, manager: Person, account: Account
) -> None:
    await mailed(stack, manager, account)
    async with await world.api("notifier", manager) as own:
        first = (await own.get("/v1/messages", params={"limit": 1})).json()
        second = (await own.get("/v1/messages", params={"limit": 1, "cursor": first["next"]})).json()
        assert first["items"][0]["queued_at"] >= second["items"][0]["queued_at"]
        assert first["items"][0]["message_id"] != second["items"][0]["message_id"]
        assert second["next"] is None
        for bad in ("bm9uc2Vuc2U", "e30"):
            answer = await own.get("/v1/messages", params={"cursor": bad})
            assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


async def test_the_log_is_not_for_strangers_at_the_door(stack: Stack) -> None:
    async with await stack.client("notifier") as nobody:
        assert (await nobody.get("/v1/messages")).status_code == 401


async def test_a_mail_that_a_person_does_not_want_is_skipped(
    stack: Stack, world: World, manager: Person, account: Account
) -> None:
    async with await world.api("notifier", manager) as own:
        before = (await own.get("/v1/preferences")).json()["cadences"]
        assert set(before.values()) == {"at_once"}
        answer = await own.put("/v1/preferences", json={"cadences": {"ticket_opened": "off"}})
        assert answer.json()["cadences"] == before | {"ticket_opened": "off"}
        wrong = await own.put("/v1/preferences", json={"cadences": {"ticket_opened": "sometimes"}})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")
    scene = Scene(stack, account.account_id, manager.user_id, manager.email)
    await scene.happens(TicketOpened)
    assert (await scene.message_that_is("skipped"))["reason"] == "not_wanted"


async def test_a_machine_client_has_no_preferences_to_choose(stack: Stack, world: World) -> None:
    async with await world.api("notifier") as machine:
        answer = await machine.put("/v1/preferences", json={"cadences": {}})
        assert (answer.status_code, answer.json()["roles"]) == (403, [])
        assert "people" in answer.json()["detail"]
