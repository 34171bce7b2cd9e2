"""Answers about one device: the page's data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.catalog.devices import store
from services.catalog.devices.operations import visible_device
from services.catalog.grants import queries as grants
from services.catalog.grants.queries import Manager
from services.catalog.service import Service
from shared.access.caller import Caller
from shared.contracts.catalog import DeviceInstalled, DeviceSiteChanged


@dataclass(frozen=True, slots=True)
class Stay:
    """Where the device was told to stand, from when, and who said so."""

    at: datetime
    actor: str | None
    channel: str | None
    site: Mapping[str, Any]
    location: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DevicePage:
    document: store.Document
    managers: list[Manager]
    site_history: list[Stay]


async def device_page(deps: Service, *, caller: Caller, device_id: str) -> DevicePage:
    """All that the device page shows. Raises DeviceNotFound."""
    document = await visible_device(deps, caller=caller, device_id=device_id)
    return DevicePage(
        document=document,
        managers=await grants.managers_of(
            deps, device_id=device_id, account_id=document["account_id"], group_ids=document["group_ids"]
        ),
        site_history=await site_history(deps, document, account_id=document["account_id"]),
    )


async def site_history(deps: Service, document: store.Document, *, account_id: str) -> list[Stay]:
    """The sites and locations of the device while it was this account's, newest first.

    A device that was sold does not tell where the former customer had it.
    """
    stays: list[Stay] = []
    for row in await deps.outbox.history(store.DEVICES, document):
        if row.type not in (DeviceInstalled.type, DeviceSiteChanged.type) or row.value is None:
            continue
        device = row.value["device"]
        if device["account_id"] != account_id:
            continue
        if stays and (stays[-1].site, stays[-1].location) == (device["site"], device["location"]):
            continue
        stays.append(Stay(row.at, row.actor, row.channel, device["site"], device["location"]))
    return stays[::-1]
