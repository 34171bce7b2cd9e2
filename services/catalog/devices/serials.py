"""Serial numbers are unique among the devices that stand somewhere: each is reserved for one of them.

The reservation is a document whose id is the number, however it is typed. Of a device that was removed, or never
written, it may be taken over; a removed device and its successor of the same number may stand side by side.
"""

import logging
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.catalog.devices import store
from services.catalog.service import Service
from shared.contracts.catalog import DeviceStatus
from shared.outbox.show import PREPARED
from shared.problems import Conflict
from shared.text import squeezed

log = logging.getLogger(__name__)

SERIALS = "serials"
ATTEMPTS = 5


class SerialTaken(Conflict):
    """Another device with this number stands somewhere; `ref` is the back office's reference of it."""

    code = "serial_taken"
    title = "This serial number is another device's"


def key_of(serial: str) -> str:
    return squeezed(serial) or serial.casefold()


async def reserve(deps: Service, *, serial: str, device_id: str) -> None:
    """Make a number this device's. Raises SerialTaken."""
    reservations, key = deps.parts.serials, key_of(serial)
    for _ in range(ATTEMPTS):
        held = await reservations.read(key)
        if held is None:
            try:
                await reservations.insert({"_id": key, "device_id": device_id})
            except DuplicateKeyError:
                continue
            return
        if held["device_id"] == device_id:
            return
        holder = await store.devices(deps.db).find_one({"_id": held["device_id"]})
        if holder is not None and _keeps(holder, key):
            ref = store.device_of(holder).ref
            raise SerialTaken(f"The serial number belongs to device {ref}.", field="serial", rule="unique", ref=ref)
        taken = await _collection(deps.db).update_one(
            {"_id": key, "device_id": held["device_id"]}, {"$set": {"device_id": device_id}}
        )
        if taken.matched_count:
            return
    raise SerialTaken(field="serial", rule="unique")


async def complete(deps: Service) -> None:
    """Reserve the numbers of devices that were stored before numbers were reserved; anew where it did not end.

    Of two that stand somewhere with one number the first keeps it; the other is named in the log for a person.
    """
    done = {"_id": SERIALS}
    if await deps.db[PREPARED].find_one(done) is not None:
        return
    installed = {"status": {"$ne": DeviceStatus.REMOVED}}
    async for document in store.devices(deps.db).find(installed, {"serial": 1, "ref": 1}).sort("_id"):
        try:
            await reserve(deps, serial=document["serial"], device_id=document["_id"])
        except SerialTaken as taken:
            log.warning("two devices have one serial number", extra={"ref": document["ref"], "other": taken.extra})
    await deps.db[PREPARED].update_one(done, {"$set": done}, upsert=True)


def _keeps(holder: store.Document, key: str) -> bool:
    state = store.device_of(holder).state
    return state.status is not DeviceStatus.REMOVED and key_of(state.serial) == key


def _collection(db: AsyncDatabase[dict[str, Any]]) -> AsyncCollection[dict[str, Any]]:
    return db[SERIALS]
