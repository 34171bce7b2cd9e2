"""An older and a newer record for every view of every service, with what stands where it has followers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pymongo.asynchronous.database import AsyncDatabase

from services.tickets.aggregate.store import new_document
from shared.contracts.base import Event
from shared.contracts.catalog import DeviceChanged, GrantsChanged
from shared.contracts.identity import AccountChanged, EditionPublished, PersonChanged, SessionEnded, UserChanged
from shared.contracts.tickets import TicketOpened, TicketStatus
from tests.contracts.examples import example
from tests.unit.ticket_samples import opened

Database = AsyncDatabase[dict[str, Any]]
Prepare = Callable[[Database], Awaitable[Any]]

USER, ACCOUNT, DEVICE, TICKET = "user-id-1", "account-id-1", "device-id-1", "ticket-id-1"
SESSION = "session-id-1"


@dataclass(frozen=True)
class Example:
    """What an owner says of one key first and then. `newer` is None where the key is erased.

    `changes` names the collections that follow: the view itself, and whoever keeps a copy of what it holds.
    """

    key: str
    older: Event
    newer: Event | None
    changes: tuple[str, ...]
    prepare: Prepare | None = None

    @property
    def type(self) -> str:
        return self.older.type


def _with(event_class: type[Event], state: str, **values: Any) -> Event:
    """The example of a class whose state has these values."""
    event = example(event_class)
    shown: BaseModel = getattr(event, state)
    return event.model_copy(update={state: shown.model_copy(update=values)})


def _users() -> Example:
    older = _with(UserChanged, "user", language="fi")
    return Example(USER, older, _with(UserChanged, "user", language="de"), ("view_users",))


def _grants() -> Example:
    older = _with(GrantsChanged, "grants", groups=("taken away",))
    return Example(USER, older, _with(GrantsChanged, "grants", groups=()), ("view_grants",))


def _revocations() -> Example:
    """A session ends once, and the record that says so may come again."""
    ended = _with(SessionEnded, "revocation", revoked_id=SESSION)
    return Example(SESSION, ended, ended, ("view_revocations",))


def _accounts() -> Example:
    older = _with(AccountChanged, "account", name="Old Ltd")
    return Example(ACCOUNT, older, _with(AccountChanged, "account", name="New Ltd"), ("view_accounts",))


def _people() -> Example:
    return Example(USER, _with(PersonChanged, "person", last_name="Before"), None, ("view_people",))


def _editions() -> Example:
    older = _with(EditionPublished, "edition", phone="1")
    return Example("FI", older, _with(EditionPublished, "edition", phone="2"), ("view_editions",))


async def _a_ticket_of_the_device(db: Database) -> None:
    ticket = opened().ticket
    device = ticket.state.device.model_copy(update={"device_id": DEVICE})
    state = ticket.state.model_copy(update={"ticket_id": TICKET, "account_id": ACCOUNT, "device": device})
    document = new_document(ticket.model_copy(update={"state": state}), device_version=0)
    await db["tickets"].insert_one({**document, "revision": 1, "version": 1, "outbox": []})


def _devices_of_tickets() -> Example:
    older = _with(DeviceChanged, "device", group_ids=("old group",))
    newer = _with(DeviceChanged, "device", group_ids=("new group",))
    return Example(DEVICE, older, newer, ("view_devices", "tickets"), _a_ticket_of_the_device)


def _tickets_of_devices() -> Example:
    older = _with(TicketOpened, "ticket", status=TicketStatus.ACKNOWLEDGED)
    newer = _with(TicketOpened, "ticket", status=TicketStatus.RESOLVED)
    return Example(TICKET, older, newer, ("view_tickets",))


EXAMPLES: Mapping[str, Example] = {
    "catalog.users": _users(),
    "catalog.revocations": _revocations(),
    "catalog.accounts": _accounts(),
    "catalog.ticket-facts": _tickets_of_devices(),
    "tickets.users": _users(),
    "tickets.grants": _grants(),
    "tickets.revocations": _revocations(),
    "tickets.devices": _devices_of_tickets(),
    "tickets.companies": _accounts(),
    "tickets.contacts": _people(),
    "notifier.users": _users(),
    "notifier.grants": _grants(),
    "notifier.revocations": _revocations(),
    "notifier.people": _people(),
    "notifier.editions": _editions(),
}
"""By group. A new view brings its example along."""
