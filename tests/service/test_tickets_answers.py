"""The desk's answers: held so that they can be taken back, sent once, and what becomes of the ticket with them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from services.tickets.lists.names import MOST_NAMED
from services.tickets.settings import AnswerSettings
from tests.service.tickets_scene import Scene, key
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import value_of
from tests.support.world import World

pytestmark = pytest.mark.alone("tickets")

HELD = "LOCKSTEP_ANSWERS__HELD_SECONDS"


@pytest.fixture(scope="module", autouse=True)
def quick(stack: Stack) -> Iterator[None]:
    """Answers leave sooner here than an agent needs to think."""
    stack.servers.restart("tickets", environment={HELD: "2"})
    yield
    stack.servers.restart("tickets", environment={HELD: "10"})


def test_an_agent_has_ten_seconds() -> None:
    assert AnswerSettings().held_seconds == 10


async def _left(scene: Scene, desk: Any) -> dict[str, Any]:
    async def left() -> dict[str, Any] | None:
        ticket = await scene.ticket(desk)
        return ticket if not ticket["held"] else None

    return dict(await eventually(left, within=30, what="the answer has left"))


async def test_an_answer_is_held_and_then_leaves_with_all_that_goes_with_it(world: World) -> None:
    wire = world.stack.wire("contact-centre")
    async with Scene.of(world) as scene, scene.desk() as desk, wire.listening("outbound.contact-centre") as heard:
        path = f"/v1/tickets/{scene.ticket_id}"
        body = {"text": "Which tray jams?", "then": "wait_for_customer", "seen_status": "received"}
        command = key()
        held = await desk.post(f"{path}/answers", json=body, headers=command)
        assert held.status_code == 201, held.text
        [answer] = held.json()["held"]
        assert (answer["text"], answer["then"], held.json()["status"]) == (body["text"], body["then"], "received")
        seconds = datetime.fromisoformat(answer["due_at"]) - datetime.fromisoformat(answer["held_at"])
        assert seconds.total_seconds() == 2
        repeated = await desk.post(f"{path}/answers", json=body, headers=command)
        assert len(repeated.json()["held"]) == 1, "the same press is one answer"

        shown = await scene.ticket()
        assert "held" not in shown and body["text"] not in str(shown) + str(await scene.timeline())
        ticket = await _left(scene, desk)
        assert ticket["status"] == "waiting_for_customer"
        [entry] = ticket["latest_entries"]
        assert (entry["text"], entry["author"]) == (body["text"], "team")
        lines = await scene.timeline(desk)
        assert sum(line["text"] == body["text"] for line in lines) == 1
        assert {line["actor_kind"] for line in lines[:2]} == {"team"}, "it is the agent's act, not the clock's"
        await heard.types_of(scene.ticket_id, "contact-centre.case.changed.v1")
        told = [value_of(record) for record in heard.of(scene.ticket_id)]
        assert [entry["text"] for value in told for entry in value.get("entries", ())].count(body["text"]) == 1
        late = await desk.delete(f"{path}/answers/{answer['answer_id']}")
        assert (late.status_code, late.json()["code"]) == (409, "answer_not_held")


async def test_what_is_taken_back_was_never_said(world: World) -> None:
    wire = world.stack.wire("contact-centre")
    async with (
        Scene.of(world) as scene,
        scene.desk() as desk,
        scene.desk() as colleague,
        wire.listening("outbound.contact-centre") as heard,
    ):
        path = f"/v1/tickets/{scene.ticket_id}"
        before = (await scene.ticket(desk))["version"]
        written = await desk.post(f"{path}/answers", json={"text": "Rubbish!", "then": "resolve", "cause": "other"})
        [answer] = written.json()["held"]
        own = f"{path}/answers/{answer['answer_id']}"
        for refused, status in ((await scene.customer.delete(own), 403), (await colleague.delete(own), 403)):
            assert refused.status_code == status
        undo = key()
        undone = await desk.delete(own, headers=undo)
        assert (undone.status_code, undone.json()["held"], undone.json()["status"]) == (200, [], "received")
        assert (await desk.delete(own, headers=undo)).status_code == 200, "the same press again"
        assert (await desk.delete(own)).json()["code"] == "answer_not_held"
        # What comes after it has come, and nothing of it has.
        await desk.post(f"{path}/notes", json={"text": "the last word"})
        await heard.types_of(scene.ticket_id, "contact-centre.case.changed.v1")
        assert "Rubbish" not in str([value_of(record) for record in heard.of(scene.ticket_id)])
        assert "Rubbish" not in str(await scene.timeline(desk))
        assert (await scene.ticket(desk))["version"] > before


async def test_an_answer_that_finds_the_ticket_ended_keeps_its_text_for_its_author(world: World) -> None:
    async with Scene.of(world) as scene, scene.desk() as desk:
        path = f"/v1/tickets/{scene.ticket_id}"
        held = await desk.post(f"{path}/answers", json={"text": "We call you at noon"})
        [answer] = held.json()["held"]
        assert (await scene.customer.post(f"{path}/cancel", json={})).status_code == 200

        async def failed() -> dict[str, Any] | None:
            [kept] = (await scene.ticket(desk))["held"]
            return kept if kept["failed_at"] else None

        kept = await eventually(failed, within=30, what="the answer that could not leave")
        assert kept["text"] == "We call you at noon"
        flagged = (await desk.get("/v1/tickets", params={"queue": "flagged", "q": scene.number})).json()["items"]
        assert [item["ticket_id"] for item in flagged] == [scene.ticket_id]
        assert "noon" not in str(await scene.timeline(desk)) + str(await scene.ticket())
        async with scene.desk() as colleague:  # its author may have left the company
            dropped = await colleague.delete(f"{path}/answers/{answer['answer_id']}")
        assert (dropped.status_code, dropped.json()["held"]) == (200, [])
        assert not (await desk.get("/v1/tickets", params={"queue": "flagged", "q": scene.number})).json()["items"]


async def test_a_fault_that_the_desk_ends_says_what_it_was(world: World) -> None:
    async with Scene.of(world) as scene, scene.desk() as desk:
        path = f"/v1/tickets/{scene.ticket_id}"
        silent = await desk.post(f"{path}/answers", json={"text": "Works again", "then": "close"})
        assert (silent.status_code, silent.json()["code"]) == (422, "cause_missing")
        assert silent.json()["errors"][0]["field"] == "cause"
        odd = await desk.post(f"{path}/answers", json={"text": "x", "kind": "note", "then": "resolve"})
        assert (odd.status_code, odd.json()["errors"][0]["field"]) == (422, "then")
        moved = await desk.post(f"{path}/answers", json={"text": "x", "seen_status": "on_site"})
        assert (moved.status_code, moved.json()["code"]) == (409, "ticket_moved_on")
        body = {"text": "A setting of the tray", "then": "close", "cause": "settings"}
        assert (await desk.post(f"{path}/answers", json=body)).status_code == 201
        ticket = await _left(scene, desk)
        assert (ticket["status"], ticket["solution_cause"]) == ("closed", "settings")
        too_late = await desk.post(f"{path}/answers", json={"text": "One more thing"})
        assert (too_late.status_code, too_late.json()["code"]) == (409, "transition_refused")
        noted = await desk.post(f"{path}/answers", json={"text": "was quick", "kind": "note"})
        assert noted.status_code == 201, "a note fits any ticket"
        assert (await _left(scene, desk))["note_count"] == 1
        assert "was quick" not in str(await scene.timeline())


async def test_an_answer_outlives_its_service_and_leaves_once(world: World) -> None:
    async with Scene.of(world) as scene, scene.desk() as desk:
        held = await desk.post(f"/v1/tickets/{scene.ticket_id}/answers", json={"text": "We are on it"})
        assert held.status_code == 201
        scene.world.stack.servers.restart("tickets", environment={HELD: "2"})
        ticket = await _left(scene, desk)
        assert [entry["text"] for entry in ticket["latest_entries"]] == ["We are on it"]


async def test_only_so_many_answers_wait_at_a_time(world: World) -> None:
    async with Scene.of(world) as scene, scene.desk() as desk:
        path = f"/v1/tickets/{scene.ticket_id}/answers"
        statuses = [(await desk.post(path, json={"text": f"Word {n}"})).status_code for n in range(6)]
        assert statuses == [201] * 5 + [409]
        ticket = await _left(scene, desk)
        assert ticket["entry_count"] == 5


async def test_the_desk_has_its_queues_and_finds_people_and_companies(world: World) -> None:
    async with Scene.of(world) as scene, scene.desk() as desk:

        async def found(**params: str) -> list[str]:
            answer = await desk.get("/v1/tickets", params={"limit": "100", **params})
            assert answer.status_code == 200, answer.text
            return [item["ticket_id"] for item in answer.json()["items"]]

        ticket = await scene.ticket(desk)
        assert ticket["contact"]["email"] == scene.manager.email
        company, town = ticket["account_name"], ticket["site"]["city"]
        for text in (company, company.upper(), scene.manager.email, ticket["service_number"], scene.number.lower()):
            assert scene.ticket_id in await found(q=text), text
        for text in (f"{company} {town}", f"{ticket['contact']['name']} {ticket['device']['serial'].lower()}"):
            assert scene.ticket_id in await found(q=text), text
        assert scene.ticket_id not in await found(q=f"{company} Nowhere")

        assert scene.ticket_id in await found(queue="acknowledge", sort="due", q=scene.number)
        before = (await desk.get("/v1/tickets/facets")).json()["queues"]
        assert (await desk.post(f"/v1/tickets/{scene.ticket_id}/acknowledge", json={})).status_code == 200
        assert not await found(queue="acknowledge", q=scene.number)
        assert (await desk.get("/v1/tickets/facets")).json()["queues"]["acknowledge"] <= before["acknowledge"]

        await scene.tell("planned")
        await eventually(lambda: _planned(scene))
        wanted = await scene.customer.post(
            f"/v1/tickets/{scene.ticket_id}/visits/V-{scene.number}/reply", json={"reply": "other_window_wanted"}
        )
        assert wanted.status_code in (200, 201), wanted.text
        assert await found(queue="other_time", q=scene.number) == [scene.ticket_id]
        parts = {"text": "A roller is ordered", "then": "wait_for_parts"}
        assert (await desk.post(f"/v1/tickets/{scene.ticket_id}/answers", json=parts)).status_code == 201
        await _left(scene, desk)
        assert await found(queue="parts", q=scene.number) == [scene.ticket_id]

        for params in ({"queue": "flagged"}, {"sort": "due"}):
            refused = await scene.customer.get("/v1/tickets", params=params)
            assert refused.status_code == 403, "what is flagged is the desk's affair"
        assert (await scene.customer.get("/v1/tickets/export.csv", params={"queue": "parts"})).status_code == 403
        assert (await scene.customer.get("/v1/tickets/facets")).json().get("queues") is None
        assert not (await scene.customer.get("/v1/tickets", params={"q": scene.manager.email})).json()["items"]


async def test_a_word_of_too_many_names_stands_in_no_other_s_way(world: World, stack: Stack) -> None:
    async with Scene.of(world) as scene, scene.desk() as desk:
        client = stack.store()
        accounts = stack.database(client, "tickets")["view_accounts"]
        word = f"oy{world.prefix}"
        crowd = [{"_id": f"{word}-{n}", "version": 0, "name": word, "keys": [word]} for n in range(MOST_NAMED + 1)]
        await accounts.insert_many(crowd)
        try:
            for text in (f"{word} {scene.number}", f"{scene.manager.email} {word}"):
                answer = await desk.get("/v1/tickets", params={"q": text})
                assert [item["ticket_id"] for item in answer.json()["items"]] == [scene.ticket_id], text
            assert (await desk.get("/v1/tickets", params={"q": word})).json()["items"] == []
        finally:
            await accounts.delete_many({"keys": word})
            await client.close()


async def _planned(scene: Scene) -> bool:
    return bool((await scene.ticket())["visits"])
