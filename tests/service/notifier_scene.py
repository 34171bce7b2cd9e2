"""People and tickets as the owners' topics tell them, for tests that need nothing but the notifier."""

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
    UserCreated,
    UserState,
    UserStatus,
    UserSuspended,
)
from shared.contracts.tickets import TicketEvent, TicketOpened, TicketState
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.unit.notifier_samples import EDITION, TICKET

# A country that no other test has an edition of.
COUNTRY = "LI"


@dataclass
class Scene:
    """One recipient and one ticket of an own account; every id is new."""

    stack: Stack
    user_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    account_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    ticket_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    email: str = field(default_factory=lambda: f"{uuid.uuid4().hex}@customer.example")
    language: str = "de"
    _sequences: dict[str, int] = field(default_factory=dict)

    @property
    def number(self) -> str:
        return f"T-{self.ticket_id[:8]}"

    @property
    def device_id(self) -> str:
        return f"device-of-{self.account_id}"

    async def publish(self, owner: str, event: Event, key: str, **headers: str) -> str:
        """Send what an owner would publish, with the next version of its aggregate; returns the event's id."""
        aggregate = f"{event.topic}/{key}"
        self._sequences[aggregate] = self._sequences.get(aggregate, 0) + 1
        sequence = headers.pop("ce_sequence", str(self._sequences[aggregate]))
        return await self.stack.wire(owner).send(event, key, ce_sequence=sequence, **headers)

    async def enter(self, *, whole: bool = True, status: UserStatus = UserStatus.ACTIVE) -> None:
        """The recipient, a device manager, becomes known: of the whole account or of nothing yet."""
        user = UserState(
            user_id=self.user_id,
            status=status,
            rights=(Right(account_id=self.account_id, role=Role.DEVICE_MANAGER, whole=whole),),
            country=COUNTRY,
            language=self.language,
            time_zone="Europe/Berlin",
        )
        await self.publish("identity", UserCreated(user=user, occurred_at=datetime.now(UTC)), self.user_id)
        edition = EDITION.model_copy(update={"country": COUNTRY})
        await self.publish("identity", EditionPublished(edition=edition), COUNTRY)
        await self.has_address(self.email)

    async def has_address(self, email: str) -> None:
        person = PersonState(user_id=self.user_id, first_name="Anna", last_name="Müller", email=email)
        await self.publish("identity", PersonChanged(person=person), self.user_id)

    async def manages(self, *devices: str) -> None:
        grants = GrantsState(user_id=self.user_id, devices=devices)
        await self.publish("catalog", GrantsChanged(grants=grants), self.user_id)

    async def is_suspended(self) -> None:
        user = UserState(
            user_id=self.user_id,
            status=UserStatus.SUSPENDED,
            country=COUNTRY,
            language=self.language,
            time_zone="Europe/Berlin",
        )
        await self.publish("identity", UserSuspended(user=user, occurred_at=datetime.now(UTC)), self.user_id)

    def ticket(self, **changes: Any) -> TicketState:
        return TICKET.model_copy(
            update={
                "ticket_id": self.ticket_id,
                "number": self.number,
                "account_id": self.account_id,
                "device": TICKET.device.model_copy(update={"device_id": self.device_id}),
                "contact_user_id": self.user_id,
                "opened_by": self.user_id,
                **changes,
            }
        )

    async def happens(
        self, kind: type[TicketEvent] = TicketOpened, *, ago: timedelta = timedelta(0), **headers: str
    ) -> str:
        """One event of the ticket, told now or `ago`; returns its id."""
        at = datetime.now(UTC) - ago
        visit = {"visit_id": "visit-1"} if "visit_id" in kind.model_fields else {}
        event = kind.model_validate({"ticket": self.ticket(), "occurred_at": at, **visit})
        return await self.publish("tickets", event, self.ticket_id, ce_time=at.isoformat(), **headers)

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
