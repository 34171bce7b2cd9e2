"""Accounts, people, devices and contracts of one test, made through the product's front doors."""

import contextlib
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from shared.contracts.catalog import Entitlement, Site
from shared.contracts.inbound import (
    BackOfficeAccountUpdated,
    BackOfficeContractUpdated,
    BackOfficeDeviceUpdated,
    BackOfficeMessage,
    BackOfficeModelUpdated,
)
from shared.ids import derived_id
from tests.support.stack import Stack
from tests.support.waiting import eventually

SITES = {
    "FI": {"street": "Satamakatu 4", "postcode": "33200", "city": "Tampere", "time_zone": "Europe/Helsinki"},
    "DE": {"street": "Hafenstraße 7", "postcode": "20457", "city": "Hamburg", "time_zone": "Europe/Berlin"},
    "IT": {"street": "Via Roma 12", "postcode": "10121", "city": "Torino", "time_zone": "Europe/Rome"},
}
LANGUAGES = {"FI": "fi", "DE": "de", "IT": "it"}


@dataclass(frozen=True)
class Account:
    account_id: str
    ref: str
    country: str


@dataclass(frozen=True)
class Person:
    user_id: str
    email: str
    password: str
    token: str
    country: str


@dataclass(frozen=True)
class Device:
    device_id: str
    ref: str
    serial: str
    account_id: str


@dataclass
class World:
    """Every name in it is new, so that tests run side by side on one set of servers."""

    stack: Stack
    prefix: str = field(default_factory=lambda: secrets.token_hex(4))

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, stack: Stack) -> AsyncIterator["World"]:
        yield cls(stack)

    async def api(self, service: str, who: Person | None = None) -> httpx.AsyncClient:
        """A client of a service as a person, or as the machine client."""
        if who is not None:
            return await self.stack.client(service, await self.stack.lasting(who.token, who))

        async def signed_in(request: httpx.Request) -> None:
            request.headers["Authorization"] = f"Bearer {await self.machine_token()}"

        client = await self.stack.client(service)
        client.event_hooks["request"].append(signed_in)
        return client

    async def machine_token(self) -> str:
        """A token of a machine client that may write everywhere."""
        return await self.stack.machine_token()

    async def account(self, country: str = "FI", *, parent_ref: str | None = None) -> Account:
        """An account of its own, known by reference to the back office."""
        ref = f"{self.prefix}-{secrets.token_hex(3)}"
        message = BackOfficeAccountUpdated(
            ref=ref,
            revision=1,
            occurred_at=datetime.now(UTC),
            name=f"Company {ref}",
            parent_ref=parent_ref,
            billing_number=f"B-{ref}",
            service_number=f"S-{ref}",
            country=country,
            language=LANGUAGES[country],
        )
        await self.stack.wire("back-office").send(message, ref)
        account_id = derived_id("account", ref)
        async with await self.api("identity") as identity:
            await eventually(lambda: _there(identity, f"/v1/accounts/{account_id}"), what="the account")
        return Account(account_id, ref, country)

    async def person(
        self,
        country: str = "FI",
        *,
        rights: Sequence[Mapping[str, Any]] = (),
        staff_roles: Sequence[str] = (),
        language: str | None = None,
        devices: Sequence[str] = (),
    ) -> Person:
        """A signed-in user with rights, and grants on devices where given."""
        email, password = f"{uuid.uuid4().hex[:12]}@{self.prefix}.example", secrets.token_urlsafe(18)
        async with await self.api("identity") as identity:
            answer = await identity.post(
                "/v1/users",
                json={
                    "first_name": "Maija",
                    "last_name": f"Mäkinen {self.prefix}",
                    "email": email,
                    "phone": "+358 9 555 0100",
                    "language": language or LANGUAGES[country],
                    "time_zone": SITES[country]["time_zone"],
                    "country": country,
                    "password": password,
                    "staff_roles": list(staff_roles),
                    "rights": list(rights),
                },
            )
            assert answer.status_code == 201, answer.text
            user_id = answer.json()["user_id"]
        if devices:
            async with await self.api("catalog") as catalog:

                async def granted() -> bool:
                    """The catalog learns of the user by event, and gives nothing to somebody whom it does not know."""
                    answer = await catalog.put(f"/v1/grants/{user_id}", json={"devices": list(devices), "groups": []})
                    assert answer.status_code == 200, answer.text
                    return True

                await eventually(granted)
        return Person(user_id, email, password, await self.stack.sign_in(email, password), country)

    async def manager(self, account: Account, *, devices: Sequence[Device] = (), whole: bool = False) -> Person:
        """A device manager of an account: of some devices, or of all with `whole`."""
        right = {"account_id": account.account_id, "role": "device_manager", "whole": whole}
        return await self.person(account.country, rights=[right], devices=[device.device_id for device in devices])

    async def agent(self) -> Person:
        return await self.person("DE", staff_roles=["contact_centre_agent"])

    async def calendar(self, code: str, **rules: Any) -> None:
        """Publish a service calendar; by default Monday to Friday 08:00-16:00 in Helsinki with Finnish holidays."""
        day = [{"start": "08:00", "end": "16:00"}]
        body = {"time_zone": "Europe/Helsinki", "week": [*([day] * 5), [], []], "holiday_country": "FI", **rules}
        async with await self.api("tickets") as tickets:
            answer = await tickets.put(f"/v1/calendars/{code}", json=body)
            assert answer.status_code in (200, 201), answer.text

    def entitlement(self, calendar: str, **changes: Any) -> Entitlement:
        base = {"level": "Next day", "calendar": calendar, "acknowledge_minutes": 60, "response_minutes": 480}
        return Entitlement.model_validate({**base, "resolve_minutes": 960, **changes})

    async def round_the_clock(self) -> Entitlement:
        """An entitlement whose clocks never stand still."""
        code = f"always-{self.prefix}"
        all_day = [{"start": "00:00", "end": "24:00"}]
        await self.calendar(code, week=[all_day] * 7, holiday_country=None)
        return self.entitlement(code)

    async def device(
        self,
        account: Account,
        *,
        entitlement: Entitlement | None = None,
        valid_until: date | None = None,
        site_id: str | None = None,
    ) -> Device:
        """A device with a contract line, from the back office; waits until catalog and tickets know both."""
        ref = f"{self.prefix}-{secrets.token_hex(4)}"
        if entitlement is None:
            entitlement = await self.round_the_clock()
        site = Site(
            site_id=site_id or f"site-{ref}", name=f"Site {ref}", country=account.country, **SITES[account.country]
        )
        now = datetime.now(UTC)
        messages: list[BackOfficeMessage] = [
            BackOfficeModelUpdated(ref=f"model-{self.prefix}", revision=1, occurred_at=now, name="Aurora C3020"),
            BackOfficeDeviceUpdated(
                ref=ref,
                revision=1,
                occurred_at=now,
                serial=f"SN{ref.replace('-', '').upper()}",
                model_ref=f"model-{self.prefix}",
                account_ref=account.ref,
                site=site,
            ),
            BackOfficeContractUpdated(
                ref=f"line-{ref}",
                revision=1,
                occurred_at=now,
                number=f"C-{ref}",
                account_ref=account.ref,
                device_ref=ref,
                valid_from=(now - timedelta(days=400)).date(),
                valid_until=valid_until,
                entitlement=entitlement,
            ),
        ]
        await self.stack.wire("back-office").send_all((message, message.ref) for message in messages)
        device = Device(derived_id("device", ref), ref, f"SN{ref.replace('-', '').upper()}", account.account_id)
        await self._known(device)
        return device

    async def _known(self, device: Device) -> None:
        async with await self.api("catalog") as catalog, await self.api("tickets") as tickets:

            async def with_contract() -> bool:
                answer = await catalog.get(f"/v1/devices/{device.device_id}")
                return answer.status_code == 200 and answer.json().get("contract") is not None

            await eventually(with_contract, what=f"device {device.ref} with its contract in the catalog")
            await eventually(
                lambda: self._has_outlook(tickets, device), what=f"device {device.ref} with its contract in tickets"
            )

    async def _has_outlook(self, tickets: httpx.AsyncClient, device: Device) -> bool:
        answer = await tickets.get(f"/v1/devices/{device.device_id}/outlook")
        return answer.status_code == 200 and answer.json().get("reason") != "no_contract"

    async def open_ticket(self, who: Person, device: Device, **changes: Any) -> dict[str, Any]:
        """Report a fault; returns the ticket as answered."""
        body = {
            "device_id": device.device_id,
            "description": "Paper jams in tray 2",
            "error_code": "E602-0001",
            **changes,
        }
        async with await self.api("tickets", who) as tickets:
            answer = await tickets.post("/v1/tickets", json=body)
            assert answer.status_code == 201, answer.text
            opened: dict[str, Any] = answer.json()
            return opened


async def _there(client: httpx.AsyncClient, path: str) -> bool:
    return (await client.get(path)).status_code == 200
