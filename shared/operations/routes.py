"""The figures over HTTP, and handling a parked key again."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from shared.access.caller import Caller
from shared.contracts import actions
from shared.http.body import Body
from shared.http.caller import may
from shared.operations.figures import Operations
from shared.operations.models import Figures, Requeued
from shared.operations.parked import Requeues

router = APIRouter(tags=["operations"])


class Requeue(Body):
    id: str = Field(min_length=1, max_length=1_000, description="of a parked key's first record")


@router.get("/v1/operations")
async def read_figures(request: Request, caller: Annotated[Caller, may(actions.READ_OPERATIONS)]) -> Figures:
    """How the service runs: health, lag, what waits, what is parked, time per hop. Nothing of it is personal."""
    operations: Operations = request.app.state.operations
    return await operations.figures()


@router.post("/v1/operations/parked/requeue")
async def requeue_parked(
    request: Request, body: Requeue, caller: Annotated[Caller, may(actions.REQUEUE_PARKED)]
) -> Requeued:
    """Handle a parked key again: its records in order, to the first that fails. What is not there any more is 404."""
    requeues: Requeues = request.app.state.requeues
    return await requeues.requeue(body.id, caller=caller)
