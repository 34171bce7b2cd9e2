"""Use cases of accounts. Who may do them is decided by the route; these functions keep the tree and the invariants."""

from services.identity.accounts import domain, store
from services.identity.accounts.domain import Account, AccountChanges
from services.identity.accounts.store import ACCOUNTS, Document
from services.identity.service import Service
from shared.access.scope import EVERYTHING
from shared.contracts.base import Event
from shared.contracts.identity import AccountState
from shared.outbox import Cause, Change
from shared.outbox.command import Command
from shared.problems import Conflict, Invalid, NotFound


class AccountNotFound(NotFound):
    code = "account_not_found"
    title = "There is no such account, or none that you may see"


class LastAdministrator(Conflict):
    code = "last_administrator"
    title = "An account keeps at least one administrator: appoint another one first"


class ParentInvalid(Invalid):
    code = "parent_invalid"
    title = "This account cannot be the parent"


async def open_account(deps: Service, *, state: AccountState, cause: Cause, command: Command | None) -> Document:
    """Open an account below its parent; `ancestor_ids` of `state` is found here.

    Raises ParentInvalid for a parent that does not exist.
    """
    if state.parent_id is not None and not await store.known(deps.db, [state.parent_id]):
        raise ParentInvalid("The parent account does not exist.", field="parent_id", rule="exists")
    placed = state.model_copy(update={"ancestor_ids": await store.path_to(deps.db, state.parent_id)})
    account, events = domain.open_account(placed, now=deps.clock())
    document = {"_id": state.account_id, **store.fields(account)}
    opened = await deps.outbox.insert(ACCOUNTS, document, events, cause=cause, scope=EVERYTHING, command=command)
    # The parent may have moved between the look and the write, and its followers have looked for children already.
    return await place(deps, account_id=opened["_id"], cause=cause)


async def change_account(
    deps: Service, *, account_id: str, changes: AccountChanges, cause: Cause, if_match: int | None = None
) -> Document:
    """Change the given fields. Raises AccountNotFound, ParentInvalid (unknown, or below the account itself)."""

    async def decide(document: Document) -> Change | None:
        account = store.account_of(document)
        parent_id = changes.parent_id if "parent_id" in changes.model_fields_set else account.state.parent_id
        if parent_id is not None and parent_id != account.state.parent_id:
            await _require_parent(deps, account_id, parent_id)
        ancestor_ids = await store.path_to(deps.db, parent_id)
        return _as_change(
            account, *domain.change_account(account, changes, ancestor_ids=ancestor_ids, now=deps.clock())
        )

    return await deps.outbox.change(
        ACCOUNTS, account_id, decide, scope=EVERYTHING, cause=cause, if_match=if_match, not_found=AccountNotFound()
    )


async def place(deps: Service, *, account_id: str, cause: Cause) -> Document:
    """Bring the path above an account in line with its parent's. Does nothing when it is."""

    async def decide(document: Document) -> Change | None:
        account = store.account_of(document)
        ancestor_ids = await store.path_to(deps.db, account.state.parent_id)
        if domain.makes_a_circle(account_id, ancestor_ids):
            return None
        return _as_change(account, *domain.place(account, ancestor_ids=ancestor_ids, now=deps.clock()))

    return await deps.outbox.change(
        ACCOUNTS, account_id, decide, scope=EVERYTHING, cause=cause, not_found=AccountNotFound()
    )


async def appoint(
    deps: Service, *, account_id: str, user_id: str, user_version: int, cause: Cause, again: bool = False
) -> None:
    """Count an active administrator. An account that is not known yet counts him when it arrives."""

    def decide(document: Document) -> Change | None:
        account = store.account_of(document)
        after, events = domain.appoint(account, user_id, user_version=user_version, now=deps.clock(), again=again)
        return _as_change(account, after, events)

    if await store.known(deps.db, [account_id]):
        await deps.outbox.change(
            ACCOUNTS, account_id, decide, scope=EVERYTHING, cause=cause, not_found=AccountNotFound()
        )


async def release(deps: Service, *, account_id: str, user_id: str, user_version: int, cause: Cause) -> None:
    """Decide that somebody stops being an administrator, before his own document follows. Raises LastAdministrator."""

    def decide(document: Document) -> Change | None:
        account = store.account_of(document)
        if domain.is_last_administrator(account, user_id):
            raise LastAdministrator(f"{account.state.name} would have no administrator.", account_id=account_id)
        after, events = domain.release(account, user_id, user_version=user_version, now=deps.clock())
        return _as_change(account, after, events)

    if await store.known(deps.db, [account_id]):
        await deps.outbox.change(
            ACCOUNTS, account_id, decide, scope=EVERYTHING, cause=cause, not_found=AccountNotFound()
        )


async def _require_parent(deps: Service, account_id: str, parent_id: str) -> None:
    if not await store.known(deps.db, [parent_id]):
        raise ParentInvalid("The parent account does not exist.", field="parent_id", rule="exists")
    if domain.makes_a_circle(account_id, await store.path_to(deps.db, parent_id)):
        raise ParentInvalid("An account cannot stand below itself.", field="parent_id", rule="no_circle")


def _as_change(before: Account, after: Account, events: list[Event]) -> Change | None:
    return None if after == before else Change(set=store.fields(after), events=events)
