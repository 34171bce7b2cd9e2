"""Rules of users: states, rights over the tree of accounts, and who may manage whom."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from shared.contracts.base import Event
from shared.contracts.identity import (
    PersonChanged,
    PersonState,
    Right,
    Role,
    UserActivated,
    UserChanged,
    UserCreated,
    UserEvent,
    UserReactivated,
    UserRemoved,
    UserRightsChanged,
    UserState,
    UserStatus,
    UserSuspended,
)

Tree = Mapping[str, Collection[str]]
"""The ids of all accounts below each account."""


class User(BaseModel):
    """A user: `given` are his rights as they were granted, `state.rights` what follows from them over the tree."""

    model_config = ConfigDict(frozen=True)

    state: UserState
    person: PersonState
    given: tuple[Right, ...] = ()

    @property
    def user_id(self) -> str:
        return self.state.user_id

    @property
    def is_staff(self) -> bool:
        return bool(self.state.staff_roles)


class Step(StrEnum):
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    REACTIVATE = "reactivate"
    REMOVE = "remove"


S = UserStatus
STEPS: Mapping[Step, tuple[frozenset[UserStatus], UserStatus, type[UserEvent]]] = {
    Step.ACTIVATE: (frozenset({S.PENDING}), S.ACTIVE, UserActivated),
    Step.SUSPEND: (frozenset({S.ACTIVE}), S.SUSPENDED, UserSuspended),
    Step.REACTIVATE: (frozenset({S.SUSPENDED}), S.ACTIVE, UserReactivated),
    Step.REMOVE: (frozenset({S.PENDING, S.ACTIVE, S.SUSPENDED, S.REJECTED, S.EXPIRED}), S.REMOVED, UserRemoved),
}
"""The whole state machine (IDN-4): from which states a step starts, where it leads, and what it tells."""


class Authority(BaseModel):
    """What somebody may see of and do to others: to all customers or in the accounts he administers, and to staff."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    sees_all: bool = False
    manages_customers: bool = False
    manages_staff: bool = False
    accounts: frozenset[str] = frozenset()

    def manages(self, user: User) -> bool:
        """Whether he may suspend, reactivate or remove the user: only who administers all accounts of a person may."""
        if user.is_staff:
            return self.manages_staff
        return self.manages_customers or (bool(user.given) and self.grants_in(right.account_id for right in user.given))

    def grants_in(self, account_ids: Iterable[str]) -> bool:
        """Whether he may give and take rights in all of these accounts. Nobody can grant more than he has."""
        return self.manages_customers or all(one in self.accounts for one in account_ids)


def create_user(
    state: UserState, person: PersonState, given: Sequence[Right], *, tree: Tree, now: datetime
) -> tuple[User, list[Event]]:
    given = normalised(given)
    user = User(state=state.model_copy(update={"rights": resolved(given, tree)}), person=person, given=given)
    return user, [PersonChanged(person=person), UserCreated(user=user.state, occurred_at=now)]


def possible(user: User, step: Step) -> bool:
    return user.state.status in STEPS[step][0]


def take_step(user: User, step: Step, *, now: datetime, reason: str | None = None) -> tuple[User, list[Event]]:
    """The user after a step that is `possible`. A removed user loses his rights; what he did stays."""
    starts, status, event = STEPS[step]
    if user.state.status not in starts:
        raise ValueError(f"{step} does not start from {user.state.status}")
    changes: dict[str, object] = {"status": status}
    if status is UserStatus.REMOVED:
        changes |= {"rights": (), "staff_roles": ()}
        user = user.model_copy(update={"given": ()})
    state = user.state.model_copy(update=changes)
    return user.model_copy(update={"state": state}), [event(user=state, occurred_at=now, reason=reason)]


def edit(
    user: User, *, person: Mapping[str, str | None], settings: Mapping[str, str], now: datetime
) -> tuple[User, list[Event]]:
    """Change personal data and settings (language, time zone, country); only what differs becomes an event.

    The event on `identity.users` comes last, so that its sequence is the document's version.
    """
    events: list[Event] = []
    after_person = user.person.model_copy(update=dict(person))
    after_state = user.state.model_copy(update=dict(settings))
    if after_person != user.person:
        events.append(PersonChanged(person=after_person))
    if after_state != user.state:
        events.append(UserChanged(user=after_state, occurred_at=now))
    return user.model_copy(update={"person": after_person, "state": after_state}), events


def give_rights(
    user: User, given: Sequence[Right], *, tree: Tree, now: datetime, reason: str | None = None
) -> tuple[User, list[Event]]:
    """Replace the granted rights. The same call with unchanged rights follows a change of the tree."""
    given = normalised(given)
    state = user.state.model_copy(update={"rights": resolved(given, tree)})
    if state == user.state and given == user.given:
        return user, []
    after = user.model_copy(update={"state": state, "given": given})
    return after, [UserRightsChanged(user=state, occurred_at=now, reason=reason)]


def replaced_within(given: Sequence[Right], wanted: Sequence[Right], accounts: Collection[str]) -> tuple[Right, ...]:
    """The rights after somebody who speaks for `accounts` alone wants `wanted`: those in other accounts stay."""
    return normalised([*(right for right in given if right.account_id not in accounts), *wanted])


def normalised(rights: Iterable[Right]) -> tuple[Right, ...]:
    """Each role of each account once, in a stable order. An administrator always has the whole account."""
    merged: dict[tuple[str, Role], bool] = {}
    for right in rights:
        key = (right.account_id, right.role)
        merged[key] = merged.get(key, False) or right.whole or right.role is Role.ADMINISTRATOR
    return tuple(
        Right(account_id=account_id, role=role, whole=whole) for (account_id, role), whole in sorted(merged.items())
    )


def resolved(given: Iterable[Right], tree: Tree) -> tuple[Right, ...]:
    """What the granted rights amount to: an administrator's reach down to all child accounts, other roles do not."""
    below = [
        right.model_copy(update={"account_id": account_id})
        for right in given
        if right.role is Role.ADMINISTRATOR
        for account_id in tree.get(right.account_id, ())
    ]
    return normalised([*given, *below])


def administered(rights: Iterable[Right]) -> frozenset[str]:
    return frozenset(right.account_id for right in rights if right.role is Role.ADMINISTRATOR)


def counted_in(user: User) -> frozenset[str]:
    """The accounts that count this user among their administrators: he is active, and was appointed there himself."""
    return administered(user.given) if user.state.status is UserStatus.ACTIVE else frozenset()
