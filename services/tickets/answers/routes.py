"""HTTP of the contact centre's answers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field, ValidationInfo, field_validator

from services.tickets.aggregate.values import Then
from services.tickets.answers import operations
from services.tickets.answers.operations import Written
from services.tickets.service import Deps
from services.tickets.tickets.routes import Language, Text, shown
from services.tickets.tickets.views import TicketView
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.tickets import SolutionCause, TicketStatus
from shared.http.body import Body
from shared.http.caller import may
from shared.http.commands import CommandDep, IfMatch

router = APIRouter(tags=["answers"])


class WriteAnswer(Body):
    """What the agent writes: to the customer, or as a note that only staff see."""

    text: Text
    kind: Literal["reply", "note"] = "reply"
    then: Then = Field(default="nothing", description="what becomes of the ticket with the reply")
    cause: SolutionCause | None = Field(
        default=None, description="needed to resolve or close a fault that no engineer has reported on"
    )
    language: Language | None = None
    seen_status: TicketStatus | None = Field(
        default=None, description="on which the agent has decided; when it is another by now, he is asked again"
    )

    @field_validator("then")
    @classmethod
    def _a_note_decides_nothing(cls, then: Then, info: ValidationInfo) -> Then:
        if info.data.get("kind") == "note" and then != "nothing":
            raise ValueError("an internal note leaves the ticket as it is")
        return then


@router.post("/v1/tickets/{ticket_id}/answers", status_code=201, response_model=TicketView)
async def hold_answer(
    ticket_id: str,
    body: WriteAnswer,
    caller: Annotated[Caller, may(actions.HANDLE_TICKET)],
    command: CommandDep,
    if_match: IfMatch,
    deps: Deps,
) -> Response:
    """Write an answer that leaves in a few seconds (`held.due_at`), and can be taken back until then.

    Mail, events and the change of state come when it leaves; before, only staff see it.
    """
    document = await operations.hold(
        deps,
        caller=caller,
        ticket_id=ticket_id,
        written=Written(body.text, body.kind, body.then, body.cause, body.language, body.seen_status),
        command=command,
        if_match=if_match,
    )
    return await shown(deps, caller, document, status=201)


@router.delete("/v1/tickets/{ticket_id}/answers/{answer_id}", response_model=TicketView)
async def take_answer_back(
    ticket_id: str,
    answer_id: str,
    caller: Annotated[Caller, may(actions.HANDLE_TICKET)],
    command: CommandDep,
    deps: Deps,
) -> Response:
    """Drop an answer before it leaves, or one that could not; afterwards 409 `answer_not_held`."""
    document = await operations.take_back(
        deps, caller=caller, ticket_id=ticket_id, answer_id=answer_id, command=command
    )
    return await shown(deps, caller, document)


@router.post("/v1/tickets/{ticket_id}/flags/settle", response_model=TicketView)
async def settle_flags(
    ticket_id: str, caller: Annotated[Caller, may(actions.HANDLE_TICKET)], command: CommandDep, deps: Deps
) -> Response:
    """Say that the flags so far have been looked at: the ticket leaves the queue of flagged ones."""
    return await shown(
        deps,
        caller,
        await operations.settle_flags(deps, caller=caller, ticket_id=ticket_id, command=command),
    )
