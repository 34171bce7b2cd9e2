"""In step with dispatch and engineers: from planning to the report, whatever order messages come in (TIC-8, TIC-13)."""

from datetime import datetime
from typing import Any

import pytest
from icalendar import Calendar

from shared.contracts.catalog import Site
from shared.contracts.inbound import DispatchVisitPlanned
from tests.service.tickets_scene import Scene
from tests.support.facts import Facts
from tests.support.waiting import eventually
from tests.support.wire import type_of, value_of
from tests.support.world import World

pytestmark = pytest.mark.alone("tickets")


async def test_a_visit_goes_from_planning_to_the_report(world: World) -> None:
    wire = world.stack.wire("admin")
    async with Scene.of(world) as scene, wire.listening("tickets.tickets", "outbound.engineer") as heard:
        await scene.tell("planned", external_id="PL-77")
        planned = await scene.becomes("visit_planned")
        assert planned["external_ids"] == {"dispatch": "PL-77"}
        assert planned["visits"][0]["status"] == "planned"
        await scene.tell("moved", 2, reason="traffic")

        async def moved() -> bool:
            return bool((await scene.ticket())["visits"][0]["moved"] == 1)

        await eventually(moved)
        await scene.tell("travelling", 1)
        await scene.becomes("on_the_way")
        await scene.tell("arrived", 2)
        on_site = await scene.becomes("on_site")
        clocks = {clock["kind"]: clock["state"] for clock in on_site["clocks"]}
        assert clocks == {"acknowledge": "met", "response": "met", "resolve": "running"}
        await scene.tell("reported", 3, counters={"total": 4811}, advice="Use dry paper")
        done = await scene.becomes("resolved")
        assert done["report"]["counters"] == {"total": 4811}
        assert done["visits"][0]["status"] == "done"
        types = await heard.types_of(scene.ticket_id, "tickets.ticket.resolved.v1")
    public = [kind for kind in types if kind.startswith("tickets.") and kind != "tickets.ticket.opened.v1"]
    assert public == [
        "tickets.visit.planned.v1",
        "tickets.visit.moved.v1",
        "tickets.engineer.travelling.v1",
        "tickets.engineer.arrived.v1",
        "tickets.visit.reported.v1",
        "tickets.ticket.resolved.v1",
    ]
    sheets = [kind for kind in types if kind.startswith("engineer.")]
    assert sheets == ["engineer.job-sheet.issued.v1", "engineer.job-sheet.changed.v1"]


async def test_arrival_before_planning_creates_the_visit_and_a_repetition_changes_nothing(world: World) -> None:
    async with Scene.of(world) as scene:
        await scene.tell("arrived", 2, minutes_ago=0)
        arrived = await scene.becomes("on_site")
        assert arrived["visits"][0]["window_from"] is None
        await scene.tell("planned", 1, minutes_ago=5)

        async def filled_in() -> dict[str, Any]:
            ticket = await scene.ticket()
            assert ticket["visits"][0]["window_from"] is not None
            return ticket

        ticket = await eventually(filled_in)
        assert (ticket["status"], ticket["visits"][0]["status"]) == ("on_site", "arrived")
        await scene.tell("arrived", 2)
        await scene.tell("planned", 1)
        await scene.tell("reported", 3)
        resolved = await scene.becomes("resolved")
        assert len(resolved["visits"]) == 1


async def test_an_arrival_for_a_cancelled_visit_is_kept_and_flagged_to_the_desk(world: World) -> None:
    async with Scene.of(world) as scene, scene.desk() as desk:
        await scene.tell("planned", 1)
        await scene.becomes("visit_planned")
        await scene.tell("cancelled", 2, reason="engineer is ill")
        await scene.becomes("in_progress")
        await scene.tell("arrived", 1)

        async def flagged() -> dict[str, Any]:
            ticket: dict[str, Any] = (await desk.get(f"/v1/tickets/{scene.ticket_id}")).json()
            assert ticket["flag_count"] == 1
            return ticket

        ticket = await eventually(flagged)
        assert ticket["latest_flags"][0]["reason"] == "visit_arrived_contradicts"
        flag = next(line for line in await scene.timeline(desk) if line["type"] == "flag")
        assert (flag["data"]["type"], flag["data"]["topic"]) == ("engineer.visit.arrived.v1", "inbound.engineer")
        assert scene.work_order_id in flag["data"]["excerpt"]
        assert ticket["status"] == "in_progress"
        assert not {"flag_count", "latest_flags"} & set(await scene.ticket())
        assert "flag" not in {line["type"] for line in await scene.timeline()}


async def test_an_unknown_work_order_is_answered_and_stops_nothing(world: World) -> None:
    async with Scene.of(world) as scene, world.stack.wire("dispatch").listening("inbound.dispatch.rejected") as heard:
        unknown = await scene.tell("planned", work_order_id=f"no-such-{world.prefix}")
        upside_down = await scene.tell(
            "planned",
            window_from=datetime.fromisoformat("2030-01-02T10:00:00+00:00"),
            window_to=datetime.fromisoformat("2030-01-02T09:00:00+00:00"),
        )
        for_ever = await scene.tell(
            "planned",
            window_from=datetime.fromisoformat("9998-12-31T22:30:00+00:00"),
            window_to=datetime.fromisoformat("9998-12-31T23:59:59+00:00"),
        )
        answers = await heard.until(
            lambda own: (
                (
                    found := {
                        value_of(record)["record_id"]: value_of(record)["reason"]
                        for record in own.records
                        if type_of(record) == "lockstep.record.rejected.v1"
                    }
                ).keys()
                >= {unknown, upside_down, for_ever}
                and found
            )
        )
        assert "work order" in answers[unknown]
        assert answers[upside_down].startswith("window_to")
        assert answers[for_ever].startswith("window_from")
        await scene.tell("planned", 2, visit_id="V-other")
        await scene.becomes("visit_planned")


async def test_a_follow_up_gets_a_work_order_of_its_own(world: World) -> None:
    async with Scene.of(world) as scene, world.stack.wire("dispatch").listening("outbound.dispatch") as heard:
        await scene.tell("planned")
        await scene.tell("arrived", 2)
        await scene.becomes("on_site")
        await scene.tell("reported", 3, outcome="follow_up", symptom="fuser is worn too")
        ticket = await scene.becomes("in_progress")
        assert ticket["work_order_id"] != scene.work_order_id

        def second(own: Any) -> Any:
            orders = [value_of(record)["work_order"] for record in own.of(scene.ticket_id)]
            return [order for order in orders if order["work_order_id"] == ticket["work_order_id"]]

        [order] = await heard.until(second)
        assert order["symptom"] == "fuser is worn too"
        window = {"window_from": "2027-01-04T10:00:00+00:00", "window_to": "2027-01-04T12:00:00+00:00"}
        message = DispatchVisitPlanned.model_validate(
            {
                "work_order_id": ticket["work_order_id"],
                "visit_id": "V-second",
                "sequence": 1,
                "occurred_at": ticket["status_since"],
                **window,
            }
        )
        await world.stack.wire("dispatch").send(message, ticket["work_order_id"])
        again = await scene.becomes("visit_planned")
        assert [visit["status"] for visit in again["visits"]] == ["done", "planned"]


async def test_the_customer_confirms_or_asks_for_another_window(world: World) -> None:
    async with Scene.of(world) as scene, world.stack.wire("admin").listening("outbound.dispatch") as heard:
        await scene.tell("planned")
        visit = (await scene.becomes("visit_planned"))["visits"][0]["visit_id"]
        path = f"/v1/tickets/{scene.ticket_id}/visits/{visit}/reply"
        confirmed = await scene.customer.post(path, json={"reply": "confirmed"})
        assert confirmed.json()["visits"][0]["customer_reply"] == "confirmed"
        wish = await scene.customer.post(path, json={"reply": "other_window_wanted", "text": "rather on Friday"})
        assert wish.json()["latest_entries"][-1]["text"] == "rather on Friday"
        assert (await scene.timeline())[0]["text"] == "rather on Friday"
        await heard.types_of(scene.ticket_id, "dispatch.work-order.changed.v1")
        changed = next(r for r in heard.of(scene.ticket_id) if type_of(r) == "dispatch.work-order.changed.v1")
        assert value_of(changed)["reason"] == "other_window_wanted: rather on Friday"
        missing = await scene.customer.post(
            f"/v1/tickets/{scene.ticket_id}/visits/none/reply", json={"reply": "confirmed"}
        )
        assert (missing.status_code, missing.json()["code"]) == (404, "visit_not_found")


async def test_visits_come_as_a_file_and_as_a_feed_that_dies_when_it_is_revoked(world: World) -> None:
    async with Scene.of(world) as scene, await world.stack.client("tickets") as calendar_program:
        await scene.tell("planned")
        visit = (await scene.becomes("visit_planned"))["visits"][0]
        path = f"/v1/tickets/{scene.ticket_id}/visits/{visit['visit_id']}/calendar.ics"
        answer = await scene.customer.get(path)
        assert answer.headers["content-type"].startswith("text/calendar")
        [event] = Calendar.from_ical(answer.text).events
        assert event.start == datetime.fromisoformat(visit["window_from"]).replace(microsecond=0)

        feed = (await scene.customer.post("/v1/calendar-feeds")).json()
        address = f"/v1/calendar-feeds/{feed['url_token']}.ics"
        [event] = Calendar.from_ical((await calendar_program.get(address)).text).events
        assert str(event["uid"]).startswith(visit["visit_id"])
        assert (await scene.customer.delete(f"/v1/calendar-feeds/{feed['feed_id']}")).status_code == 204
        assert (await calendar_program.get(address)).status_code == 404


async def test_a_feed_dies_with_the_rights_of_its_owner(world: Facts) -> None:
    async with Scene.of(world) as scene, await world.stack.client("tickets") as calendar_program:
        feed = (await scene.customer.post("/v1/calendar-feeds")).json()
        address = f"/v1/calendar-feeds/{feed['url_token']}.ics"
        assert (await calendar_program.get(address)).status_code == 200
        await world.suspend(scene.manager)

        async def dead() -> bool:
            return (await calendar_program.get(address)).status_code == 404

        await eventually(dead, within=5)


async def test_a_new_site_reaches_dispatch_and_flags_the_planned_visit(world: Facts) -> None:
    async with Scene.of(world) as scene, world.stack.wire("admin").listening("outbound.dispatch") as heard:
        await scene.tell("planned")
        await scene.becomes("visit_planned")
        site = Site(
            site_id=f"new-{world.prefix}",
            name="New house",
            street="Uusi katu 1",
            postcode="33100",
            city="Tampere",
            country="FI",
            time_zone="Europe/Helsinki",
        )
        await world.stands_in(scene.device, site)
        await heard.types_of(scene.ticket_id, "dispatch.work-order.changed.v1")
        changed = next(r for r in heard.of(scene.ticket_id) if type_of(r) == "dispatch.work-order.changed.v1")
        assert value_of(changed)["work_order"]["site"]["street"] == "Uusi katu 1"
        ticket = await scene.ticket()
        assert ticket["visits"][0]["old_address"]
        assert ticket["site"]["street"] == "Uusi katu 1"
