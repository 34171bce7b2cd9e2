"""The accounts, people and devices of one test, told on the wire in their owners' names: for a service that runs alone.

What the service itself owns comes through its own front door, as in `world.py`.
"""

import contextlib
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer

from services.identity.clients.operations import BOOTSTRAP_SCOPES
from shared.contracts.base import Event
from shared.contracts.catalog import (
    DeviceChanged,
    DeviceContract,
    DeviceInstalled,
    DeviceSiteChanged,
    DeviceState,
    Entitlement,
    GrantsChanged,
    GrantsState,
    Site,
)
from shared.contracts.identity import (
    AccountOpened,
    AccountState,
    PersonChanged,
    PersonState,
    Right,
    StaffRole,
    UserActivated,
    UserState,
    UserStatus,
    UserSuspended,
)
from shared.ids import derived_id
from tests.support.identity_keys import IdentityKeys
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import headers_for
from tests.support.world import LANGUAGES, SITES, Account, Device, Person, World


@dataclass
class Facts(World):
    """A world for one service. It tells what others own, in states that only grow newer."""

    keys: IdentityKeys = field(kw_only=True)
    service: str = field(kw_only=True)
    owners: contextlib.AsyncExitStack = field(kw_only=True)
    _producers: dict[str, AIOKafkaProducer] = field(default_factory=dict)
    _versions: dict[str, int] = field(default_factory=dict)
    _users: dict[str, UserState] = field(default_factory=dict)
    _devices: dict[str, DeviceState] = field(default_factory=dict)

    @classmethod
    @contextlib.asynccontextmanager
    async def told(cls, stack: Stack, keys: IdentityKeys, service: str) -> AsyncIterator["Facts"]:
        async with contextlib.AsyncExitStack() as owners:
            yield cls(stack, keys=keys, service=service, owners=owners)

    async def machine_token(self) -> str:
        return self.keys.token("bootstrap", kind="client", scopes=sorted(BOOTSTRAP_SCOPES))

    async def tell(self, owner: str, event: Event, key: str) -> None:
        """A newer state in an owner's name."""
        version = self._versions[key] = self._versions.get(key, 0) + 1
        if owner not in self._producers:  # one connection an owner: each costs more than all its records
            producer = self.stack.wire(owner).producer()
            self._producers[owner] = await self.owners.enter_async_context(producer)
        headers = headers_for(event.type, str(uuid.uuid4()), {"ce_sequence": str(version)})
        value = event.model_dump_json().encode()
        await self._producers[owner].send_and_wait(event.topic, value, key=key.encode(), headers=list(headers.items()))

    async def account(
        self, country: str = "FI", *, parent_ref: str | None = None, ref: str | None = None, name: str | None = None
    ) -> Account:
        ref = ref or f"{self.prefix}-{secrets.token_hex(3)}"
        state = AccountState(
            account_id=derived_id("account", ref),
            name=name or f"Company {ref}",
            parent_id=derived_id("account", parent_ref) if parent_ref else None,
            billing_number=f"B-{ref}",
            service_number=f"S-{ref}",
            country=country,
            language=LANGUAGES[country],
        )
        await self.tell("identity", AccountOpened(account=state, occurred_at=datetime.now(UTC)), state.account_id)
        return Account(state.account_id, ref, country)

    async def person(
        self,
        country: str = "FI",
        *,
        rights: Sequence[Mapping[str, Any]] = (),
        staff_roles: Sequence[str] = (),
        language: str | None = None,
        devices: Sequence[str] = (),
        email: str | None = None,
    ) -> Person:
        user_id, email = str(uuid.uuid4()), email or f"{uuid.uuid4().hex[:12]}@{self.prefix}.example"
        user = UserState(
            user_id=user_id,
            status=UserStatus.ACTIVE,
            staff_roles=tuple(StaffRole(role) for role in staff_roles),
            rights=tuple(Right.model_validate(right) for right in rights),
            country=country,
            language=language or LANGUAGES[country],
            time_zone=SITES[country]["time_zone"],
        )
        name = PersonState(
            user_id=user_id,
            first_name="Maija",
            last_name=f"Mäkinen {self.prefix}",
            email=email,
            phone="+358 9 555 0100",
        )
        self._users[user_id] = user
        await self.tell("identity", PersonChanged(person=name), user_id)
        await self.tell("identity", UserActivated(user=user, occurred_at=datetime.now(UTC)), user_id)
        token = self.keys.token(user_id, kind="user", sid=str(uuid.uuid4()), rights_version=self._versions[user_id])
        if devices:
            await self.grant(user_id, devices=devices)
        return Person(user_id, email, "", token, country)

    async def suspend(self, person: Person) -> None:
        user = self._users[person.user_id].model_copy(update={"status": UserStatus.SUSPENDED})
        await self.tell("identity", UserSuspended(user=user, occurred_at=datetime.now(UTC)), person.user_id)

    async def grant(self, user_id: str, *, devices: Sequence[str] = (), groups: Sequence[str] = ()) -> None:
        """What a user manages from now on, besides whole accounts."""
        if self.service == "catalog":
            async with await self.api("catalog") as catalog:
                body = {"devices": list(devices), "groups": list(groups)}
                granted = await catalog.put(f"/v1/grants/{user_id}", json=body)
                assert granted.status_code == 200, granted.text
            return
        state = GrantsState(user_id=user_id, devices=tuple(devices), groups=tuple(groups))
        await self.tell("catalog", GrantsChanged(grants=state), user_id)

    async def device(
        self,
        account: Account,
        *,
        entitlement: Entitlement | None = None,
        valid_until: date | None = None,
        site_id: str | None = None,
    ) -> Device:
        """A device with a contract line, as the catalog tells of it; waits until tickets know it."""
        ref, now = f"{self.prefix}-{secrets.token_hex(4)}", datetime.now(UTC)
        if entitlement is None:
            entitlement = await self.round_the_clock()
        state = DeviceState(
            device_id=derived_id("device", ref),
            serial=f"SN{ref.replace('-', '').upper()}",
            model_id=derived_id("model", self.prefix),
            model_name="Aurora C3020",
            account_id=account.account_id,
            site=Site(
                site_id=site_id or f"site-{ref}", name=f"Site {ref}", country=account.country, **SITES[account.country]
            ),
            status_since=now,
            contract=DeviceContract(
                contract_line_id=f"line-{ref}",
                number=f"C-{ref}",
                valid_from=(now - timedelta(days=400)).date(),
                valid_until=valid_until,
                entitlement=entitlement,
            ),
        )
        self._devices[state.device_id] = state
        await self.tell("catalog", DeviceInstalled(device=state, occurred_at=now), state.device_id)
        device = Device(state.device_id, ref, state.serial, account.account_id)
        async with await self.api("tickets") as tickets:
            await eventually(lambda: self._has_outlook(tickets, device), what=f"device {ref} in tickets")
        return device

    async def stands_in(self, device: Device, site: Site) -> None:
        """Another site of a device."""
        event = DeviceSiteChanged(device=self._changed(device, site=site), occurred_at=datetime.now(UTC))
        await self.tell("catalog", event, device.device_id)

    async def belongs_to(self, device: Device, *groups: str) -> None:
        """Other groups of a device."""
        event = DeviceChanged(device=self._changed(device, group_ids=groups), occurred_at=datetime.now(UTC))
        await self.tell("catalog", event, device.device_id)

    def _changed(self, device: Device, **fields: Any) -> DeviceState:
        state = self._devices[device.device_id] = self._devices[device.device_id].model_copy(update=fields)
        return state
