"""Local views of what others own: devices, accounts, and the names of people on site."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared.access.caller import Caller
from shared.access.scope import sees
from shared.contracts.actions import Action
from shared.contracts.catalog import DeviceState, DeviceStatus
from shared.contracts.identity import AccountState, PersonState
from shared.contracts.outbound import OnSiteContact
from shared.outbox.statements import Statements
from shared.text import folded, search_words, squeezed

Database = AsyncDatabase[dict[str, Any]]

DEVICES = "view_devices"
ACCOUNTS = "view_accounts"
PEOPLE = "view_people"
MOST_OF_ONE_SERIAL = 20


async def prepare(db: Database) -> None:
    await db[DEVICES].create_index([("serial_key", ASCENDING)])
    await db[ACCOUNTS].create_index([("keys", ASCENDING)])
    await db[PEOPLE].create_index([("keys", ASCENDING)])


def device_fields(device: DeviceState) -> dict[str, Any]:
    """The row of a device: its state as it was on the wire, and what is queried."""
    return {
        "account_id": device.account_id,
        "group_ids": list(device.group_ids),
        "serial_key": squeezed(device.serial),
        "device": device.model_dump(mode="json"),
    }


def account_fields(account: AccountState) -> dict[str, Any]:
    """The row of an account, with the words that the desk finds it by."""
    numbers = (account.service_number, *account.former_numbers)
    keys = dict.fromkeys([*search_words(account.name), *folded(account.name).split(), *map(squeezed, numbers)])
    return {"name": account.name, "service_number": account.service_number, "keys": list(keys)}


def person_fields(person: PersonState) -> dict[str, Any]:
    """The row of a person; its keys are his names and his address, whole and in words."""
    name = f"{person.first_name} {person.last_name}"
    keys = [*search_words(name), *folded(name).split(), squeezed(person.email), *search_words(person.email)]
    if person.phone:
        keys.append(squeezed(person.phone))
    fields = person.model_dump(include={"first_name", "last_name", "phone", "email"})
    return fields | {"keys": list(dict.fromkeys(keys))}


class KnownDevice(NamedTuple):
    """A device as the view has it, and the view's version of it."""

    state: DeviceState
    version: int


async def devices_by_serial(db: Database, serial: str) -> list[KnownDevice]:
    """The devices with this serial number, however it was typed: those that stand somewhere, else the removed ones."""
    rows = await db[DEVICES].find({"serial_key": squeezed(serial)}).to_list(MOST_OF_ONE_SERIAL)
    found = [known for row in rows if (known := _known(row)) is not None]
    return [known for known in found if known.state.status is not DeviceStatus.REMOVED] or found


async def known_devices(db: Database, device_ids: Sequence[str]) -> list[KnownDevice]:
    """The devices as the view has them."""
    found = db[DEVICES].find({"_id": {"$in": list(device_ids)}})
    return [known async for row in found if (known := _known(row)) is not None]


def _known(row: Mapping[str, Any] | None) -> KnownDevice | None:
    if row is None or "device" not in row:
        return None
    return KnownDevice(DeviceState.model_validate(row["device"]), row["version"])


def contact_of(person: Mapping[str, Any] | None) -> OnSiteContact | None:
    """Name and phone of a row of people; None for nobody, and for somebody whose data were erased."""
    if person is None or "last_name" not in person:
        return None
    return OnSiteContact(name=f"{person['first_name']} {person['last_name']}", phone=person.get("phone"))


class Views:
    """Single rows of the views, read in one question for all who ask at the same time."""

    def __init__(self, db: Database) -> None:
        self._devices = Statements(db[DEVICES])
        self._people = Statements(db[PEOPLE])

    async def device(self, device_id: str) -> KnownDevice | None:
        """The device, whoever may see it."""
        return _known(await self._devices.read(device_id))

    async def visible_device(self, caller: Caller, action: Action, device_id: str) -> KnownDevice | None:
        """The device, if the caller sees it by the action; one question to the store in any case."""
        known = await self.device(device_id)
        if known is None:
            return None
        state = known.state
        is_seen = sees(
            caller, action, account_id=state.account_id, device_id=state.device_id, group_ids=state.group_ids
        )
        return known if is_seen else None

    async def on_site_contact(self, user_id: str | None) -> OnSiteContact | None:
        """Name and phone of a user; None for nobody, or for somebody whose data were erased."""
        return None if user_id is None else contact_of(await self._people.read(user_id))


async def accounts_by_id(db: Database, account_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Names and service numbers of accounts."""
    found = db[ACCOUNTS].find({"_id": {"$in": sorted(set(account_ids))}})
    return {row["_id"]: row async for row in found}
