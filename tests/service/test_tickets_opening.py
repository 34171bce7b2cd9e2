"""Opening a ticket by HTTP: the promise, the gate, the offer of the open one, idempotency (TIC-2, TIC-3, TIC-11)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.service.tickets_scene import Scene, eventually_open, key
from tests.support.waiting import eventually
from tests.support.wire import header, type_of, value_of
from tests.support.world import World

pytestmark = pytest.mark.alone("tickets")


async def test_the_answer_is_a_promise_and_the_parties_hear_of_it(world: World) -> None:
    account = await world.account()
    device = await world.device(account)
    manager = await world.manager(account, devices=[device])
    wire = world.stack.wire("admin")
    async with wire.listening("tickets.tickets", "outbound.dispatch", "outbound.contact-centre") as heard:
        ticket = await eventually_open(world, manager, device, own_reference="PO 4711")
        assert ticket["status"] == "received"
        assert ticket["number"].startswith("T-")
        assert ticket["promise"]["time_zone"] == "Europe/Helsinki"
        opened_at = datetime.fromisoformat(ticket["opened_at"])
        assert datetime.fromisoformat(ticket["promise"]["engineer_by"]) == opened_at + timedelta(minutes=480)
        assert "note_count" not in ticket
        assert [party["party"] for party in ticket["parties"]] == ["contact-centre", "dispatch"]
        await heard.types_of(
            ticket["ticket_id"],
            "tickets.ticket.opened.v1",
            "dispatch.work-order.requested.v1",
            "contact-centre.case.opened.v1",
        )
    records = {type_of(record): record for record in heard.of(ticket["ticket_id"])}
    order = value_of(records["dispatch.work-order.requested.v1"])["work_order"]
    assert order["contact"]["phone"] == "+358 9 555 0100"
    assert order["device"]["serial"] == device.serial
    public = records["tickets.ticket.opened.v1"]
    assert b"555 0100" not in (public.value or b"")
    assert header(public, "ce_actor") == manager.user_id
    assert header(public, "ce_channel") == "portal"
    correlations = {header(record, "ce_correlationid") for record in records.values()}
    assert len(correlations) == 1


async def test_the_same_key_opens_one_ticket_and_another_body_is_refused(world: World) -> None:
    account = await world.account()
    device = await world.device(account)
    manager = await world.manager(account, devices=[device])
    body = {"device_id": device.device_id, "description": "It smokes"}
    headers = key()
    async with await world.api("tickets", manager) as tickets:

        async def first() -> dict[str, str]:
            answer = await tickets.post("/v1/tickets", json=body, headers=headers)
            assert answer.status_code == 201, answer.text
            return dict(answer.json())

        ticket = await eventually(first)
        again = await tickets.post("/v1/tickets", json=body, headers=headers)
        assert (again.status_code, again.json()["number"]) == (201, ticket["number"])
        other = await tickets.post("/v1/tickets", json={**body, "description": "It burns"}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_the_open_ticket_of_a_device_is_offered_instead_of_a_second_one(world: World) -> None:
    async with Scene.of(world) as scene:
        body = {"device_id": scene.device.device_id, "description": "It jams again"}
        answer = await scene.customer.post("/v1/tickets", json=body)
        assert answer.status_code == 409
        problem = answer.json()
        assert (problem["code"], problem["number"]) == ("ticket_already_open", scene.number)
        outlook = await scene.customer.get(f"/v1/devices/{scene.device.device_id}/outlook")
        assert outlook.json()["open_ticket"] == {"ticket_id": scene.ticket_id, "number": scene.number}
        answer = await scene.customer.post("/v1/tickets", json={**body, "another_ticket_is_open_ok": True})
        assert answer.status_code == 201


async def test_foreign_and_forged_devices_answer_404(world: World) -> None:
    async with Scene.of(world) as scene:
        other = await world.account("DE")
        stranger = await world.manager(other, whole=True)
        async with await world.api("tickets", stranger) as tickets:
            for device_id in (scene.device.device_id, "no-such-device"):
                answer = await tickets.post("/v1/tickets", json={"device_id": device_id, "description": "x"})
                assert (answer.status_code, answer.json()["code"]) == (404, "device_not_found")
            assert (await tickets.get(f"/v1/tickets/{scene.ticket_id}")).status_code == 404
            assert (await tickets.get("/v1/tickets")).json()["items"] == []
            reply = await tickets.post(f"/v1/tickets/{scene.ticket_id}/updates", json={"text": "let me in"})
            assert reply.status_code == 404


async def test_a_device_whose_contract_ended_is_refused_with_the_reason(world: World) -> None:
    account = await world.account()
    device = await world.device(account, valid_until=(datetime.now(UTC) - timedelta(days=30)).date())
    manager = await world.manager(account, devices=[device])
    async with await world.api("tickets", manager) as tickets:

        async def refused() -> None:
            answer = await tickets.post("/v1/tickets", json={"device_id": device.device_id, "description": "x"})
            assert answer.status_code == 409, answer.text
            problem = answer.json()
            assert (problem["code"], problem["reason"]) == ("not_entitled", "contract_ended")
            assert problem["contact_channel"] == "contact_centre"

        async def check() -> bool:
            await refused()
            return True

        await eventually(check)
        outlook = (await tickets.get(f"/v1/devices/{device.device_id}/outlook")).json()
        assert (outlook["entitled"], outlook["reason"]) == (False, "contract_ended")


async def test_a_calendar_that_is_not_known_is_a_clear_refusal(world: World) -> None:
    account = await world.account()
    device = await world.device(account, entitlement=world.entitlement(f"unknown-{world.prefix}"))
    async with await world.api("tickets") as machine:
        answer = await machine.post("/v1/tickets", json={"device_id": device.device_id, "description": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "calendar_unknown")


async def test_a_deadline_keeps_the_version_of_its_calendar(world: World) -> None:
    async with Scene.of(world) as scene:
        code = f"always-{world.prefix}"
        await world.calendar(code)
        clock = (await scene.ticket())["clocks"][0]
        explained = (await scene.customer.get(f"/v1/tickets/{scene.ticket_id}/explain")).json()
        why = explained["deadlines"][0]["why"]
        assert clock["calendar_version"] == why["calendar_version"]
        async with await world.api("tickets") as machine:
            newest = {one["code"]: one for one in (await machine.get("/v1/calendars")).json()["items"]}[code]
        assert newest["version"] > clock["calendar_version"]
        assert sum(day["counted_seconds"] for day in why["days"]) == clock["target_minutes"] * 60


async def test_an_agent_opens_for_a_caller_by_phone(world: World) -> None:
    account = await world.account()
    device = await world.device(account)
    manager = await world.manager(account, devices=[device])
    stranger = await world.manager(await world.account("DE"), whole=True)
    async with await world.api("tickets", await world.agent()) as desk:
        body = {"device_id": device.device_id, "description": "He says it squeaks"}

        async def opened() -> dict[str, str]:
            answer = await desk.post("/v1/tickets", json={**body, "on_behalf_of": manager.user_id})
            assert answer.status_code == 201, answer.text
            return dict(answer.json())

        refused = await desk.post("/v1/tickets", json={**body, "on_behalf_of": stranger.user_id})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "on_behalf_of"
        ticket = await eventually(opened)
    assert ticket["channel"] == "phone"
    assert ticket["contact_user_id"] == manager.user_id == ticket["on_behalf_of"]


async def test_a_ticket_is_found_by_number_reference_serial_and_words(world: World) -> None:
    async with Scene.of(world, own_reference="PO-4711/b", description="Müller: Papierstau im Fach zwei") as scene:
        wanted = (
            scene.number,
            scene.number.removeprefix("T-"),
            scene.device.serial,
            scene.device.serial[:6].lower(),
            "po 4711",
            "mueller",
            "papierst fach",
        )
        for q in wanted:
            found = (await scene.customer.get("/v1/tickets", params={"q": q, "total": True})).json()
            assert [item["ticket_id"] for item in found["items"]] == [scene.ticket_id], q
            assert found["total"] == 1
        for params in ({"q": "nothing like it"}, {"state": "closed"}, {"status": "closed"}, {"device_id": "other"}):
            assert (await scene.customer.get("/v1/tickets", params=params)).json()["items"] == []
        [row] = (await scene.customer.get("/v1/tickets", params={"state": "open"})).json()["items"]
        assert row["account_name"] == f"Company {scene.account.ref}"


async def test_pages_follow_each_other_without_a_gap(world: World) -> None:
    async with Scene.of(world) as scene:
        expected = [scene.ticket_id]
        for number in range(4):
            ticket = await world.open_ticket(
                scene.manager, scene.device, description=f"fault {number}", another_ticket_is_open_ok=True
            )
            expected.insert(0, ticket["ticket_id"])
        found: list[str] = []
        params: dict[str, str | int] = {"limit": 2}
        while True:
            page = (await scene.customer.get("/v1/tickets", params=params)).json()
            found += [item["ticket_id"] for item in page["items"]]
            if page["next"] is None:
                break
            params["cursor"] = page["next"]
        assert found == expected
        wrong = await scene.customer.get("/v1/tickets", params={"cursor": "nonsense"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "cursor_invalid")
