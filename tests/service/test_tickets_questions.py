"""A question is answered; nobody is sent, until the desk finds that it is a fault."""

import pytest

from tests.service.tickets_scene import Scene
from tests.support.wire import value_of
from tests.support.world import World

pytestmark = pytest.mark.alone("tickets")


async def test_a_question_orders_no_visit_and_promises_no_engineer(world: World) -> None:
    wire = world.stack.wire("dispatch")
    async with (
        wire.listening("outbound.dispatch") as heard,
        Scene.of(world, impact="question") as scene,
        scene.desk() as desk,
    ):
        path = f"/v1/devices/{scene.device.device_id}/outlook"
        fault = (await scene.customer.get(path)).json()["promise"]
        asked = (await scene.customer.get(path, params={"impact": "question"})).json()["promise"]
        assert fault["engineer_by"] and asked["engineer_by"] is None and asked["resolve_by"]
        assert (await scene.customer.get(path, params={"impact": "odd"})).status_code == 422

        ticket = await scene.ticket()
        assert (ticket["work_order_id"], ticket["promise"]["engineer_by"]) == (None, None)
        assert [clock["kind"] for clock in ticket["clocks"]] == ["acknowledge", "resolve"]
        assert [party["party"] for party in ticket["parties"]] == ["contact-centre"]
        assert not heard.of(scene.ticket_id)

        ticket_path = f"/v1/tickets/{scene.ticket_id}"
        answered = await desk.post(f"{ticket_path}/updates", json={"text": "Hold the home key"})
        assert answered.json()["clocks"][0]["state"] == "met"
        [party] = answered.json()["parties"]
        assert party["seen_at"], "the contact centre has seen its own act"
        line = (await scene.timeline())[0]
        assert all(receipt["seen_at"] for receipt in line["seen_by"])

        visited = await desk.post(f"{ticket_path}/work-orders", json={"symptom": "It is broken after all"})
        assert visited.status_code == 201, visited.text
        assert (visited.json()["impact"], visited.json()["clocks"][2]["kind"]) == ("impaired", "response")
        assert visited.json()["promise"]["engineer_by"] == visited.json()["clocks"][2]["due_at"]
        await heard.types_of(scene.ticket_id, "dispatch.work-order.requested.v1")
        [order] = [value_of(record)["work_order"] for record in heard.of(scene.ticket_id)]
        assert (order["symptom"], order["target_arrival"]) == (
            "It is broken after all",
            visited.json()["promise"]["engineer_by"],
        )


async def test_the_timeline_names_the_customer_s_people(world: World) -> None:
    async with Scene.of(world) as scene, scene.desk() as desk:
        assert (await desk.post(f"/v1/tickets/{scene.ticket_id}/updates", json={"text": "Hello"})).status_code == 201
        lines = await scene.timeline()
        assert [line["actor_name"] is None for line in lines] == [True, False], "of the team nobody is named"
        assert lines[1]["actor"] == scene.manager.user_id
