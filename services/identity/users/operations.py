"""Use cases of users. A user's document is written after the accounts that he leaves, before those he joins."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.identity.accounts import operations as accounts
from services.identity.accounts import store as account_store
from services.identity.service import Service
from services.identity.sessions import store as sessions
from services.identity.sessions.passwords import hash_new_password
from services.identity.users import domain, store
from services.identity.users.access import require_granting, require_management
from services.identity.users.domain import Authority, Step, User
from services.identity.users.store import USERS, Document
from shared.access.scope import EVERYTHING
from shared.contracts.base import Event
from shared.contracts.identity import PersonState, Right, StaffRole, UserState, UserStatus
from shared.outbox import Cause, Change
from shared.outbox.command import Command
from shared.problems import Conflict, Forbidden, Invalid, NotFound

Decision = Callable[[User], Awaitable[tuple[User, Sequence[Event]]]]


class UserNotFound(NotFound):
    code = "user_not_found"
    title = "There is no such user, or none that you may see"


class StepRefused(Conflict):
    code = "step_refused"
    title = "The user's state does not permit this"


class NewUser(BaseModel):
    """What is told of a new user. With a password he is active at once, without one he waits for his activation."""

    model_config = ConfigDict(frozen=True)

    first_name: str
    last_name: str
    email: str
    phone: str | None
    language: str
    time_zone: str
    country: str
    password: str | None
    staff_roles: tuple[StaffRole, ...]
    rights: tuple[Right, ...]


async def create_user(
    deps: Service, *, authority: Authority, user_id: str, request: NewUser, cause: Cause, command: Command | None = None
) -> Document:
    """Create a user with his rights.

    Raises Forbidden (rights beyond one's own; staff roles and passwords are for service administrators), Invalid (an
    unknown account, a weak password), EmailTaken; UserNotFound when the command was told before and its user is out of
    sight by now.
    """
    await _require_creation(deps, authority, request)
    person = PersonState(user_id=user_id, **request.model_dump(include={"first_name", "last_name", "email", "phone"}))
    password = None
    if request.password is not None:
        password = await hash_new_password(deps.parts.passwords, request.password, person)
    await store.reserve_email(deps.db, request.email, user_id)
    state = UserState(
        user_id=user_id,
        status=UserStatus.ACTIVE if password else UserStatus.PENDING,
        staff_roles=request.staff_roles,
        country=request.country,
        language=request.language,
        time_zone=request.time_zone,
    )
    tree = await tree_of(deps, request.rights)
    user, events = domain.create_user(state, person, request.rights, tree=tree, now=deps.clock())
    document = {"_id": user_id, **store.fields(user), "state_version": len(events), "joined_at": deps.clock()}
    if password:
        document["password"] = password
    created = await deps.outbox.insert(USERS, document, events, cause=cause, scope=EVERYTHING, command=command)
    _require_sight(authority, store.user_of(created))  # the answer to a repeated command is a read, too
    # The tree may have grown between the look and the write, and its followers have looked for users already.
    return await follow_tree_for(deps, user_id=created["_id"], cause=cause)


async def take_step(
    deps: Service,
    *,
    authority: Authority,
    user_id: str,
    step: Step,
    cause: Cause,
    reason: str | None = None,
    command: Command | None = None,
    more: Mapping[str, Any] | None = None,
) -> Document:
    """Suspend, reactivate, remove or activate a user; his sessions end when he is not active afterwards.

    Raises UserNotFound, Forbidden, StepRefused (the state machine), LastAdministrator.
    """

    async def decide(user: User) -> tuple[User, Sequence[Event]]:
        _require_sight(authority, user)
        require_management(authority, user)
        if not domain.possible(user, step):
            raise StepRefused(f"A user who is {user.state.status} cannot be changed by '{step}'.")
        return domain.take_step(user, step, now=deps.clock(), reason=reason)

    unset = ("password",) if step is Step.REMOVE else ()
    document = await change_user(
        deps, user_id=user_id, decide=decide, cause=cause, command=command, more=more, unset=unset
    )
    if document["status"] != UserStatus.ACTIVE.value:
        await sessions.end_all(deps.db, user_id=user_id, reason=step.value)
    return document


async def set_first_password(
    deps: Service, *, authority: Authority, user_id: str, password: str, cause: Cause, command: Command | None
) -> Document:
    """Activate a pending user with a password, in an installation's first hours. Raises as `take_step`, and Invalid."""
    if not authority.manages_all:
        raise Forbidden("This needs: service_admin or scope identity:write.", roles=[StaffRole.SERVICE_ADMIN.value])
    document = await find_visible(deps, authority=authority, user_id=user_id)
    hashed = await hash_new_password(deps.parts.passwords, password, store.user_of(document).person)
    return await take_step(
        deps,
        authority=authority,
        user_id=user_id,
        step=Step.ACTIVATE,
        cause=cause,
        command=command,
        more={"password": hashed},
    )


async def change_rights(
    deps: Service,
    *,
    authority: Authority,
    user_id: str,
    wanted: Sequence[Right],
    cause: Cause,
    if_match: int | None = None,
    command: Command | None = None,
) -> Document:
    """Replace a user's rights: all of them, or those in the accounts that the authority administers.

    Raises UserNotFound, Forbidden, Invalid (an unknown account), LastAdministrator, VersionConflict.
    """
    named = {right.account_id for right in wanted}

    async def decide(user: User) -> tuple[User, Sequence[Event]]:
        _require_sight(authority, user)
        if user.is_staff or user.state.status is UserStatus.REMOVED:
            require_management(authority, user)
        if user.state.status is UserStatus.REMOVED:
            raise StepRefused("A removed user has no rights.")
        require_granting(authority, named)
        await _require_accounts(deps, wanted)
        given = wanted
        if not (authority.manages_all or authority.manages_customers):
            given = domain.replaced_within(user.given, wanted, authority.accounts)
        return domain.give_rights(user, given, tree=await tree_of(deps, given), now=deps.clock())

    return await change_user(deps, user_id=user_id, decide=decide, cause=cause, command=command, if_match=if_match)


async def edit_profile(
    deps: Service,
    *,
    user_id: str,
    person: Mapping[str, str | None],
    settings: Mapping[str, str],
    cause: Cause,
    if_match: int | None = None,
) -> Document:
    """Change one's own personal data and settings. Raises UserNotFound, VersionConflict."""

    def decide(document: Document) -> Change | None:
        after, events = domain.edit(store.user_of(document), person=person, settings=settings, now=deps.clock())
        return store.as_change(document, after, events)

    document = await deps.outbox.change(
        USERS, user_id, decide, scope=EVERYTHING, cause=cause, if_match=if_match, not_found=UserNotFound()
    )
    deps.callers.forget(user_id)
    return document


async def change_user(
    deps: Service,
    *,
    user_id: str,
    decide: Decision,
    cause: Cause,
    command: Command | None = None,
    if_match: int | None = None,
    more: Mapping[str, Any] | None = None,
    unset: Sequence[str] = (),
) -> Document:
    """Write a decision about a user, with the accounts that count him among their administrators.

    An account that he leaves decides first, in its own document, whether it can do without him (LastAdministrator);
    when the write then fails, he is taken back. An account that he joins counts him afterwards.
    """
    released: set[str] = set()

    async def leave_then_change(document: Document) -> Change | None:
        before = store.user_of(document)
        after, events = await decide(before)
        for account_id in sorted(domain.counted_in(before) - domain.counted_in(after)):
            version = document["version"]
            await accounts.release(deps, account_id=account_id, user_id=user_id, user_version=version, cause=cause)
            released.add(account_id)
        return store.as_change(document, after, events, more, unset)

    try:
        document = await deps.outbox.change(
            USERS,
            user_id,
            leave_then_change,
            scope=EVERYTHING,
            cause=cause,
            command=command,
            if_match=if_match,
            not_found=UserNotFound(),
        )
    except Exception:
        with contextlib.suppress(UserNotFound):
            await appoint(deps, user_id=user_id, cause=cause, again=released)
        raise
    await appoint(deps, user_id=user_id, cause=cause, again=released)
    deps.callers.forget(user_id)
    return document


async def appoint(deps: Service, *, user_id: str, cause: Cause, again: set[str] | None = None) -> None:
    """Let the accounts count a user who administers them; those in `again` take back that they released him."""
    document = await store.find(deps.db, user_id)
    if document is None:
        raise UserNotFound()
    for account_id in sorted(domain.counted_in(store.user_of(document))):
        await accounts.appoint(
            deps,
            account_id=account_id,
            user_id=user_id,
            user_version=document["version"],
            cause=cause,
            again=account_id in (again or ()),
        )


async def follow_tree(deps: Service, *, account_id: str, cause: Cause) -> None:
    """Bring rights in line with the tree round an account, and count administrators who came before it."""
    state = (await account_store.states(deps.db, [account_id])).get(account_id)
    if state is None:
        return
    async for document in store.touched_by_tree(deps.db, account_id, state.ancestor_ids):
        user = store.user_of(document)
        if domain.resolved(user.given, await tree_of(deps, user.given)) != user.state.rights:
            await follow_tree_for(deps, user_id=user.user_id, cause=cause)
    for document in await store.administrators_given(deps.db, account_id):
        if document["_id"] not in state.administrators:
            await appoint(deps, user_id=document["_id"], cause=cause)


async def follow_tree_for(deps: Service, *, user_id: str, cause: Cause) -> Document:
    """Resolve one user's rights anew."""

    async def decide(user: User) -> tuple[User, Sequence[Event]]:
        return domain.give_rights(user, user.given, tree=await tree_of(deps, user.given), now=deps.clock())

    return await change_user(deps, user_id=user_id, decide=decide, cause=cause)


async def find_visible(deps: Service, *, authority: Authority, user_id: str) -> Document:
    document = await store.find(deps.db, user_id)
    if document is None or not authority.sees(store.user_of(document)):
        raise UserNotFound()
    return document


async def tree_of(deps: Service, rights: Sequence[Right]) -> domain.Tree:
    return await account_store.tree_below(deps.db, domain.administered(rights))


async def _require_creation(deps: Service, authority: Authority, request: NewUser) -> None:
    if (request.staff_roles or request.password is not None) and not authority.manages_all:
        raise Forbidden("Staff roles and passwords need: service_admin.", roles=[StaffRole.SERVICE_ADMIN.value])
    if not request.rights and not (authority.manages_all or authority.manages_customers):
        raise Forbidden("A user needs a right in an account that you administer.", field="rights", rule="required")
    require_granting(authority, {right.account_id for right in request.rights})
    await _require_accounts(deps, request.rights)


async def _require_accounts(deps: Service, rights: Sequence[Right]) -> None:
    known = await account_store.known(deps.db, {right.account_id for right in rights})
    for index, right in enumerate(rights):
        if right.account_id not in known:
            raise Invalid("There is no such account.", field=f"rights.{index}.account_id", rule="exists")


def _require_sight(authority: Authority, user: User) -> None:
    if not authority.sees(user):
        raise UserNotFound()
