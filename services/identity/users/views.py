"""What HTTP shows of users: to themselves, and to those who see them."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel

from services.identity.users import store
from services.identity.users.domain import STEPS, Authority, Step
from services.identity.users.store import Document
from shared.access.permissions import allowed_actions
from shared.contracts.identity import AccountState, Right, Role, StaffRole, UserStatus


class UserView(BaseModel):
    """A user as somebody sees him. `rights` are those granted, in the accounts that the reader knows of.

    `allowed_actions` are the reader's: the steps that he may take with the user now.
    """

    user_id: str
    status: UserStatus
    first_name: str
    last_name: str
    email: str
    phone: str | None
    language: str
    time_zone: str
    country: str
    staff_roles: tuple[StaffRole, ...]
    rights: tuple[Right, ...]
    joined_at: datetime
    last_active_at: datetime | None
    allowed_actions: list[str]
    version: int

    @classmethod
    def of(cls, document: Document, authority: Authority) -> "UserView":
        user = store.user_of(document)
        sees_rights = authority.sees_all or authority.user_id == user.user_id
        rights = [right for right in user.given if sees_rights or right.account_id in authority.accounts]
        return cls(
            user_id=user.user_id,
            status=user.state.status,
            first_name=user.person.first_name,
            last_name=user.person.last_name,
            email=user.person.email,
            phone=user.person.phone,
            language=user.state.language,
            time_zone=user.state.time_zone,
            country=user.state.country,
            staff_roles=user.state.staff_roles,
            rights=tuple(rights),
            joined_at=document["joined_at"],
            last_active_at=document.get("last_active_at"),
            allowed_actions=_steps(document, authority),
            version=document["version"],
        )


class Users(BaseModel):
    """One page; `counts` tells how many users there are per status."""

    items: list[UserView]
    counts: dict[UserStatus, int]
    next: str | None
    total: int | None


class MyRight(BaseModel):
    account_id: str
    account_name: str | None
    service_number: str | None
    role: Role
    whole: bool


class MeView(BaseModel):
    """All that the user menu and the navigation need. `rights` are resolved: child accounts are expanded."""

    user_id: str
    kind: str = "user"
    status: UserStatus
    first_name: str
    last_name: str
    email: str
    phone: str | None
    language: str
    time_zone: str
    country: str
    staff_roles: tuple[StaffRole, ...]
    rights: list[MyRight]
    allowed_actions: list[str]
    version: int

    @classmethod
    def of(cls, document: Document, accounts: Mapping[str, AccountState]) -> "MeView":
        user = store.user_of(document)
        return cls(
            user_id=user.user_id,
            status=user.state.status,
            first_name=user.person.first_name,
            last_name=user.person.last_name,
            email=user.person.email,
            phone=user.person.phone,
            language=user.state.language,
            time_zone=user.state.time_zone,
            country=user.state.country,
            staff_roles=user.state.staff_roles,
            rights=[_my_right(right, accounts.get(right.account_id)) for right in user.state.rights],
            allowed_actions=allowed_actions(user.state.rights, user.state.staff_roles),
            version=document["version"],
        )


def _my_right(right: Right, account: AccountState | None) -> MyRight:
    return MyRight(
        account_id=right.account_id,
        account_name=account.name if account else None,
        service_number=account.service_number if account else None,
        role=right.role,
        whole=right.whole,
    )


def _steps(document: Document, authority: Authority) -> list[str]:
    user = store.user_of(document)
    if user.state.status is UserStatus.REMOVED:
        return []
    steps: list[str] = []
    if authority.manages(user):
        steps += [step for step in STEPS if step is not Step.ACTIVATE and user.state.status in STEPS[step][0]]
    if authority.manages_staff if user.is_staff else (authority.manages_customers or authority.accounts):
        steps.append("change_rights")
    return steps
