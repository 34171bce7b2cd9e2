"""HTTP of the history: who changed an account or a user, when, by which way and why (IDN-13)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from services.identity.accounts import queries as accounts
from services.identity.accounts.store import ACCOUNTS
from services.identity.service import Deps
from services.identity.users import operations as users
from services.identity.users.store import USERS
from shared.access.caller import Caller
from shared.access.permissions import require
from shared.contracts import actions
from shared.http.caller import may
from shared.outbox import HistoryRow

router = APIRouter(tags=["history"])


class HistoryEntry(BaseModel):
    """One change. What stood there before and after is not repeated here: it may be personal."""

    id: str
    sequence: int
    type: str
    at: datetime
    actor: str | None
    on_behalf_of: str | None
    channel: str | None
    reason: str | None
    correlation_id: str | None

    @classmethod
    def of(cls, row: HistoryRow) -> "HistoryEntry":
        return cls(
            id=row.id,
            sequence=row.sequence,
            type=row.type,
            at=row.at,
            actor=row.actor,
            on_behalf_of=row.on_behalf_of,
            channel=row.channel,
            reason=row.value.get("reason") if row.value else None,
            correlation_id=row.correlation_id,
        )


class History(BaseModel):
    items: list[HistoryEntry]


@router.get("/v1/users/{user_id}/history")
async def user_history(user_id: str, caller: Annotated[Caller, may(actions.READ_USER)], deps: Deps) -> History:
    """What happened to a user, newest first; for himself and for those who manage him."""
    document = await users.find_visible(deps, caller=caller, user_id=user_id)
    rows = await deps.outbox.history(USERS, document)
    return History(items=[HistoryEntry.of(row) for row in reversed(rows)])


@router.get("/v1/accounts/{account_id}/history")
async def account_history(
    account_id: str, caller: Annotated[Caller, may(actions.READ_ACCOUNT_HISTORY)], deps: Deps
) -> History:
    """What happened to an account, newest first; for its administrators and staff."""
    document = await accounts.find_account(deps, caller=caller, account_id=account_id)
    require(caller, actions.READ_ACCOUNT_HISTORY, account_id=account_id)
    rows = await deps.outbox.history(ACCOUNTS, document)
    return History(items=[HistoryEntry.of(row) for row in reversed(rows)])
