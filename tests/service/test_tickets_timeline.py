"""The conversation by HTTP: in pages, with one limit for an entry on every way in (TIC-7)."""

import base64
import json
from typing import Any

import pytest

from shared.contracts.inbound import ContactCentreTicketReplied
from shared.contracts.tickets import ENTRY_LIMIT
from tests.service.tickets_scene import Scene
from tests.support.wire import headers_for, type_of, value_of
from tests.support.world import World


def cursor_of(**position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


async def test_the_timeline_is_read_in_pages_and_a_list_has_no_conversation(world: World) -> None:
    async with Scene.of(world) as scene:
        path = f"/v1/tickets/{scene.ticket_id}"
        for number in range(7):
            written = await scene.customer.post(f"{path}/updates", json={"text": f"word {number}"})
            assert written.status_code == 201
        texts: list[str] = []
        params: dict[str, str | int] = {"limit": 3}
        while True:
            page = (await scene.customer.get(f"{path}/timeline", params=params)).json()
            assert len(page["items"]) <= 3
            texts += [item["text"] for item in page["items"] if item["text"]]
            if page["next"] is None:
                break
            params["cursor"] = page["next"]
        assert texts == [f"word {number}" for number in reversed(range(7))]
        ticket = await scene.ticket()
        assert ticket["entry_count"] == 7
        assert [entry["text"] for entry in ticket["latest_entries"]] == ["word 4", "word 5", "word 6"]
        [row] = (await scene.customer.get("/v1/tickets")).json()["items"]
        assert row["entry_count"] == 7
        assert not {"latest_entries", "report"} & set(row)


@pytest.mark.parametrize("text", ["a\0b", "\0"])
async def test_a_text_that_could_not_be_told_is_refused_by_its_field_and_rule(world: World, text: str) -> None:
    async with Scene.of(world) as scene:
        path = f"/v1/tickets/{scene.ticket_id}/updates"
        answer = await scene.customer.post(path, json={"text": text})
        assert answer.status_code == 422, answer.text
        assert [(one["field"], one["rule"]) for one in answer.json()["errors"]] == [("text", "text_broken")]


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        cursor_of(at="yesterday", id="x"),
        cursor_of(at="0001-01-01T00:00:00+14:00", id="x"),
        cursor_of(at="0001-01-01T00:00:00+00:00", id="x"),
        cursor_of(at="9999-12-31T23:59:59+00:00", id="x"),
        cursor_of(at="2026-12-07T08:00:00+00:00", id="a\0b"),
        cursor_of(id="x"),
        cursor_of(at=7, id="x"),
    ],
)
async def test_a_cursor_that_is_not_ours_is_refused(world: World, cursor: str) -> None:
    async with Scene.of(world) as scene:
        for path in (f"/v1/tickets/{scene.ticket_id}/timeline", "/v1/tickets"):
            answer = await scene.customer.get(path, params={"cursor": cursor})
            assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


async def test_an_entry_has_one_limit_whichever_way_it_comes(world: World) -> None:
    wire = world.stack.wire("contact-centre")
    async with Scene.of(world) as scene, scene.desk() as desk:
        path = f"/v1/tickets/{scene.ticket_id}"
        for client, way in ((scene.customer, "updates"), (desk, "notes"), (desk, "work-orders"), (desk, "resolve")):
            field = "symptom" if way == "work-orders" else "text"
            answer = await client.post(f"{path}/{way}", json={field: "x" * (ENTRY_LIMIT + 1)})
            assert answer.status_code == 422, way
            [error] = answer.json()["errors"]
            assert (error["field"], error["rule"]) == (field, "string_too_long")
            assert str(ENTRY_LIMIT) in error["message"]
        fits = await scene.customer.post(f"{path}/updates", json={"text": "x" * ENTRY_LIMIT})
        assert fits.status_code == 201
        reply = {
            "ticket_id": scene.ticket_id,
            "occurred_at": fits.json()["status_since"],
            "reply_id": "r1",
            "audience": "public",
            "text": "x" * (ENTRY_LIMIT + 1),
        }
        async with wire.listening("inbound.contact-centre.rejected") as heard:
            headers = headers_for(ContactCentreTicketReplied.type, f"too-long-{world.prefix}")
            await wire.send_raw("inbound.contact-centre", scene.ticket_id, json.dumps(reply).encode(), headers)
            answers = await heard.until(
                lambda own: [
                    value_of(record)
                    for record in own.of(scene.ticket_id)
                    if type_of(record) == "lockstep.record.rejected.v1"
                ]
            )
        assert answers[0]["reason"].startswith("text: ")
        assert str(ENTRY_LIMIT) in answers[0]["reason"]
