"""Commands that are told twice: by whom, by which way and with which key, after sight, on the real store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request

from shared.access.scope import EVERYTHING, Scope
from shared.http.caller import CallerDep
from shared.http.commands import CommandDep
from shared.ids import new_id
from shared.outbox import Change, memory
from shared.outbox.command import Command
from shared.outbox.entry import Document
from shared.problems import Forbidden, KeyReused
from tests.plumbing.issuer import Issuer
from tests.plumbing.probe import THINGS, Probe, Service, front_door
from tests.plumbing.things import CAUSE, a_thing, changed, counted, the_thing
from tests.support.waiting import eventually

router = APIRouter()


def in_sight_of(caller_id: str) -> Scope:
    return Scope({"seen_by": caller_id})


@router.post("/things", status_code=201)
async def make(request: Request, caller: CallerDep, command: CommandDep) -> dict[str, Any]:
    service: Service = request.app.state.service
    document = {"_id": command.document_id, "name": caller.id, "count": 0, "seen_by": [caller.id]}
    made = await service.outbox.insert(
        THINGS, document, [changed("made")], cause=CAUSE, scope=in_sight_of(caller.id), command=command
    )
    return {"id": made["_id"], "name": made["name"]}


@router.post("/things/{key}/{action}")
async def act(key: str, action: str, request: Request, caller: CallerDep, command: CommandDep) -> dict[str, Any]:
    service: Service = request.app.state.service

    def decide(document: Document) -> Change:
        count = document["count"] + 1
        return Change(set={"count": count, f"did.{action}": caller.id}, events=[changed(action, count)])

    def permit(document: Document) -> None:
        if caller.id in document.get("only_looking", ()):
            raise Forbidden()

    done = await service.outbox.change(
        THINGS, key, decide, scope=in_sight_of(caller.id), cause=CAUSE, command=command, permit=permit
    )
    return {"count": done["count"], "did": done["did"]}


@dataclass
class Scene:
    service: Service
    door: httpx.AsyncClient
    issuer: Issuer
    key: str = field(default_factory=new_id)

    async def post(self, caller: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.issuer.token(caller)}", "Idempotency-Key": self.key}
        return await self.door.post(path, json=body, params=query, headers=headers)

    async def thing(self, *seen_by: str) -> str:
        thing = await a_thing(self.service)
        await self.service.db["things"].update_one({"_id": thing}, {"$set": {"seen_by": list(seen_by)}})
        return thing


async def a_user(_: Any, user_id: str) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "version": 1,
        "status": "active",
        "staff_roles": [],
        "rights": [],
        "country": "FI",
        "language": "fi",
        "time_zone": "Europe/Helsinki",
    }


@pytest.fixture
async def scene(probe: Probe) -> AsyncIterator[Scene]:
    """A probe with two routes that take commands, and callers."""
    async with contextlib.AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(Issuer().serving())
        service = await stack.enter_async_context(
            probe.start(routers=[router], key_set_url=issuer.url, load_user=a_user)
        )
        door = await stack.enter_async_context(front_door(service))

        async def ready() -> bool:
            return bool(service.parts.running.tokens.ready)

        await eventually(ready)
        yield Scene(service, door, issuer)


async def test_the_same_caller_route_key_and_body_is_one_command_however_often_it_comes(scene: Scene) -> None:
    first = await scene.post("anna", "/things", {"a": 1})
    again = await scene.post("anna", "/things", {"a": 1})
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, first.json())
    thing = first.json()["id"]
    answers = await asyncio.gather(*(scene.post("anna", f"/things/{thing}/count", {"n": 1}) for _ in range(4)))
    assert [answer.json()["count"] for answer in answers] == [1] * 4
    document = await the_thing(scene.service, thing)
    (known,) = document["commands"]
    assert (known["caller"], known["route"], known["key"]) == ("anna", f"POST /things/{thing}/count", scene.key)
    assert (known["version"], document["version"], document["creation"]["version"]) == (2, 2, 1)


async def test_the_same_caller_route_and_key_with_another_body_is_refused(scene: Scene) -> None:
    thing = (await scene.post("anna", "/things", {"a": 1})).json()["id"]
    await scene.post("anna", f"/things/{thing}/count", {"n": 1})
    for again in (
        await scene.post("anna", "/things", {"a": 2}),
        await scene.post("anna", f"/things/{thing}/count", {"n": 2}),
        await scene.post("anna", f"/things/{thing}/count", {"n": 1}, dry_run="true"),
    ):
        assert (again.status_code, again.json()["code"]) == (422, "idempotency_key_reused")
    assert (await the_thing(scene.service, thing))["version"] == 2


async def test_another_callers_key_and_body_is_another_command(scene: Scene) -> None:
    thing = await scene.thing("anna", "bert")
    await scene.post("anna", f"/things/{thing}/count", {"n": 1})
    other = await scene.post("bert", f"/things/{thing}/count", {"n": 1})
    assert (other.status_code, other.json()["count"]) == (200, 2)
    made = [(await scene.post(caller, "/things", {"a": 1})).json() for caller in ("anna", "bert")]
    assert [one["name"] for one in made] == ["anna", "bert"]
    assert made[0]["id"] != made[1]["id"]


async def test_one_key_for_two_actions_does_both(scene: Scene) -> None:
    thing = await scene.thing("anna")
    for action in ("acknowledge", "resolve"):
        assert (await scene.post("anna", f"/things/{thing}/{action}", {})).status_code == 200
    assert (await the_thing(scene.service, thing))["did"] == {"acknowledge": "anna", "resolve": "anna"}


async def test_a_repeated_answer_is_a_read_and_needs_sight(scene: Scene) -> None:
    made = (await scene.post("anna", "/things", {"a": 1})).json()["id"]
    await scene.post("anna", f"/things/{made}/count", {"n": 1})
    await scene.service.db["things"].update_one({"_id": made}, {"$set": {"seen_by": ["bert"]}})
    for path, body in (("/things", {"a": 1}), (f"/things/{made}/count", {"n": 1})):
        again = await scene.post("anna", path, body)
        assert (again.status_code, again.json()["code"]) == (404, "not_found")
        assert (await scene.post("anna", path, {"other": "body"})).status_code == 404
    assert (await scene.post("bert", f"/things/{made}/count", {"n": 1})).json()["count"] == 2


async def test_who_may_only_look_is_refused_before_a_repetition_is_answered(scene: Scene) -> None:
    thing = await scene.thing("anna")
    await scene.post("anna", f"/things/{thing}/count", {"n": 1})
    await scene.service.db["things"].update_one({"_id": thing}, {"$set": {"only_looking": ["anna"]}})
    assert (await scene.post("anna", f"/things/{thing}/count", {"n": 1})).status_code == 403


async def test_a_create_is_remembered_for_ever_and_its_answer_can_be_asked_for(probe: Probe) -> None:
    async with probe.start() as service:
        command = Command("caller", "POST /things", new_id(), "hash")
        assert await service.outbox.created_by(THINGS, command, scope=EVERYTHING) is None
        document = {"_id": command.document_id, "name": "once", "count": 0}
        for _ in range(2):
            made = await service.outbox.create_or_change(
                THINGS,
                command.document_id,
                create=lambda: Change(set=document, events=[changed("once")]),
                decide=counted,
                scope=EVERYTHING,
                cause=CAUSE,
                command=command,
            )
            assert (made["count"], made["version"]) == (0, 1)
        assert (await service.outbox.created_by(THINGS, command, scope=EVERYTHING) or {})["name"] == "once"
        assert await service.outbox.created_by(THINGS, command, scope=Scope({"name": "other"})) is None
        with pytest.raises(KeyReused):
            other = Command("caller", command.route, command.key, "another body")
            await service.outbox.created_by(THINGS, other, scope=EVERYTHING)


async def test_commands_are_remembered_for_a_day_and_two_hundred_of_them(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with probe.start() as service:
        thing = await a_thing(service)

        async def count(number: int) -> Document:
            command = Command("caller", f"POST /things/{thing}/count", f"key {number}", "hash")
            return await service.outbox.change(THINGS, thing, counted, scope=EVERYTHING, cause=CAUSE, command=command)

        for number in range(3):
            await count(number)
        yesterday = datetime.now(UTC) - timedelta(hours=25)
        await service.db["things"].update_one({"_id": thing}, {"$set": {"commands.0.at": yesterday}})
        await count(3)
        known = [command["key"] for command in (await the_thing(service, thing))["commands"]]
        assert known == ["key 1", "key 2", "key 3"]
        assert memory.MOST_COMMANDS == 200
        monkeypatch.setattr(memory, "MOST_COMMANDS", 5)
        for number in range(4, 9):
            await count(number)
        known = [command["key"] for command in (await the_thing(service, thing))["commands"]]
        assert known == [f"key {number}" for number in range(4, 9)]
