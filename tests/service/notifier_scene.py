"""One recipient and one ticket, told as their owners would publish them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.base import Event
from shared.contracts.catalog import GrantsChanged, GrantsState
from shared.contracts.identity import (
    EditionPublished,
    PersonChanged,
    PersonState,
    Right,
    Role,
    UserActivated,
    UserState,
    UserStatus,
    UserSuspended,
)
from shared.contracts.tickets import PublicEntry, TicketEvent, TicketOpened, TicketState
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import World
from tests.unit.notifier_samples import EDITION, TICKET

# A country that no other test has an edition of.
COUNTRY = "LI"

# What a test publishes in an owner's name has to be newer than what the owner itself has published.
NEWER = 1000


@dataclass
class Scene:
    """Every id is new. The ticket exists on its topic alone; only views follow that."""

    stack: Stack
    account_id: str
    user_id: str
    email: str
    whole: bool = True
    ticket_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _told: int = 0
    _newer: int = NEWER

    @classmethod
    async def of(cls, world: World, *, whole: bool = True, domain: str = "customer.example") -> "Scene":
        """A device manager of an account of his own, of all its devices or of none yet."""
        account = await world.account("DE")
        email = f"{uuid.uuid4().hex}@{domain}"
        scene = cls(world.stack, account.account_id, str(uuid.uuid4()), email, whole=whole)
        await scene.gets_address(email)
        await scene.publish("identity", UserActivated(user=scene.user(), occurred_at=datetime.now(UTC)), scene.user_id)
        edition = EDITION.model_copy(update={"country": COUNTRY})
        await scene.publish("identity", EditionPublished(edition=edition), COUNTRY)
        return scene

    @property
    def number(self) -> str:
        return f"T-{self.ticket_id[:8]}"

    @property
    def device_id(self) -> str:
        return f"device-of-{self.account_id}"

    async def publish(self, owner: str, event: Event, key: str) -> None:
        """Send a newer state in an owner's name."""
        self._newer += 1
        await self.stack.wire(owner).send(event, key, ce_sequence=str(self._newer))

    async def gets_address(self, email: str) -> None:
        self.email = email
        person = PersonState(user_id=self.user_id, first_name="Anna", last_name="Müller", email=email)
        await self.publish("identity", PersonChanged(person=person), self.user_id)

    async def manages(self, *devices: str) -> None:
        grants = GrantsState(user_id=self.user_id, devices=devices)
        await self.publish("catalog", GrantsChanged(grants=grants), self.user_id)

    async def is_suspended(self) -> None:
        suspended = UserSuspended(user=self.user(UserStatus.SUSPENDED), occurred_at=datetime.now(UTC))
        await self.publish("identity", suspended, self.user_id)

    def user(self, status: UserStatus = UserStatus.ACTIVE) -> UserState:
        return UserState(
            user_id=self.user_id,
            status=status,
            rights=(Right(account_id=self.account_id, role=Role.DEVICE_MANAGER, whole=self.whole),),
            country=COUNTRY,
            language="de",
            time_zone="Europe/Berlin",
        )

    def ticket(self) -> TicketState:
        return TICKET.model_copy(
            update={
                "ticket_id": self.ticket_id,
                "number": self.number,
                "account_id": self.account_id,
                "device": TICKET.device.model_copy(update={"device_id": self.device_id}),
                "contact_user_id": self.user_id,
                "opened_by": self.user_id,
            }
        )

    async def happens(
        self,
        kind: type[TicketEvent] = TicketOpened,
        *,
        ago: timedelta = timedelta(0),
        event_id: str | None = None,
        entry: PublicEntry | None = None,
    ) -> str:
        """One event of the ticket, told now or `ago`; returns its id. The `event_id` of the last one repeats that."""
        at = datetime.now(UTC) - ago
        visit = {"visit_id": "visit-1"} if "visit_id" in kind.model_fields else {}
        event = kind.model_validate({"ticket": self.ticket(), "occurred_at": at, "entry": entry, **visit})
        if event_id is None:
            event_id = str(uuid.uuid4())
            self._told += 1
        headers = {"ce_id": event_id, "ce_time": at.isoformat(), "ce_sequence": str(self._told)}
        return await self.stack.wire("tickets").send(event, self.ticket_id, **headers)

    async def mails(self, count: int, *, within: float = 20.0) -> list[Mapping[str, Any]]:
        """Wait for so many mails to the recipient, oldest first."""

        async def arrived() -> list[Mapping[str, Any]]:
            found = await self.stack.mails_to(self.email)
            assert len(found) >= count, f"{len(found)} mails instead of {count}"
            return found

        return await eventually(arrived, within=within)

    async def messages(self) -> list[Mapping[str, Any]]:
        """The notifier's log of the ticket as stored, oldest first."""
        client = self.stack.store()
        try:
            found = self.stack.database(client, "notifier")["messages"].find({"facts.ticket_id": self.ticket_id})
            return [document async for document in found.sort("event_sequence", 1)]
        finally:
            await client.close()

    async def waits_because_of(self, reason: str) -> None:
        """Wait until the only message of the ticket was postponed."""

        async def postponed() -> bool:
            return [message["reason"] for message in await self.messages()] == [reason]

        await eventually(postponed, what=f"a message postponed because of {reason}")

    async def message_that_is(self, status: str, *, within: float = 30.0) -> Mapping[str, Any]:
        """Wait for the only message of the ticket to come into a status."""

        async def there() -> Mapping[str, Any]:
            messages = await self.messages()
            told = [(message["status"], message["reason"]) for message in messages]
            assert len(messages) == 1 and messages[0]["status"] == status, f"{told} instead of {status}"
            return messages[0]

        return await eventually(there, within=within)
