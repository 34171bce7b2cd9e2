"""What one may do, and who may: one table for the services' doors, for `/me`, and for the portal's ways and buttons.

A route declares its action (`shared/http/caller.py`), `shared/access/permissions.py` answers who may, and
`tests/permissions` asks every route of every service whether it does as the table says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.identity import Role, StaffRole


class Relation(StrEnum):
    """What an action is done to, and so what is hidden from whom: what somebody does not see is not found (404)."""

    NONE = "none"
    """To no one object, or to what is everybody's: decided at the door (403)."""
    SELF = "self"
    """To what belongs to a person: his own, all for the named staff and scopes."""
    SEEN = "seen"
    """To an account, a device or what belongs to one: within his accounts, devices and groups."""
    ADMINISTERED = "administered"
    """To a person: himself, or those of the accounts that he administers."""


@dataclass(frozen=True)
class Action:
    """One thing to do. Whoever has one of the roles (customers: in the object's account) or scopes may.

    `everybody`: any signed-in person, whatever his roles. `public`: without signing in. Scopes are only for machine
    clients. `sight` is the action whose roles decide who sees the object; without one, the action itself.
    """

    name: str
    relation: Relation = Relation.NONE
    customer: frozenset[Role] = frozenset()
    staff: frozenset[StaffRole] = frozenset()
    scopes: frozenset[str] = frozenset()
    everybody: bool = False
    public: bool = False
    sight: "Action | None" = None

    @property
    def seen_by(self) -> "Action":
        return self.sight or self


ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
DEVICE_ROLES = frozenset({Role.ADMINISTRATOR, Role.DEVICE_MANAGER, Role.DEVICE_STOCK_MANAGER})
STOCK_ROLES = frozenset({Role.ADMINISTRATOR, Role.STOCK_MANAGER, Role.DEVICE_STOCK_MANAGER})
DESK = frozenset({StaffRole.CONTACT_CENTRE_AGENT, StaffRole.SERVICE_ADMIN})
SERVICE_ADMIN = frozenset({StaffRole.SERVICE_ADMIN})
OPERATORS = frozenset({StaffRole.OPERATOR, StaffRole.SERVICE_ADMIN})

IDENTITY = frozenset({"identity:read", "identity:write"})
IDENTITY_WRITES = frozenset({"identity:write"})
CATALOG = frozenset({"catalog:read"})
CATALOG_WRITES = frozenset({"catalog:write"})
TICKETS = frozenset({"tickets:read"})
TICKETS_WRITES = frozenset({"tickets:write"})

# Signing in, and what needs no person behind it.

READ_HEALTH = Action("health.read", public=True)
READ_KEYS = Action("keys.read", public=True)
SIGN_IN = Action("sessions.open", public=True)
KEEP_SESSION = Action("sessions.keep", public=True)
GET_CLIENT_TOKEN = Action("clients.token", public=True)
READ_EDITIONS = Action("editions.read", public=True)
READ_FEED = Action("feeds.read", public=True)

# Oneself.

READ_PROFILE = Action("profile.read", everybody=True)
CHANGE_PROFILE = Action("profile.change", everybody=True)
LIST_SESSIONS = Action("sessions.list", everybody=True)
END_SESSION = Action("sessions.end", Relation.SELF, everybody=True)
CHOOSE_MAILS = Action("preferences.choose", everybody=True)
LIST_MESSAGES = Action("messages.list", staff=DESK, scopes=frozenset({"notifier:read"}), everybody=True)
READ_MESSAGE = Action("messages.read", Relation.SELF, staff=DESK, scopes=frozenset({"notifier:read"}), everybody=True)
KEEP_FEEDS = Action("feeds.keep", customer=DEVICE_ROLES, staff=DESK)
REVOKE_FEED = Action("feeds.revoke", Relation.SELF, everybody=True)

# Accounts, people, clients, editions.

LIST_ACCOUNTS = Action("accounts.list", customer=frozenset(Role) - {Role.KNOWLEDGE_USER}, staff=DESK, scopes=IDENTITY)
READ_ACCOUNT = Action(
    "accounts.read", Relation.SEEN, LIST_ACCOUNTS.customer, staff=LIST_ACCOUNTS.staff, scopes=LIST_ACCOUNTS.scopes
)
READ_ACCOUNT_HISTORY = Action(
    "accounts.history", Relation.SEEN, ADMINISTRATORS, staff=DESK, scopes=IDENTITY, sight=READ_ACCOUNT
)
OPEN_ACCOUNT = Action("accounts.open", staff=SERVICE_ADMIN, scopes=IDENTITY_WRITES)
CHANGE_ACCOUNT = Action(
    "accounts.change", Relation.SEEN, staff=SERVICE_ADMIN, scopes=IDENTITY_WRITES, sight=READ_ACCOUNT
)
LIST_USERS = Action("users.list", customer=ADMINISTRATORS, staff=DESK, scopes=IDENTITY)
READ_USER = Action("users.read", Relation.ADMINISTERED, ADMINISTRATORS, staff=DESK, scopes=IDENTITY)
CREATE_USER = Action("users.create", customer=ADMINISTRATORS, staff=DESK, scopes=IDENTITY_WRITES)
MANAGE_USER = Action(
    "users.manage", Relation.ADMINISTERED, ADMINISTRATORS, staff=DESK, scopes=IDENTITY_WRITES, sight=READ_USER
)
SET_FIRST_PASSWORD = Action(
    "users.activate", Relation.ADMINISTERED, staff=SERVICE_ADMIN, scopes=IDENTITY_WRITES, sight=READ_USER
)
MANAGE_STAFF = Action(
    "staff.manage", Relation.ADMINISTERED, staff=SERVICE_ADMIN, scopes=frozenset({"staff:write"}), sight=READ_USER
)
"""What is done to one of our own people needs this beside the action itself: nobody grants more than he has."""
MANAGE_CLIENTS = Action("clients.manage", staff=SERVICE_ADMIN, scopes=IDENTITY_WRITES)
PUBLISH_EDITION = Action("editions.publish", staff=SERVICE_ADMIN, scopes=IDENTITY_WRITES)

# Devices, groups, and who manages what.

LIST_DEVICES = Action("devices.list", customer=DEVICE_ROLES, staff=DESK, scopes=CATALOG)
READ_DEVICE = Action("devices.read", Relation.SEEN, DEVICE_ROLES, staff=DESK, scopes=CATALOG)
CHANGE_DEVICE = Action(
    "devices.change", Relation.SEEN, DEVICE_ROLES, staff=DESK, scopes=CATALOG_WRITES, sight=READ_DEVICE
)
LIST_MODELS = Action(
    "models.list",
    customer=frozenset(Role) - {Role.KNOWLEDGE_USER},
    staff=DESK | {StaffRole.KNOWLEDGE_EDITOR},
    scopes=CATALOG,
)
LIST_GROUPS = Action("groups.list", customer=DEVICE_ROLES, staff=DESK, scopes=CATALOG)
READ_GROUP = Action("groups.read", Relation.SEEN, DEVICE_ROLES, staff=DESK, scopes=CATALOG)
CREATE_GROUP = Action("groups.create", customer=ADMINISTRATORS, staff=SERVICE_ADMIN, scopes=CATALOG_WRITES)
CHANGE_GROUP = Action(
    "groups.change", Relation.SEEN, ADMINISTRATORS, staff=SERVICE_ADMIN, scopes=CATALOG_WRITES, sight=READ_GROUP
)
READ_GRANTS = Action(
    "grants.read",
    Relation.ADMINISTERED,
    ADMINISTRATORS,
    staff=DESK,
    scopes=CATALOG | CATALOG_WRITES,
)
CHANGE_GRANTS = Action(
    "grants.change",
    Relation.ADMINISTERED,
    ADMINISTRATORS,
    staff=SERVICE_ADMIN,
    scopes=CATALOG_WRITES,
    sight=READ_GRANTS,
)

# Long work in slices, of any service that has some. Whoever started a job sees it and may cancel it.

LIST_JOBS = Action("jobs.list", customer=DEVICE_ROLES, staff=DESK, scopes=CATALOG | CATALOG_WRITES)
READ_JOB = Action("jobs.read", Relation.ADMINISTERED, ADMINISTRATORS, staff=DESK, scopes=CATALOG | CATALOG_WRITES)
CANCEL_JOB = Action(
    "jobs.cancel", Relation.ADMINISTERED, ADMINISTRATORS, staff=SERVICE_ADMIN, scopes=CATALOG_WRITES, sight=READ_JOB
)

# Tickets and visits.

LIST_TICKETS = Action("tickets.list", customer=DEVICE_ROLES, staff=DESK, scopes=TICKETS)
READ_TICKET = Action("tickets.read", Relation.SEEN, DEVICE_ROLES, staff=DESK, scopes=TICKETS)
READ_OUTLOOK = Action("tickets.outlook", Relation.SEEN, DEVICE_ROLES, staff=DESK, scopes=TICKETS)
OPEN_TICKET = Action("tickets.open", customer=DEVICE_ROLES, staff=DESK, scopes=TICKETS_WRITES)
UPDATE_TICKET = Action(
    "tickets.update", Relation.SEEN, DEVICE_ROLES, staff=DESK, scopes=TICKETS_WRITES, sight=READ_TICKET
)
REPLY_TO_VISIT = Action(
    "visits.reply", Relation.SEEN, DEVICE_ROLES, staff=DESK, scopes=TICKETS_WRITES, sight=READ_TICKET
)
CLOSE_TICKET = Action(
    "tickets.close", Relation.SEEN, DEVICE_ROLES, staff=DESK, scopes=TICKETS_WRITES, sight=READ_TICKET
)
CANCEL_TICKET = Action(
    "tickets.cancel", Relation.SEEN, DEVICE_ROLES, staff=DESK, scopes=TICKETS_WRITES, sight=READ_TICKET
)
HANDLE_TICKET = Action("tickets.handle", Relation.SEEN, staff=DESK, scopes=TICKETS_WRITES, sight=READ_TICKET)
"""What the service itself does with a ticket. Who may also opens one for a caller, and reads notes and flags."""
WORK_AT_DESK = Action("desk.work", staff=DESK)
FOLLOW_TICKETS = Action("tickets.follow", customer=DEVICE_ROLES, staff=DESK, scopes=TICKETS)
LIST_CALENDARS = Action("calendars.list", customer=DEVICE_ROLES, staff=DESK, scopes=TICKETS)
PUBLISH_CALENDAR = Action("calendars.publish", staff=SERVICE_ADMIN, scopes=frozenset({"calendars:write"}))

# How the services run: figures without anything personal, and what consumers could not take.

READ_OPERATIONS = Action("operations.read", staff=OPERATORS)
REQUEUE_PARKED = Action("operations.requeue", staff=OPERATORS)

# The portal: what no service decides.

LOOK_AROUND = Action("portal.look", public=True)
"""Pages and files that say nothing of any customer, and ways through: the service behind decides."""
GO_HOME = Action("portal.home", everybody=True)
KEEP_VIEWS = Action("portal.views", everybody=True)

ACTIONS: Mapping[str, Action] = {
    action.name: action for action in tuple(globals().values()) if isinstance(action, Action)
}
SCOPES = frozenset(scope for action in ACTIONS.values() for scope in action.scopes)
"""All that a machine client can be given."""
