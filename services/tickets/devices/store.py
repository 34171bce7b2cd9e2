"""Local views of what others own: devices, accounts, and the names of people on site."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared.access.scope import Scope, all_of
from shared.contracts.catalog import DeviceState
from shared.contracts.outbound import OnSiteContact
from shared.text import search_key

Database = AsyncDatabase[dict[str, Any]]

DEVICES = "view_devices"
ACCOUNTS = "view_accounts"
PEOPLE = "view_people"


async def prepare(db: Database) -> None:
    await db[DEVICES].create_index([("serial_key", ASCENDING)])


def device_fields(device: DeviceState) -> dict[str, Any]:
    """The row of a device: its state as it was on the wire, and what is queried."""
    return {
        "account_id": device.account_id,
        "group_ids": list(device.group_ids),
        "serial_key": serial_key(device.serial),
        "device": device.model_dump(mode="json"),
    }


def serial_key(serial: str) -> str:
    return search_key(serial).replace(" ", "")


class KnownDevice(NamedTuple):
    """A device as the view has it, and the view's version of it."""

    state: DeviceState
    version: int


async def visible_device(db: Database, device_id: str, scope: Scope) -> KnownDevice | None:
    """The device, if it is in the scope."""
    return _known(await db[DEVICES].find_one(all_of(scope, {"_id": device_id})))


async def device_by_serial(db: Database, serial: str) -> KnownDevice | None:
    """The device with this serial number, however it was typed."""
    return _known(await db[DEVICES].find_one({"serial_key": serial_key(serial)}))


async def known_devices(db: Database, device_ids: Sequence[str]) -> list[KnownDevice]:
    """The devices as the view has them."""
    found = db[DEVICES].find({"_id": {"$in": list(device_ids)}})
    return [known async for row in found if (known := _known(row)) is not None]


async def changed_device(db: Database, known: KnownDevice) -> KnownDevice | None:
    """The device, if the view has another version of it by now."""
    return _known(await db[DEVICES].find_one({"_id": known.state.device_id, "version": {"$gt": known.version}}))


def _known(row: Mapping[str, Any] | None) -> KnownDevice | None:
    if row is None or "device" not in row:
        return None
    return KnownDevice(DeviceState.model_validate(row["device"]), row["version"])


async def on_site_contact(db: Database, user_id: str | None) -> OnSiteContact | None:
    """Name and phone of a user; None for nobody, or for somebody whose data were erased."""
    if user_id is None:
        return None
    person = await db[PEOPLE].find_one({"_id": user_id})
    if person is None or "last_name" not in person:
        return None
    return OnSiteContact(name=f"{person['first_name']} {person['last_name']}", phone=person.get("phone"))


async def accounts_by_id(db: Database, account_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Names and service numbers of accounts."""
    found = db[ACCOUNTS].find({"_id": {"$in": sorted(set(account_ids))}})
    return {row["_id"]: row async for row in found}
