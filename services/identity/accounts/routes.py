"""HTTP of accounts. Master data belongs to the back office: customers read here, staff and its clients write."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.identity.accounts import operations, queries, store
from services.identity.accounts.domain import AccountChanges
from services.identity.accounts.store import Document
from services.identity.fields import AccountNumber, Country, Language, Name
from services.identity.service import Deps
from shared.access.caller import Caller
from shared.access.permissions import require
from shared.contracts import actions
from shared.contracts.identity import AccountState
from shared.http.body import Body
from shared.http.caller import may
from shared.http.commands import CommandDep, IfMatch, with_etag
from shared.http.paging import Cursor, Limit, Page
from shared.http.seen import seen
from shared.outbox import Cause
from shared.problems import Invalid

router = APIRouter(tags=["accounts"])


class NewAccount(Body):
    name: Name
    parent_id: str | None = None
    billing_number: AccountNumber
    service_number: AccountNumber
    country: Country
    language: Language


class AccountPatch(Body):
    """Fields to change; `parent_id: null` makes the account a root."""

    name: Name | None = None
    parent_id: str | None = None
    billing_number: AccountNumber | None = None
    service_number: AccountNumber | None = None
    country: Country | None = None
    language: Language | None = None

    def changes(self) -> AccountChanges:
        given = self.model_dump(exclude_unset=True)
        for field, value in given.items():
            if value is None and field != "parent_id":
                raise Invalid("This field cannot be empty.", field=field, rule="required")
        return AccountChanges(**given)


class AccountView(AccountState):
    version: int

    @classmethod
    def of(cls, document: Document) -> "AccountView":
        return cls(**store.account_of(document).state.model_dump(), version=document["version"])


@router.post("/v1/accounts", status_code=201)
async def open_account(
    body: NewAccount,
    caller: Annotated[Caller, may(actions.OPEN_ACCOUNT)],
    command: CommandDep,
    response: Response,
    deps: Deps,
) -> AccountView:
    """Open an account: the root of a tree, or below a parent."""
    state = AccountState(account_id=command.document_id, **body.model_dump())
    document = await operations.open_account(deps, state=state, cause=Cause.of(caller), command=command)
    return _answer(response, document)


@router.get("/v1/accounts")
async def list_accounts(
    caller: Annotated[Caller, may(actions.LIST_ACCOUNTS)],
    deps: Deps,
    q: Annotated[str | None, Query(max_length=100, description="words of the name, or a number")] = None,
    parent_id: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    total: bool = False,
) -> Page[AccountView]:
    """The accounts in sight, by name."""
    page = await queries.list_accounts(
        deps, caller=caller, text=q, parent_id=parent_id, limit=limit, cursor=cursor, with_total=total
    )
    views = [AccountView.of(document) for document in page.items]
    return Page(items=views, next=page.next, previous=page.previous, total=page.total)


@router.get("/v1/accounts/{account_id}")
async def get_account(
    account_id: str, caller: Annotated[Caller, may(actions.READ_ACCOUNT)], response: Response, deps: Deps
) -> AccountView:
    """An account with both its numbers; `ETag` is its version."""
    document = await queries.find_account(deps, caller=caller, account_id=account_id)
    with_etag(response, document["version"])
    return AccountView.of(document)


@router.patch("/v1/accounts/{account_id}")
async def change_account(
    account_id: str,
    body: AccountPatch,
    caller: Annotated[Caller, may(actions.CHANGE_ACCOUNT)],
    if_match: IfMatch,
    response: Response,
    deps: Deps,
) -> AccountView:
    """Change an account. A replaced number stays searchable as a former one."""
    await queries.find_account(deps, caller=caller, account_id=account_id)
    require(caller, actions.CHANGE_ACCOUNT)
    document = await operations.change_account(
        deps, account_id=account_id, changes=body.changes(), cause=Cause.of(caller), if_match=if_match
    )
    return _answer(response, document)


def _answer(response: Response, document: Document) -> AccountView:
    with_etag(response, document["version"])
    seen(response, "accounts", document["_id"], document["version"])
    return AccountView.of(document)
