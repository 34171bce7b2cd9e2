"""HTTP of users: oneself, and those whom one administers."""

from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.identity.fields import Country, Email, Language, Name, Phone, Reason, TimeZone
from services.identity.service import Deps, Service
from services.identity.users import operations, queries
from services.identity.users.access import authority_of
from services.identity.users.domain import Step
from services.identity.users.operations import NewUser
from services.identity.users.store import Document
from services.identity.users.store import find as find_document
from services.identity.users.views import MeView, Users, UserView
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.identity import Right, StaffRole, UserStatus
from shared.http.body import Body
from shared.http.caller import may
from shared.http.commands import CommandDep, IfMatch, with_etag
from shared.http.paging import Cursor, Limit
from shared.http.seen import seen
from shared.outbox import Cause
from shared.outbox.command import Command
from shared.problems import Invalid

router = APIRouter(tags=["users"])

Rights = Annotated[tuple[Right, ...], Field(max_length=500)]


class NewUserBody(Body):
    verbatim: ClassVar[frozenset[str]] = frozenset({"password"})

    first_name: Name
    last_name: Name
    email: Email
    phone: Phone | None = None
    language: Language
    time_zone: TimeZone
    country: Country
    password: str | None = Field(default=None, max_length=1000)
    staff_roles: tuple[StaffRole, ...] = ()
    rights: Rights = ()


class RightsBody(Body):
    rights: Rights


class ReasonBody(Body):
    reason: Reason | None = None


class PasswordBody(Body):
    verbatim: ClassVar[frozenset[str]] = frozenset({"password"})

    password: str = Field(min_length=1, max_length=1000)


class ProfilePatch(Body):
    """Fields to change; `phone: null` removes the number."""

    first_name: Name | None = None
    last_name: Name | None = None
    phone: Phone | None = None
    language: Language | None = None
    time_zone: TimeZone | None = None


@router.get("/v1/me")
async def me(caller: Annotated[Caller, may(actions.READ_PROFILE)], response: Response, deps: Deps) -> MeView:
    """Who one is, and what one may do."""
    return await _me(deps, response, await _own_document(deps, caller))


@router.patch("/v1/me")
async def change_me(
    body: ProfilePatch,
    caller: Annotated[Caller, may(actions.CHANGE_PROFILE)],
    if_match: IfMatch,
    response: Response,
    deps: Deps,
) -> MeView:
    """Change one's own name, phone, language or time zone."""
    given = body.model_dump(exclude_unset=True)
    for field, value in given.items():
        if value is None and field != "phone":
            raise Invalid("This field cannot be empty.", field=field, rule="required")
    document = await operations.edit_profile(
        deps,
        user_id=caller.id,
        person={name: value for name, value in given.items() if name in {"first_name", "last_name", "phone"}},
        settings={name: value for name, value in given.items() if name in {"language", "time_zone"}},
        cause=Cause.of(caller),
        if_match=if_match,
    )
    _mark(response, document)
    return await _me(deps, response, document)


@router.post("/v1/users", status_code=201)
async def create_user(
    body: NewUserBody,
    caller: Annotated[Caller, may(actions.CREATE_USER)],
    command: CommandDep,
    response: Response,
    deps: Deps,
) -> UserView:
    """Create a user with rights; with a password (service administrators alone) he is active at once."""
    document = await operations.create_user(
        deps,
        caller=caller,
        user_id=command.document_id,
        request=NewUser(**body.model_dump()),
        cause=Cause.of(caller),
        command=command,
    )
    return _answer(response, document, caller)


@router.get("/v1/users")
async def list_users(
    caller: Annotated[Caller, may(actions.LIST_USERS)],
    deps: Deps,
    account_id: str | None = None,
    status: UserStatus | None = None,
    q: Annotated[
        str | None, Query(max_length=254, description="beginning of the last name, or a whole address")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    total: bool = False,
) -> Users:
    """The users in sight: of the accounts that one administers, and oneself; all of them for the contact centre."""
    found = await queries.list_users(
        deps,
        caller=caller,
        account_id=account_id,
        status=status,
        text=q,
        limit=limit,
        cursor=cursor,
        with_total=total,
    )
    authority = authority_of(caller)
    items = [UserView.of(document, authority) for document in found.page.documents]
    page = found.page
    return Users(items=items, counts=found.counts, next=page.next, previous=page.previous, total=found.total)


@router.get("/v1/users/{user_id}")
async def get_user(
    user_id: str, caller: Annotated[Caller, may(actions.READ_USER)], response: Response, deps: Deps
) -> UserView:
    """A user with his rights; what the caller may not manage of them is left out."""
    document = await operations.find_visible(deps, caller=caller, user_id=user_id)
    with_etag(response, document["version"])
    return UserView.of(document, authority_of(caller))


@router.put("/v1/users/{user_id}/rights")
async def change_rights(
    user_id: str,
    body: RightsBody,
    caller: Annotated[Caller, may(actions.MANAGE_USER)],
    if_match: IfMatch,
    response: Response,
    deps: Deps,
) -> UserView:
    """Replace the rights: all of them, or for an administrator those in the accounts that he administers."""
    document = await operations.change_rights(
        deps,
        caller=caller,
        user_id=user_id,
        wanted=body.rights,
        cause=Cause.of(caller),
        if_match=if_match,
    )
    return _answer(response, document, caller)


@router.post("/v1/users/{user_id}/suspend")
async def suspend(
    user_id: str,
    body: ReasonBody,
    caller: Annotated[Caller, may(actions.MANAGE_USER)],
    command: CommandDep,
    response: Response,
    deps: Deps,
) -> UserView:
    """Suspend a user: his sessions end, and every service refuses him within seconds."""
    return await _step(deps, response, caller, command, user_id, Step.SUSPEND, body.reason)


@router.post("/v1/users/{user_id}/reactivate")
async def reactivate(
    user_id: str,
    body: ReasonBody,
    caller: Annotated[Caller, may(actions.MANAGE_USER)],
    command: CommandDep,
    response: Response,
    deps: Deps,
) -> UserView:
    """Let a suspended user in again."""
    return await _step(deps, response, caller, command, user_id, Step.REACTIVATE, body.reason)


@router.post("/v1/users/{user_id}/remove")
async def remove(
    user_id: str,
    body: ReasonBody,
    caller: Annotated[Caller, may(actions.MANAGE_USER)],
    command: CommandDep,
    response: Response,
    deps: Deps,
) -> UserView:
    """Remove a user for good: rights and password go, what he did stays. His address can be used anew."""
    return await _step(deps, response, caller, command, user_id, Step.REMOVE, body.reason)


@router.post("/v1/users/{user_id}/activate")
async def activate(
    user_id: str,
    body: PasswordBody,
    caller: Annotated[Caller, may(actions.SET_FIRST_PASSWORD)],
    command: CommandDep,
    response: Response,
    deps: Deps,
) -> UserView:
    """Give a pending user his first password; for service administrators and their machine clients."""
    document = await operations.set_first_password(
        deps,
        caller=caller,
        user_id=user_id,
        password=body.password,
        cause=Cause.of(caller),
        command=command,
    )
    return _answer(response, document, caller)


async def _step(
    deps: Service, response: Response, caller: Caller, command: Command, user_id: str, step: Step, reason: str | None
) -> UserView:
    document = await operations.take_step(
        deps,
        caller=caller,
        user_id=user_id,
        step=step,
        reason=reason,
        cause=Cause.of(caller),
        command=command,
    )
    return _answer(response, document, caller)


async def _me(deps: Service, response: Response, document: Document) -> MeView:
    with_etag(response, document["version"])
    accounts = await queries.accounts_named_in(deps, document)
    return MeView.of(document, accounts)


async def _own_document(deps: Service, caller: Caller) -> Document:
    document = await find_document(deps.db, caller.id)
    if document is None:
        raise operations.UserNotFound()
    return document


def _answer(response: Response, document: Document, caller: Caller) -> UserView:
    with_etag(response, document["version"])
    _mark(response, document)
    return UserView.of(document, authority_of(caller))


def _mark(response: Response, document: Document) -> None:
    """The views of the other services count the events on `identity.users` alone."""
    seen(response, "users", document["_id"], document["state_version"])
