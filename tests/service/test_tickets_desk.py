"""The desk and the contact centre's CRM, deadlines, receipts, live changes (TIC-5 to TIC-7, TIC-12, TIC-14, TIC-15)."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.inbound import (
    ContactCentreTicketAcknowledged,
    ContactCentreTicketOpened,
    ContactCentreTicketReplied,
    ContactCentreTicketResolved,
)
from tests.service.tickets_scene import Scene, key
from tests.support.facts import Facts
from tests.support.waiting import eventually
from tests.support.wire import value_of
from tests.support.world import World

pytestmark = pytest.mark.alone("tickets")


async def test_a_note_stays_with_the_desk_and_reaches_the_case(world: World) -> None:
    wire = world.stack.wire("contact-centre")
    async with Scene.of(world) as scene, scene.desk() as desk, wire.listening("outbound.contact-centre") as heard:
        path = f"/v1/tickets/{scene.ticket_id}/notes"
        refused = await scene.customer.post(path, json={"text": "let me note"})
        assert refused.status_code == 403
        assert "contact_centre_agent" in refused.json()["roles"]
        noted = await desk.post(path, json={"text": "third jam this month"})
        assert noted.json()["note_count"] == 1
        await heard.types_of(scene.ticket_id, "contact-centre.case.changed.v1")
        [entry] = value_of(heard.of(scene.ticket_id)[-1])["entries"]
        assert (entry["kind"], entry["text"]) == ("internal", "third jam this month")
        assert "note_count" not in await scene.ticket()
        assert "third jam" not in json.dumps(await scene.ticket())
        assert "third jam" not in json.dumps(await scene.timeline())
        assert (await scene.timeline(desk))[0]["type"] == "note"


async def test_waiting_ends_when_the_customer_writes_and_a_reply_reopens(world: World) -> None:
    async with Scene.of(world) as scene, scene.desk() as desk:
        path = f"/v1/tickets/{scene.ticket_id}"
        waiting = await desk.post(f"{path}/wait", json={"text": "Which tray?"})
        assert waiting.json()["status"] == "waiting_for_customer"
        assert waiting.json()["clocks"][1]["state"] == "paused"
        answered = await scene.customer.post(f"{path}/updates", json={"text": "Tray 2"})
        assert answered.json()["status"] == "in_progress"
        resolved = await desk.post(f"{path}/resolve", json={"text": "Reset by phone"})
        assert resolved.json()["status"] == "resolved"
        assert "close" in resolved.json()["allowed_actions"]
        again = await scene.customer.post(f"{path}/updates", json={"text": "It is back"})
        assert (again.json()["status"], again.json()["resolved_at"]) == ("in_progress", None)
        types = [item["type"] for item in await scene.timeline()]
        assert types[:2] == ["tickets.ticket.reopened.v1", "tickets.ticket.updated.v1"]
        cancelled = await scene.customer.post(f"{path}/cancel", json={})
        assert cancelled.json()["status"] == "cancelled"
        late = await scene.customer.post(f"{path}/updates", json={"text": "hello?"})
        assert (late.status_code, late.json()["code"]) == (409, "transition_refused")


async def test_two_who_edit_at_once_are_told_and_a_repeated_command_is_not_done_twice(world: World) -> None:
    async with Scene.of(world) as scene:
        path = f"/v1/tickets/{scene.ticket_id}"
        tag = (await scene.customer.get(path)).headers["etag"]
        headers = key()
        first = await scene.customer.post(f"{path}/updates", json={"text": "one"}, headers={**headers, "If-Match": tag})
        assert first.status_code == 201
        repeated = await scene.customer.post(f"{path}/updates", json={"text": "one"}, headers=headers)
        assert repeated.json()["entry_count"] == 1
        stale = await scene.customer.post(f"{path}/updates", json={"text": "two"}, headers={"If-Match": tag})
        assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")


async def test_the_crm_opens_acknowledges_replies_and_resolves_by_messages(world: World) -> None:
    account = await world.account()
    device = await world.device(account)
    now = datetime.now(UTC)
    wire = world.stack.wire("contact-centre")
    case = f"C-{world.prefix}"
    call = ContactCentreTicketOpened(
        case_id=case, serial=f" {device.serial.lower()}", description="It hums", occurred_at=now, agent="Robin"
    )
    await wire.send(call, case)
    await wire.send(call, case)
    async with await world.api("tickets", await world.agent()) as desk:

        async def found() -> dict[str, Any]:
            items = (await desk.get("/v1/tickets", params={"q": case})).json()["items"]
            assert len(items) == 1
            return dict(items[0])

        ticket = await eventually(found)
        assert (ticket["channel"], ticket["external_ids"]) == ("phone", {"contact-centre": case})
        common = {"ticket_id": ticket["ticket_id"], "occurred_at": now, "agent": "Robin"}
        messages = (
            ContactCentreTicketAcknowledged.model_validate(common),
            ContactCentreTicketReplied.model_validate(
                {**common, "reply_id": "r1", "audience": "internal", "text": "angry"}
            ),
            ContactCentreTicketReplied.model_validate(
                {**common, "reply_id": "r2", "audience": "public", "text": "We look at it"}
            ),
            ContactCentreTicketReplied.model_validate(
                {**common, "reply_id": "r2", "audience": "public", "text": "We look at it"}
            ),
            ContactCentreTicketResolved.model_validate({**common, "text": "It was the fan"}),
        )
        for message in messages:
            await wire.send(message, ticket["ticket_id"])

        async def resolved() -> dict[str, Any]:
            now_is = (await desk.get(f"/v1/tickets/{ticket['ticket_id']}")).json()
            assert now_is["status"] == "resolved"
            return dict(now_is)

        done = await eventually(resolved)
        assert [entry["text"] for entry in done["latest_entries"]] == ["We look at it", "It was the fan"]
        assert (done["entry_count"], done["note_count"]) == (2, 1)
        assert done["latest_entries"][0]["author"] == "team"
        lines = (await desk.get(f"/v1/tickets/{ticket['ticket_id']}/timeline")).json()["items"]
        said = {line["type"]: line["text"] for line in lines if line["text"]}
        assert said == {
            "tickets.ticket.resolved.v1": "It was the fan",
            "tickets.ticket.updated.v1": "We look at it",
            "note": "angry",
        }


async def test_deadlines_warn_and_breach_once_and_a_late_fact_withdraws_the_breach(world: World) -> None:
    wire = world.stack.wire("admin")
    async with Scene.of(world) as scene, wire.listening("tickets.tickets") as heard, world.stack.store() as client:
        tickets = world.stack.database(client, "tickets")["tickets"]
        document = await tickets.find_one({"_id": scene.ticket_id})
        assert document is not None
        back = timedelta(minutes=70)  # the ticket as if it had been opened earlier: 60 minutes to acknowledge
        changes: dict[str, Any] = {"next_at": datetime.now(UTC)}
        for number, clock in enumerate(document["ticket"]["clocks"]):
            for field in ("started_at", "warn_at", "due_at"):
                changes[f"ticket.clocks.{number}.{field}"] = clock[field] - back
        await tickets.update_one({"_id": scene.ticket_id}, {"$set": changes})
        types = await heard.types_of(scene.ticket_id, "tickets.deadline.breached.v1")
        assert types[-2:] == ["tickets.deadline.at-risk.v1", "tickets.deadline.breached.v1"]
        breach = value_of(heard.of(scene.ticket_id)[-1])
        due_at = document["ticket"]["clocks"][0]["due_at"] - back
        assert (breach["clock"], datetime.fromisoformat(breach["occurred_at"])) == ("acknowledge", due_at)
        await scene.tell("planned", occurred_at=due_at - timedelta(minutes=5))
        types = await heard.types_of(scene.ticket_id, "tickets.visit.planned.v1")
        assert types.count("tickets.deadline.breached.v1") == 1
        assert "tickets.deadline.breach-withdrawn.v1" in types
        clock = (await scene.ticket())["clocks"][0]
        assert (clock["state"], clock["breached_at"]) == ("met", None)


async def test_a_receipt_stands_for_what_the_party_has_really_committed(world: World) -> None:
    async with Scene.of(world) as scene:

        async def sent() -> bool:
            parties = {party["party"]: party for party in (await scene.ticket())["parties"]}
            return parties["dispatch"]["sent_at"] is not None and parties["dispatch"]["seen_at"] is None

        await eventually(sent)
        unseen = await _unseen(world)
        assert unseen["dispatch"]["number"] >= 1 and unseen["dispatch"]["oldest_seconds"] > 0
        async with world.stack.wire("dispatch").listening("outbound.dispatch", group="dispatch.planner") as planner:
            await planner.types_of(scene.ticket_id, "dispatch.work-order.requested.v1")

            async def seen() -> dict[str, Any]:
                await planner.more()
                parties = {party["party"]: party for party in (await scene.ticket())["parties"]}
                assert parties["dispatch"]["seen_at"] is not None
                return parties

            parties = await eventually(seen)
        assert (await _unseen(world))["dispatch"]["number"] < unseen["dispatch"]["number"]
        assert (await _unseen(world))["contact-centre"]["number"] >= 1
        assert parties["contact-centre"]["seen_at"] is None
        opened = (await scene.timeline())[-1]
        assert opened["type"] == "tickets.ticket.opened.v1"
        seen_by = {one["party"]: one["seen_at"] for one in opened["seen_by"]}
        assert seen_by["dispatch"] == parties["dispatch"]["seen_at"]


async def _unseen(world: World) -> dict[str, Any]:
    """What operators see of the parties' receipts, by party."""
    async with await world.api("tickets", await world.person("DE", staff_roles=["operator"])) as tickets:
        answer = await tickets.get("/v1/operations")
        assert answer.status_code == 200, answer.text
        return {one["of"]: one for one in answer.json()["backlogs"] if one["what"] == "receipts"}


async def test_the_stream_shows_changes_within_the_scope_alone(world: World) -> None:
    async with Scene.of(world) as scene:
        stranger = await world.manager(await world.account("DE"), whole=True)
        async with await world.api("tickets", stranger) as other:
            own, foreign = _listen(scene.customer), _listen(other)
            ready = [asyncio.create_task(anext(own)), asyncio.create_task(anext(foreign))]

            async def heard() -> bool:
                await scene.customer.post(f"/v1/tickets/{scene.ticket_id}/updates", json={"text": "still broken"})
                return ready[0].done()

            await eventually(heard, every=0.3)
            event = ready[0].result()
            assert event["ticket_id"] == scene.ticket_id
            assert event["device_id"] == scene.device.device_id
            assert not ready[1].done()
            ready[1].cancel()
            await own.aclose()


async def _listen(client: Any) -> Any:
    async with client.stream("GET", "/v1/stream") as answer:
        kind = ""
        async for line in answer.aiter_lines():
            if line.startswith("event:"):
                kind = line.removeprefix("event:").strip()
            elif line.startswith("data:") and kind == "ticket":
                yield json.loads(line.removeprefix("data:"))


async def test_silence_after_the_solution_warns_and_then_closes(world: World) -> None:
    async with Scene.of(world, language="it") as scene, scene.desk() as desk, world.stack.store() as client:
        tickets = world.stack.database(client, "tickets")["tickets"]
        await desk.post(f"/v1/tickets/{scene.ticket_id}/resolve", json={})
        ago = datetime.now(UTC) - timedelta(minutes=1)
        due = {"closing.warn_at": ago - timedelta(days=2), "closing.close_at": ago, "next_at": ago}
        await tickets.update_one({"_id": scene.ticket_id}, {"$set": due})

        async def warned() -> dict[str, Any]:
            ticket = await scene.ticket()
            assert ticket["latest_entries"], "no warning yet"
            return ticket

        ticket = await eventually(warned)
        assert ticket["status"] == "resolved"
        assert ticket["latest_entries"][-1]["author"] == "system"
        assert "2 giorni" in ticket["latest_entries"][-1]["text"]
        await tickets.update_one({"_id": scene.ticket_id}, {"$set": {"closing.close_at": ago, "next_at": ago}})
        closed = await scene.becomes("closed")
        assert closed["closed_at"] is not None
        assert {clock["state"] for clock in closed["clocks"]} <= {"met", "stopped"}


async def test_who_manages_a_device_by_its_group_sees_its_tickets_while_it_is_in_the_group(world: Facts) -> None:
    async with Scene.of(world) as scene:
        group_id = f"floor-2-{world.prefix}"
        await world.belongs_to(scene.device, group_id)
        colleague = await world.manager(scene.account)
        await world.grant(colleague.user_id, groups=[group_id])
        async with await world.api("tickets", colleague) as tickets:

            async def sees_it() -> bool:
                return (await tickets.get(f"/v1/tickets/{scene.ticket_id}")).status_code == 200

            async def sees_it_no_more() -> bool:
                return not await sees_it()

            await eventually(sees_it)
            items = (await tickets.get("/v1/tickets")).json()["items"]
            assert [item["ticket_id"] for item in items] == [scene.ticket_id]
            await world.belongs_to(scene.device)
            await eventually(sees_it_no_more, within=5)
