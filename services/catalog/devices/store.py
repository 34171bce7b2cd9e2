"""Devices in the store: a document each, and a row beside it with the keys by which lists find and order it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from services.catalog.contracts.domain import FOREVER, begins_at, ends_at
from services.catalog.devices.domain import Device
from services.catalog.lists import store as lists
from shared.contracts.catalog import DeviceState
from shared.outbox import Aggregate, Change, Shown

Document = dict[str, Any]

OPEN_ENDED = datetime(FOREVER, 1, 1, tzinfo=UTC)
ROWS = "device_rows"
MODEL_INDEX = "model_devices"
STATE_FIELDS = tuple(DeviceState.model_fields)
VIEW_FIELDS = (*STATE_FIELDS, "version")


def devices(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return db[DEVICES.collection]


def rows(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    """What lists, searches and counts read of devices; a row follows each write of its document."""
    return db[ROWS]


def tickets(db: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    """The local view of tickets: device, account, number and whether it is open."""
    return db["view_tickets"]


async def prepare(db: AsyncDatabase[Document]) -> None:
    """Create the indexes; harmless when they are there."""
    for name, keys in lists.indexes():
        await rows(db).create_index(keys, name=name)
    await devices(db).create_index([("group_ids", ASCENDING)], name="group")
    await devices(db).create_index([("model_id", ASCENDING), ("_id", ASCENDING)], name=MODEL_INDEX)
    await tickets(db).create_index([("device_id", ASCENDING), ("open", ASCENDING)], name="open_on_device")


async def open_ticket_ids(db: AsyncDatabase[Document], documents: Sequence[Document]) -> dict[str, tuple[str, ...]]:
    """The tickets that somebody still waits for, by device; those of the account that has the device now."""
    accounts = {document["_id"]: document["account_id"] for document in documents}
    query = {"device_id": {"$in": sorted(accounts)}, "open": True}
    found: dict[str, list[str]] = {}
    async for ticket in tickets(db).find(query, {"device_id": 1, "account_id": 1}):
        if accounts[ticket["device_id"]] == ticket["account_id"]:
            found.setdefault(ticket["device_id"], []).append(ticket["_id"])
    return {device_id: tuple(sorted(ids)) for device_id, ids in found.items()}


def device_of(document: Mapping[str, Any]) -> Device:
    return Device(
        state=state_of(document),
        version=document["version"],
        ref=document["ref"],
        revision=document["master_revision"],
        unseen=document.get("unseen", {}),
        lines=document.get("lines", {}),
    )


def state_of(document: Mapping[str, Any]) -> DeviceState:
    return DeviceState.model_validate({field: document[field] for field in STATE_FIELDS if field in document})


def new_document(device: Device, *, now: datetime) -> Document:
    document = _fields(device, now) | {"_id": device.state.device_id, "unseen": device.unseen}
    return {field: value for field, value in document.items() if field != "next_at" or value is not None}


def change(before: Device, after: Device, events: Any, *, now: datetime) -> Change:
    """The write that leads from one device to the other: only fields that differ."""
    was, is_ = _fields(before, now), _fields(after, now)
    sets = {field: value for field, value in is_.items() if value != was[field] and field != "next_at"}
    unsets = [f"unseen.{field}" for field in before.unseen.keys() - after.unseen.keys()]
    sets |= {
        f"unseen.{field}": version for field, version in after.unseen.items() if before.unseen.get(field) != version
    }
    if is_["next_at"] is None:
        unsets.append("next_at")
    else:
        sets["next_at"] = is_["next_at"]
    return Change(set=sets, unset=unsets, events=events)


def row_of(document: Document) -> Document:
    """The row of a device's document: its public state, and by what it is found, ordered and counted."""
    state = state_of(document)
    contract, zone = state.contract, state.site.time_zone
    return {
        **{field: document[field] for field in STATE_FIELDS if field in document},
        "contract_from": begins_at(contract, zone) if contract else None,
        "contract_until": (ends_at(contract, zone) or OPEN_ENDED) if contract else None,
        "search": lists.search_keys(state),
        "order": lists.order_keys(state),
        "lists": lists.list_keys(state),
        "facet": lists.facet(state),
    }


DEVICES = Aggregate(name="devices", collection="devices", shown=(Shown(ROWS, row_of),))


def _fields(device: Device, now: datetime) -> Document:
    return {
        **device.state.model_dump(mode="json"),
        "ref": device.ref,
        "master_revision": device.revision,
        "lines": {line_id: line.model_dump(mode="json") for line_id, line in device.lines.items()},
        "next_at": device.next_boundary(now),
    }
