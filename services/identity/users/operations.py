"""Use cases of users. A user's document is written after the accounts that he leaves, before those he joins."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.identity.accounts import operations as accounts
from services.identity.accounts import store as account_store
from services.identity.service import Service
from services.identity.sessions import revocations
from services.identity.sessions.passwords import hash_new_password
from services.identity.users import domain, staff, store
from services.identity.users.access import authority_of, require_granting, require_management, visible_users
from services.identity.users.domain import Step, User
from services.identity.users.store import USERS, Document, EmailTaken
from shared.access.caller import Caller
from shared.access.permissions import require
from shared.access.scope import EVERYTHING, Scope, all_of
from shared.contracts import actions
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
    deps: Service, *, caller: Caller, user_id: str, request: NewUser, cause: Cause, command: Command | None = None
) -> Document:
    """Create a user with his rights.

    Raises Forbidden (rights beyond one's own; staff roles and passwords are for service administrators), Invalid (an
    unknown account, a weak password), EmailTaken (for an address of somebody whom the caller sees); UserNotFound when
    the command was told before and its user is out of sight by now.
    """
    await _require_creation(deps, caller, request)
    person = PersonState(user_id=user_id, **request.model_dump(include={"first_name", "last_name", "email", "phone"}))
    password = None
    if request.password is not None:
        password = await hash_new_password(deps.parts.passwords, request.password, person)
    await _reserve_email(deps, caller, request.email, user_id)
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
    created = await deps.outbox.insert(
        USERS,
        document,
        events,
        cause=cause,
        scope=visible_users(caller),
        command=command,
        not_found=UserNotFound(),
    )
    if staff.is_counted(store.user_of(created)):
        await staff.count(deps, user_id)
    # The tree may have grown between the look and the write, and its followers have looked for users already.
    return await follow_tree_for(deps, user_id=created["_id"], cause=cause)


async def take_step(
    deps: Service,
    *,
    caller: Caller,
    user_id: str,
    step: Step,
    cause: Cause,
    reason: str | None = None,
    command: Command | None = None,
    more: Mapping[str, Any] | None = None,
) -> Document:
    """Suspend, reactivate, remove or activate a user; his sessions end when he is not active afterwards.

    Raises UserNotFound, Forbidden, StepRefused (the state machine), LastAdministrator, LastServiceAdministrator.
    """
    authority = authority_of(caller)

    async def decide(user: User) -> tuple[User, Sequence[Event]]:
        if not domain.possible(user, step):
            raise StepRefused(f"A user who is {user.state.status} cannot be changed by '{step}'.")
        return domain.take_step(user, step, now=deps.clock(), reason=reason)

    unset = ("password",) if step is Step.REMOVE else ()
    document = await change_user(
        deps,
        user_id=user_id,
        decide=decide,
        scope=visible_users(caller),
        permit=lambda user: require_management(authority, user),
        cause=cause,
        command=command,
        more=more,
        unset=unset,
    )
    if document["status"] != UserStatus.ACTIVE.value:
        await revocations.end_all(deps, user_id=user_id, reason=step.value)
    return document


async def set_first_password(
    deps: Service, *, caller: Caller, user_id: str, password: str, cause: Cause, command: Command | None
) -> Document:
    """Activate a pending user with a password, in an installation's first hours.

    Raises as `take_step`, Invalid, and EmailTaken where his address has become somebody else's.
    """
    user = store.user_of(await find_visible(deps, caller=caller, user_id=user_id))
    require(caller, actions.SET_FIRST_PASSWORD)
    require_management(authority_of(caller), user)
    hashed = await hash_new_password(deps.parts.passwords, password, user.person)
    await store.reserve_email(deps.db, user.person.email, user_id)
    return await take_step(
        deps,
        caller=caller,
        user_id=user_id,
        step=Step.ACTIVATE,
        cause=cause,
        command=command,
        more={"password": hashed},
    )


async def change_rights(
    deps: Service,
    *,
    caller: Caller,
    user_id: str,
    wanted: Sequence[Right],
    cause: Cause,
    if_match: int | None = None,
    command: Command | None = None,
) -> Document:
    """Replace a user's rights: all of them, or those in the accounts that the authority administers.

    Raises UserNotFound, Forbidden, Invalid (an unknown account), LastAdministrator, VersionConflict.
    """
    authority = authority_of(caller)

    def permit(user: User) -> None:
        require(caller, actions.MANAGE_USER)
        if user.is_staff or user.state.status is UserStatus.REMOVED:
            require_management(authority, user)
        require_granting(authority, {right.account_id for right in wanted})

    async def decide(user: User) -> tuple[User, Sequence[Event]]:
        if user.state.status is UserStatus.REMOVED:
            raise StepRefused("A removed user has no rights.")
        await _require_accounts(deps, wanted)
        given = wanted
        if not authority.manages_customers:
            given = domain.replaced_within(user.given, wanted, authority.accounts)
        return domain.give_rights(user, given, tree=await tree_of(deps, given), now=deps.clock())

    return await change_user(
        deps,
        user_id=user_id,
        decide=decide,
        scope=visible_users(caller),
        permit=permit,
        cause=cause,
        command=command,
        if_match=if_match,
    )


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
    scope: Scope = EVERYTHING,
    permit: Callable[[User], None] | None = None,
    command: Command | None = None,
    if_match: int | None = None,
    more: Mapping[str, Any] | None = None,
    unset: Sequence[str] = (),
) -> Document:
    """Write a decision about a user, with the accounts that count him among their administrators.

    An account that he leaves decides first, in its own document, whether it can do without him (LastAdministrator);
    when the write then fails, he is taken back. An account that he joins counts him afterwards. Service administrators
    are counted in the same way. Who is out of `scope` is not found; `permit` raises for whoever sees him but may not.
    """
    released: set[str] = set()
    left_staff = False

    async def leave_then_change(document: Document) -> Change | None:
        nonlocal left_staff
        before = store.user_of(document)
        after, events = await decide(before)
        if staff.is_counted(before) and not staff.is_counted(after):
            await staff.release(deps, user_id)
            left_staff = True
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
            scope=scope,
            cause=cause,
            command=command,
            if_match=if_match,
            not_found=UserNotFound(),
            permit=None if permit is None else lambda document: permit(store.user_of(document)),
        )
    except Exception:
        if left_staff:
            await staff.count(deps, user_id)
        if released:
            with contextlib.suppress(UserNotFound):
                await appoint(deps, user_id=user_id, cause=cause, again=released)
        raise
    if staff.is_counted(store.user_of(document)):
        await staff.count(deps, user_id)
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


async def find_visible(deps: Service, *, caller: Caller, user_id: str) -> Document:
    """Raises UserNotFound, also for a user out of sight."""
    document = await store.collection(deps.db).find_one(all_of(visible_users(caller), {"_id": user_id}))
    if document is None:
        raise UserNotFound()
    return document


async def tree_of(deps: Service, rights: Sequence[Right]) -> domain.Tree:
    return await account_store.tree_below(deps.db, domain.administered(rights))


async def _require_creation(deps: Service, caller: Caller, request: NewUser) -> None:
    authority = authority_of(caller)
    if request.staff_roles:
        require(caller, actions.MANAGE_STAFF)
    if request.password is not None:
        require(caller, actions.SET_FIRST_PASSWORD)
    if not request.rights and not authority.manages_customers:
        raise Forbidden("A user needs a right in an account that you administer.", field="rights", rule="required")
    require_granting(authority, {right.account_id for right in request.rights})
    await _require_accounts(deps, request.rights)


async def _require_accounts(deps: Service, rights: Sequence[Right]) -> None:
    known = await account_store.known(deps.db, {right.account_id for right in rights})
    for index, right in enumerate(rights):
        if right.account_id not in known:
            raise Invalid("There is no such account.", field=f"rights.{index}.account_id", rule="exists")


async def _reserve_email(deps: Service, caller: Caller, email: str, user_id: str) -> None:
    """Make an address the new user's. Raises EmailTaken.

    Whoever does not see its owner does not learn that there is one: his user waits without it, and whether the address
    can be his is decided when he is activated.
    """
    try:
        await store.reserve_email(deps.db, email, user_id)
    except EmailTaken as taken:
        if await store.holds_email(deps.db, email, scope=visible_users(caller)):
            raise taken from None
