"""Brings the demonstration data into a running installation. Everything can be repeated; what is there stays."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from aiokafka import AIOKafkaConsumer

from deploy.seed import keepsakes
from deploy.seed.customers import CUSTOMERS, Customer
from deploy.seed.doors import PATIENCE_SECONDS, DoorClosed, Doors, NotInTime, call, doors, eventually
from deploy.seed.editions import EDITIONS, calendars
from deploy.seed.fleet import Device, fleet
from deploy.seed.maker import MODELS
from deploy.seed.people import FINNISH_MANAGER, PARTIES, PEOPLE, Person
from deploy.simulators.back_office import master_record, send_all
from deploy.simulators.wire import Message, connection, producing, product_time, record_of, timestamp
from shared.ids import derived_id

REJECTED = ("inbound.back-office.accounts.rejected", "inbound.back-office.fleet.rejected")
LARGE = 2_000
PAGE = 200
PEOPLE_AT_ONCE = 3
LOOK_EVERY_SECONDS = 0.1
TOLD_EVERY_SECONDS = 5.0

Step = Callable[[str], AbstractContextManager[None]]
Tell = Callable[[str], None]


class MasterRecordRefused(Exception):
    """The product refused a master record of ours; the text holds its reason."""


@dataclass(frozen=True)
class Installation:
    """Where the doors are: the services' addresses, the broker as the back office, and the folder for what is kept."""

    urls: Mapping[str, str]
    bootstrap_secret: str
    broker: Mapping[str, str]
    directory: Path
    clock_offset_file: Path

    def now(self) -> datetime:
        return product_time({"CLOCK_OFFSET_FILE": str(self.clock_offset_file)})


@dataclass(frozen=True)
class Seeded:
    """Who can sign in, and how many devices there are."""

    users: Mapping[str, str]
    password: str
    devices: int


async def seed(installation: Installation, *, devices: int, step: Step, tell: Tell) -> Seeded:
    """Seed and wait until the views of the other services have followed.

    Raises MasterRecordRefused, DoorClosed, NotInTime.
    """
    watching = asyncio.create_task(_watch_refusals(installation))
    seeding = asyncio.create_task(_bring_in(installation, list(fleet(devices)), step, tell))
    try:
        await asyncio.wait((watching, seeding), return_when=asyncio.FIRST_COMPLETED)
        return await (seeding if seeding.done() else watching)
    finally:
        for task in (watching, seeding):
            task.cancel()
        await asyncio.gather(watching, seeding, return_exceptions=True)


async def _bring_in(installation: Installation, machines: list[Device], step: Step, tell: Tell) -> Seeded:
    password = keepsakes.password(installation.directory)
    now = installation.now()
    async with (
        doors(installation.urls, installation.bootstrap_secret) as door,
        producing(connection(installation.broker)) as producer,
    ):

        async def send(messages: Iterator[Message]) -> None:
            await send_all(producer, messages)

        with step("accounts, models, country editions and service calendars"):
            await asyncio.gather(
                send(_models(now)),
                _accounts(door, send, now),
                *(call(door, "PUT", "identity", f"/v1/editions/{e['country']}", e) for e in EDITIONS),
                *(_calendar(door, code, rules) for code, rules in calendars().items()),
            )
        with step(f"{len(machines)} devices with their contract lines, and {len(PEOPLE)} people"):
            ids, _, _ = await asyncio.gather(
                _users(door, password),
                _party_clients(door, installation.directory),
                send(_fleet(machines, await _known(door), now)),
            )
        users = dict(zip([person.key for person in PEOPLE], ids, strict=True))
        with step("catalog and tickets have followed"):
            await _followed(door, machines, now.date(), tell)
        with step("who manages which devices"):
            await asyncio.gather(*(_grants(door, person, users[person.key], machines) for person in PEOPLE))
    return Seeded(users=users, password=password, devices=len(machines))


async def is_seeded(installation: Installation, *, devices: int) -> bool:
    """Whether at least so many devices are there with the people who manage them: grants come last."""
    if not (installation.directory / keepsakes.PASSWORD_FILE).exists():
        return False
    async with doors(installation.urls, installation.bootstrap_secret) as door:
        if await _total(door) < devices or (manager := await _user_id(door, FINNISH_MANAGER)) is None:
            return False
        try:
            return bool((await call(door, "GET", "catalog", f"/v1/grants/{manager}"))["devices"])
        except DoorClosed:
            return False  # the catalog has not heard of him yet


def _models(now: datetime) -> Iterator[Message]:
    for model in MODELS:
        yield _master("back-office.model.updated.v1", model.record(), now)


def _fleet(machines: list[Device], known: set[str], now: datetime) -> Iterator[Message]:
    """What is known is not sent again: the product would look at each record only to find that it is not newer."""
    for machine in machines:
        if machine.serial in known:
            continue
        yield _master("back-office.contract.updated.v1", machine.contract_record(now.date()), now)
        yield _master("back-office.device.updated.v1", machine.device_record(), now)


def _master(kind: str, value: Mapping[str, Any], now: datetime) -> Message:
    return master_record(kind, {"occurred_at": timestamp(now), **value})


async def _accounts(door: Doors, send: Callable[[Iterator[Message]], Any], now: datetime) -> None:
    """Parents first: a child is placed below an account that is known."""
    for generation in (
        [customer for customer in CUSTOMERS if customer.parent_ref is None],
        [customer for customer in CUSTOMERS if customer.parent_ref is not None],
    ):
        await send(_master("back-office.account.updated.v1", customer.record(), now) for customer in generation)
        await asyncio.gather(*(_account_known(door, customer) for customer in generation))


async def _account_known(door: Doors, customer: Customer) -> None:
    path = f"/v1/accounts/{derived_id('account', customer.ref)}"
    await eventually(f"account {customer.name}", lambda: call(door, "GET", "identity", path))


async def _calendar(door: Doors, code: str, rules: Mapping[str, Any]) -> None:
    """A calendar is written once: each write would be a new version."""
    known = await call(door, "GET", "tickets", "/v1/calendars")
    if code not in {calendar["code"] for calendar in known["items"]}:
        await call(door, "PUT", "tickets", f"/v1/calendars/{code}", rules, key=f"seed-calendar-{code}")


async def _users(door: Doors, password: str) -> list[str]:
    """The ids of the people, in their order; few at once, since hashing a password is meant to be slow."""
    places = asyncio.Semaphore(PEOPLE_AT_ONCE)

    async def one(person: Person) -> str:
        async with places:
            return await _user(door, person, password)

    return await asyncio.gather(*(one(person) for person in PEOPLE))


async def _user(door: Doors, person: Person, password: str) -> str:
    known = await _user_id(door, person)
    if known is not None:
        return known
    rights = []
    if person.account is not None:
        rights = [{"account_id": derived_id("account", person.account.ref), "role": person.role, "whole": person.whole}]
    body = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "phone": person.phone,
        "language": person.language,
        "time_zone": person.time_zone,
        "country": person.country,
        "password": password,
        "staff_roles": list(person.staff_roles),
        "rights": rights,
    }
    created = await call(door, "POST", "identity", "/v1/users", body, key=f"seed-user-{person.email}")
    return str(created["user_id"])


async def _user_id(door: Doors, person: Person) -> str | None:
    found = await call(door, "GET", "identity", f"/v1/users?q={quote(person.email)}")
    for user in found["items"]:
        if user.get("email") == person.email:
            return str(user["user_id"])
    return None


async def _party_clients(door: Doors, directory: Path) -> None:
    """A machine client per party; a secret is told only once, so it is kept, and a lost one replaced."""
    kept = keepsakes.client_secrets(directory)
    there = {
        client["name"]: client["client_id"] for client in (await call(door, "GET", "identity", "/v1/clients"))["items"]
    }
    for party, scopes in PARTIES.items():
        if party not in there:
            body = {"name": party, "scopes": list(scopes)}
            kept[party] = await call(door, "POST", "identity", "/v1/clients", body, key=f"seed-client-{party}")
        elif kept.get(party, {}).get("client_id") != there[party]:
            path = f"/v1/clients/{there[party]}/secret"
            kept[party] = await call(door, "POST", "identity", path, key=secrets.token_hex(8))
    keepsakes.keep_client_secrets(directory, kept)


async def _grants(door: Doors, person: Person, user_id: str, machines: list[Device]) -> None:
    devices = [derived_id("device", ref) for ref in person.grants(machines)]
    if not devices:
        return

    async def grant() -> Any:
        body = {"devices": devices, "groups": []}
        key = f"seed-grants-{person.email}-{len(devices)}"
        return await call(door, "PUT", "catalog", f"/v1/grants/{user_id}", body, key=key)

    await eventually(f"grants of {person.email}", grant)


async def _followed(door: Doors, machines: list[Device], today: date, tell: Tell) -> None:
    """Catalog has every device with its line, and tickets knows the last ones. Raises NotInTime when nothing moves."""
    wanted, known, grew, told = len(machines), 0, time.monotonic(), time.monotonic()
    while True:
        now_known = await _total(door) - await _total(door, "&contract=none")
        if now_known >= wanted:
            break
        if now_known > known:
            known, grew = now_known, time.monotonic()
        elif time.monotonic() - grew > PATIENCE_SECONDS:
            raise NotInTime(f"the catalog stays at {known} of {wanted} devices with their contract lines")
        if time.monotonic() - told > TOLD_EVERY_SECONDS:
            told = time.monotonic()
            tell(f"     {known} of {wanted} devices")
        await asyncio.sleep(LOOK_EVERY_SECONDS if wanted < LARGE else TOLD_EVERY_SECONDS / 5)
    for machine in machines[-8:]:
        if machine.contract_record(today)["valid_until"] is None:
            await eventually(f"tickets knows {machine.ref}", partial(_entitled, door, machine))


async def _known(door: Doors) -> set[str]:
    """The serial numbers of the devices that are there with a contract line."""
    serials: set[str] = set()
    path: str | None = f"/v1/devices?limit={PAGE}"
    while path is not None:
        page = await call(door, "GET", "catalog", path)
        serials |= {device["serial"] for device in page["items"] if device["contract_state"] != "none"}
        path = f"/v1/devices?limit={PAGE}&cursor={quote(page['next'])}" if page.get("next") else None
    return serials


async def _entitled(door: Doors, machine: Device) -> bool:
    outlook = await call(door, "GET", "tickets", f"/v1/devices/{derived_id('device', machine.ref)}/outlook")
    return bool(outlook["entitled"])


async def _total(door: Doors, filters: str = "") -> int:
    page = await call(door, "GET", "catalog", f"/v1/devices?limit=1&total=true{filters}")
    return int(page["total"])


async def _watch_refusals(installation: Installation) -> NoReturn:
    """Raise MasterRecordRefused as soon as the product answers one of our records with a refusal."""
    consumer = AIOKafkaConsumer(*REJECTED, auto_offset_reset="latest", **connection(installation.broker))
    begun = time.time() * 1000
    try:
        await consumer.start()
        async for raw in consumer:
            if raw.timestamp >= begun:
                refusal = record_of(raw).value
                raise MasterRecordRefused(f"{refusal['record_type']}: {refusal['reason']}")
        raise MasterRecordRefused("the consumer of refusals was stopped")
    finally:
        await consumer.stop()
