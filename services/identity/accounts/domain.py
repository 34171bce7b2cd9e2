"""Rules of accounts: the two numbers with their former values, the tree, and who administers."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shared.contracts.base import Event
from shared.contracts.identity import AccountChanged, AccountOpened, AccountState


class Account(BaseModel):
    """An account with what only identity knows of it.

    `released` remembers at which version of a user his administration was taken out of `administrators`, so that a
    late repair never appoints somebody who has just been decided to leave.
    """

    model_config = ConfigDict(frozen=True)

    state: AccountState
    released: Mapping[str, int] = {}


class AccountChanges(BaseModel):
    """Fields to change; a field that was not given stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    parent_id: str | None = None
    billing_number: str | None = None
    service_number: str | None = None
    country: str | None = None
    language: str | None = None


def open_account(state: AccountState, *, now: datetime) -> tuple[Account, list[Event]]:
    return Account(state=state), [AccountOpened(account=state, occurred_at=now)]


def change_account(
    account: Account, changes: AccountChanges, *, ancestor_ids: Sequence[str], now: datetime
) -> tuple[Account, list[Event]]:
    """Apply the given fields. A number that is replaced stays searchable among the former numbers.

    `ancestor_ids` is the path from the root to the parent that the account has after the change.
    """
    before = account.state
    given = {name: getattr(changes, name) for name in changes.model_fields_set}
    after = before.model_copy(update={**given, "ancestor_ids": tuple(ancestor_ids)})
    after = after.model_copy(update={"former_numbers": _former_numbers(before, after)})
    return _changed(account, after, now)


def place(account: Account, *, ancestor_ids: Sequence[str], now: datetime) -> tuple[Account, list[Event]]:
    """Follow a move of the parent: the path above the account has changed."""
    return _changed(account, account.state.model_copy(update={"ancestor_ids": tuple(ancestor_ids)}), now)


def path_below(parent_id: str | None, parent: AccountState | None) -> tuple[str, ...]:
    """The ancestors of a child of `parent_id`. A parent that is not known yet is a root until it arrives."""
    if parent_id is None:
        return ()
    return (*parent.ancestor_ids, parent_id) if parent is not None else (parent_id,)


def makes_a_circle(account_id: str, ancestor_ids: Sequence[str]) -> bool:
    return account_id in ancestor_ids or len(set(ancestor_ids)) < len(ancestor_ids)


def is_last_administrator(account: Account, user_id: str) -> bool:
    return account.state.administrators == (user_id,)


def appoint(
    account: Account, user_id: str, *, user_version: int, now: datetime, again: bool = False
) -> tuple[Account, list[Event]]:
    """Count an active administrator.

    Nothing happens when he was released at this version of his or a later one, unless the release was taken back
    (`again`).
    """
    if not again and account.released.get(user_id, 0) >= user_version:
        return account, []
    released = {other: version for other, version in account.released.items() if other != user_id}
    administrators = tuple(sorted({*account.state.administrators, user_id}))
    state = account.state.model_copy(update={"administrators": administrators})
    return _changed(account.model_copy(update={"released": released}), state, now)


def release(account: Account, user_id: str, *, user_version: int, now: datetime) -> tuple[Account, list[Event]]:
    """Stop counting an administrator, decided before his own document follows. Ask `is_last_administrator` first."""
    administrators = tuple(other for other in account.state.administrators if other != user_id)
    released = {**account.released, user_id: user_version}
    state = account.state.model_copy(update={"administrators": administrators})
    return _changed(account.model_copy(update={"released": released}), state, now)


def _changed(account: Account, state: AccountState, now: datetime) -> tuple[Account, list[Event]]:
    if state == account.state:
        return account, []
    return account.model_copy(update={"state": state}), [AccountChanged(account=state, occurred_at=now)]


def _former_numbers(before: AccountState, after: AccountState) -> tuple[str, ...]:
    present = {after.billing_number, after.service_number}
    former = dict.fromkeys((*before.former_numbers, before.billing_number, before.service_number))
    return tuple(number for number in former if number not in present)
