"""Taking over the master records of accounts and users (CAT-9). Ids follow from the back office's references."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from services.identity.accounts import domain as account_rules
from services.identity.accounts import store as account_store
from services.identity.accounts.domain import AccountChanges
from services.identity.accounts.store import ACCOUNTS, Document
from services.identity.back_office.domain import Judgement, changed_fields, judge, merged_rights
from services.identity.editions.domain import LANGUAGES
from services.identity.service import Service
from services.identity.users import domain as user_rules
from services.identity.users import operations as users
from services.identity.users import store as user_store
from services.identity.users.domain import User
from services.identity.users.store import USERS
from shared.access.scope import EVERYTHING
from shared.consumers import Refused
from shared.contracts.base import Event
from shared.contracts.identity import AccountState, PersonState, Right, UserState, UserStatus
from shared.contracts.inbound import (
    BackOfficeAccountUpdated,
    BackOfficeMessage,
    BackOfficeUserUpdated,
    RightGiven,
)
from shared.ids import derived_id
from shared.outbox import Cause, Change
from shared.zones import is_time_zone

Record = TypeVar("Record", bound=BackOfficeMessage)

ACCOUNT_FIELDS = ("name", "billing_number", "service_number", "country", "language")
PERSON_FIELDS = ("first_name", "last_name", "email", "phone")
SETTINGS_FIELDS = ("country", "language", "time_zone")


async def take_account(deps: Service, *, message: BackOfficeAccountUpdated, cause: Cause) -> None:
    """Open the account of a record, or change it. Its parent may come later. Raises Refused."""
    _require_language(message.language)
    account_id = derived_id("account", message.ref)
    parent_id = derived_id("account", message.parent_ref) if message.parent_ref else None
    record = message.model_dump(mode="json")

    async def create() -> Change:
        state = AccountState(
            account_id=account_id,
            parent_id=parent_id,
            ancestor_ids=await account_store.path_to(deps.db, parent_id),
            **{name: getattr(message, name) for name in ACCOUNT_FIELDS},
        )
        _require_no_circle(state)
        account, events = account_rules.open_account(state, now=deps.clock())
        return Change(set={**account_store.fields(account), "back_office": record}, events=events)

    async def decide(document: Document) -> Change | None:
        applied = _applied(document, BackOfficeAccountUpdated)
        if _judged(message, applied) is Judgement.KNOWN:
            return None
        account = account_store.account_of(document)
        changes = dict(changed_fields(message, applied, ACCOUNT_FIELDS))
        if applied is None or applied.parent_ref != message.parent_ref:
            changes["parent_id"] = parent_id
        path = await account_store.path_to(deps.db, changes.get("parent_id", account.state.parent_id))
        after, events = account_rules.change_account(
            account, AccountChanges(**changes), ancestor_ids=path, now=deps.clock()
        )
        _require_no_circle(after.state)
        return Change(set={**account_store.fields(after), "back_office": record}, events=events)

    await deps.outbox.create_or_change(
        ACCOUNTS, account_id, create=create, decide=decide, scope=EVERYTHING, cause=cause
    )


async def take_user(deps: Service, *, message: BackOfficeUserUpdated, cause: Cause) -> None:
    """Create the user of a record, waiting for his activation, or change him.

    Raises Refused, EmailTaken, LastAdministrator: the back office is told.
    """
    _require_language(message.language)
    if not is_time_zone(message.time_zone):
        raise Refused("time_zone is not an IANA time zone")
    user_id = derived_id("user", message.ref)
    document = await user_store.find(deps.db, user_id)
    if document is None:
        await _create(deps, user_id, message, cause)
    else:
        await _change(deps, document, message, cause)


async def _create(deps: Service, user_id: str, message: BackOfficeUserUpdated, cause: Cause) -> None:
    await user_store.reserve_email(deps.db, message.email, user_id)
    rights = _rights_of(message.rights)
    settings = {name: getattr(message, name) for name in SETTINGS_FIELDS}
    user, events = user_rules.create_user(
        UserState(user_id=user_id, status=UserStatus.PENDING, **settings),
        PersonState(user_id=user_id, **{name: getattr(message, name) for name in PERSON_FIELDS}),
        rights,
        tree=await users.tree_of(deps, rights),
        now=deps.clock(),
    )
    fresh = {
        "_id": user_id,
        **user_store.fields(user),
        "state_version": len(events),
        "joined_at": deps.clock(),
        "back_office": message.model_dump(mode="json"),
    }
    await deps.outbox.insert(USERS, fresh, events, cause=cause, scope=EVERYTHING)
    await users.follow_tree_for(deps, user_id=user_id, cause=cause)


async def _change(deps: Service, document: Document, message: BackOfficeUserUpdated, cause: Cause) -> None:
    # Records of one reference come one after the other, and nobody else writes `back_office`.
    applied = _applied(document, BackOfficeUserUpdated)
    if _judged(message, applied) is Judgement.KNOWN:
        return
    person = changed_fields(message, applied, PERSON_FIELDS)
    if "email" in person:
        await user_store.reserve_email(deps.db, message.email, document["_id"])

    async def decide(user: User) -> tuple[User, Sequence[Event]]:
        if user.state.status is UserStatus.REMOVED:
            raise Refused("the user was removed")
        edited, events = user_rules.edit(
            user, person=person, settings=changed_fields(message, applied, SETTINGS_FIELDS), now=deps.clock()
        )
        told_before = _rights_of(applied.rights) if applied is not None else ()
        given = merged_rights(user.given, told=_rights_of(message.rights), told_before=told_before)
        after, more = user_rules.give_rights(edited, given, tree=await users.tree_of(deps, given), now=deps.clock())
        return after, [*events, *more]

    record = message.model_dump(mode="json")
    await users.change_user(deps, user_id=document["_id"], decide=decide, cause=cause, more={"back_office": record})


def _judged(message: BackOfficeMessage, applied: BackOfficeMessage | None) -> Judgement:
    judgement = judge(message, applied)
    if judgement is Judgement.CONTRADICTS:
        raise Refused(f"revision {message.revision} came before with other content")
    return judgement


def _applied(document: Document, kind: type[Record]) -> Record | None:
    return kind.model_validate(document["back_office"]) if "back_office" in document else None


def _rights_of(told: Iterable[RightGiven]) -> tuple[Right, ...]:
    return user_rules.normalised(
        Right(account_id=derived_id("account", right.account_ref), role=right.role, whole=right.whole) for right in told
    )


def _require_language(language: str) -> None:
    if language not in LANGUAGES:
        raise Refused("language is none of de, fi, fr, it, es, en")


def _require_no_circle(state: AccountState) -> None:
    if account_rules.makes_a_circle(state.account_id, state.ancestor_ids):
        raise Refused("parent_ref makes a circle of accounts")
