"""What a client hears when the store refuses an operation: its own database may have gone, or we asked for nonsense."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from shared.contracts import actions
from shared.http.caller import public
from tests.plumbing.probe import Probe, front_door

router = APIRouter()


@router.get("/v1/nonsense", dependencies=[public(actions.READ_HEALTH)])
async def nonsense(request: Request) -> Any:
    """An operation that no store knows."""
    return await request.app.state.service.db.command("no_such_operation")


@router.get("/v1/terminated", dependencies=[public(actions.READ_HEALTH)])
async def terminated() -> None:
    """What the store says of every operation while it has lost its own database."""
    raise OperationFailure("FATAL: terminating connection due to administrator command", code=1)


async def test_a_refused_operation_is_a_failure_of_ours_while_the_store_answers(probe: Probe) -> None:
    async with probe.start(routers=[router]) as service, front_door(service) as door:
        for path in ("/v1/nonsense", "/v1/terminated"):
            answer = await door.get(path)
            assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
            assert "FATAL" not in answer.text and "no_such" not in answer.text


async def test_a_refused_operation_is_a_store_that_is_away_where_it_answers_nothing_else(probe: Probe) -> None:
    nowhere: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient("mongodb://127.0.0.1:9", timeoutMS=300)
    async with probe.start(routers=[router]) as service, front_door(service) as door, nowhere:
        app = service.parts.app
        app.state.service = replace(service, db=nowhere["gone"])
        answer = await door.get("/v1/terminated")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "FATAL" not in answer.text
        app.state.service = service
