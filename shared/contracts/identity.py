"""Accounts, country editions, users and people: owned by services/identity."""

from datetime import date, time
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, AwareDatetime, Field

from shared.contracts.base import Contract, Event


class Role(StrEnum):
    """What a customer's user may do in an account. Codes are stable; labels are translated by the portal."""

    ADMINISTRATOR = "administrator"
    DEVICE_MANAGER = "device_manager"
    STOCK_MANAGER = "stock_manager"
    DEVICE_STOCK_MANAGER = "device_stock_manager"
    KNOWLEDGE_USER = "knowledge_user"


class StaffRole(StrEnum):
    """What one of our own people, or of a partner's, may do."""

    CONTACT_CENTRE_AGENT = "contact_centre_agent"
    KNOWLEDGE_EDITOR = "knowledge_editor"
    SERVICE_ADMIN = "service_admin"
    PARTNER_ENGINEER = "partner_engineer"
    OPERATOR = "operator"


class UserStatus(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REMOVED = "removed"


class Right(Contract):
    """One role in one account. `whole` means every device of it; otherwise the grants of the catalog decide."""

    account_id: str
    role: Role
    whole: bool


class UserState(Contract):
    """Who may do what. No personal data: names and addresses stand in `PersonState` alone."""

    user_id: str
    status: UserStatus
    staff_roles: tuple[StaffRole, ...] = ()
    rights: tuple[Right, ...] = Field(default=(), description="resolved: child accounts are already expanded")
    country: str = Field(description="ISO 3166-1 alpha-2; chooses the country edition")
    language: str = Field(description="de, fi, fr, it, es or en")
    time_zone: str = Field(description="IANA name")


class PersonState(Contract):
    """The personal data of one user."""

    user_id: str
    first_name: str
    last_name: str
    email: str
    phone: str | None = None


class AccountState(Contract):
    """One legal entity of a customer. The two numbers are never mixed: see the product's words."""

    account_id: str
    name: str
    parent_id: str | None = None
    ancestor_ids: tuple[str, ...] = Field(default=(), description="from the root down to the parent")
    billing_number: str
    service_number: str
    former_numbers: tuple[str, ...] = ()
    country: str
    language: str
    administrators: tuple[str, ...] = Field(default=(), description="ids of the active administrators")


LocalTime = Annotated[time, AfterValidator(lambda told: told.replace(tzinfo=None, microsecond=0))]
"""A time of day on the clock of a place, without an offset."""


class OpeningHours(Contract):
    """One segment of opening on one weekday, in local time."""

    weekday: int = Field(ge=0, le=6, description="0 is Monday")
    opens: LocalTime
    closes: LocalTime


class Link(Contract):
    code: str
    url: str


class EditionState(Contract):
    """A country's own look and contacts."""

    country: str
    languages: tuple[str, ...]
    time_zone: str
    holiday_country: str
    holiday_subdivision: str | None = None
    closed_days: tuple[date, ...] = ()
    opening_hours: tuple[OpeningHours, ...]
    phone: str
    email: str
    address: str
    terms_version: str
    team_name: str = Field(description="shown to customers in place of an agent's name")
    links: tuple[Link, ...] = ()


class UserEvent(Event):
    topic: ClassVar[str] = "identity.users"
    user: UserState
    occurred_at: AwareDatetime
    reason: str | None = None


class UserCreated(UserEvent):
    type: ClassVar[str] = "identity.user.created.v1"


class UserActivated(UserEvent):
    type: ClassVar[str] = "identity.user.activated.v1"


class UserChanged(UserEvent):
    """Language, time zone or country changed."""

    type: ClassVar[str] = "identity.user.changed.v1"


class UserRightsChanged(UserEvent):
    type: ClassVar[str] = "identity.user.rights-changed.v1"


class UserSuspended(UserEvent):
    type: ClassVar[str] = "identity.user.suspended.v1"


class UserReactivated(UserEvent):
    type: ClassVar[str] = "identity.user.reactivated.v1"


class UserRemoved(UserEvent):
    type: ClassVar[str] = "identity.user.removed.v1"


class PersonChanged(Event):
    topic: ClassVar[str] = "identity.people"
    type: ClassVar[str] = "identity.person.changed.v1"
    person: PersonState


class AccountEvent(Event):
    topic: ClassVar[str] = "identity.accounts"
    account: AccountState
    occurred_at: AwareDatetime


class AccountOpened(AccountEvent):
    type: ClassVar[str] = "identity.account.opened.v1"


class AccountChanged(AccountEvent):
    type: ClassVar[str] = "identity.account.changed.v1"


class EditionPublished(Event):
    topic: ClassVar[str] = "identity.editions"
    type: ClassVar[str] = "identity.edition.published.v1"
    edition: EditionState


class Revocation(Contract):
    """What opens nothing any more, whoever presents it."""

    revoked_id: str = Field(description="of a session (a token's `sid`) or of a machine client (its `sub`)")
    until: AwareDatetime = Field(description="real time; when the last token that was issued before has expired")


class RevocationEvent(Event):
    topic: ClassVar[str] = "identity.revocations"
    revocation: Revocation
    occurred_at: AwareDatetime


class SessionEnded(RevocationEvent):
    """Signed out, ended from elsewhere, or ended with all others of a person."""

    type: ClassVar[str] = "identity.session.ended.v1"


class ClientRemoved(RevocationEvent):
    type: ClassVar[str] = "identity.client.removed.v1"


EVENTS: tuple[type[Event], ...] = (
    UserCreated,
    UserActivated,
    UserChanged,
    UserRightsChanged,
    UserSuspended,
    UserReactivated,
    UserRemoved,
    PersonChanged,
    AccountOpened,
    AccountChanged,
    EditionPublished,
    SessionEnded,
    ClientRemoved,
)
