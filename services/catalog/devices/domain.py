"""The rules of one device: what the back office says, what the customer changes, and who wins."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from services.catalog.contracts.domain import DeviceLine, line_that_counts, next_boundary
from shared.contracts.base import Contract, Event
from shared.contracts.catalog import (
    DeviceChanged,
    DeviceEntitlementChanged,
    DeviceEvent,
    DeviceInstalled,
    DeviceRemoved,
    DeviceSiteChanged,
    DeviceState,
    DeviceStatus,
    Location,
    ModelState,
    Site,
)
from shared.contracts.outbound import ChangeRequested


class Owner(StrEnum):
    """Who decides a field of a device."""

    BACK_OFFICE = "back_office"
    LATEST = "latest"
    """The customer's change stands until a master record shows that the back office has seen it."""


FIELD_OWNERS: Mapping[str, Owner] = {
    "serial": Owner.BACK_OFFICE,
    "model_id": Owner.BACK_OFFICE,
    "model_name": Owner.BACK_OFFICE,
    "account_id": Owner.BACK_OFFICE,
    "status": Owner.BACK_OFFICE,
    "site": Owner.LATEST,
    "location": Owner.LATEST,
    "own_name": Owner.LATEST,
    "own_number": Owner.LATEST,
}


PLAIN_FIELDS = ("own_name", "own_number", "model_id", "model_name", "account_id", "group_ids")
"""The fields whose change is told as DeviceChanged."""


class Device(Contract):
    """A device's own document: its public state, and what only the catalog needs to know."""

    state: DeviceState
    version: int = 0
    ref: str
    revision: int
    unseen: dict[str, int] = Field(default_factory=dict)
    """Field → version of the customer's change that no master record has shown to have seen yet."""
    lines: dict[str, DeviceLine] = Field(default_factory=dict)

    def next_boundary(self, now: datetime) -> datetime | None:
        """When another contract line may count, and the device has to be looked at again."""
        return next_boundary(self.lines.values(), time_zone=self.state.site.time_zone, now=now)


class Master(Contract):
    """A master record with the back office's references turned into ids."""

    ref: str
    revision: int
    occurred_at: datetime
    serial: str
    model: ModelState
    account_id: str
    site: Site
    location: Location
    own_name: str | None
    own_number: str | None
    status: Literal["installed", "removed"]
    seen_version: int | None


@dataclass(frozen=True)
class Decision:
    """A device after a change, and what is told about it."""

    device: Device
    events: tuple[Event, ...]


def install(device_id: str, master: Master) -> Decision:
    """A device that we hear of for the first time; it looks for contract lines once it is written."""
    status = DeviceStatus(master.status)
    state = DeviceState(
        device_id=device_id,
        serial=master.serial,
        model_id=master.model.model_id,
        model_name=master.model.name,
        account_id=master.account_id,
        own_name=master.own_name,
        own_number=master.own_number,
        site=master.site,
        location=master.location,
        status=status,
        status_since=master.occurred_at,
    )
    device = Device(state=state, ref=master.ref, revision=master.revision)
    told = DeviceRemoved if status is DeviceStatus.REMOVED else DeviceInstalled
    return Decision(device, (told(device=state, occurred_at=master.occurred_at),))


def apply_master(device: Device, master: Master, *, now: datetime) -> Decision | None:
    """The device after a master record; None where that revision, or a newer one, is already in.

    Who wins is read from FIELD_OWNERS. A master record without a name never clears one: not every ERP keeps them.
    A device that goes to another account leaves the former customer's names, groups and changes behind.
    """
    if master.revision <= device.revision:
        return None
    sold = master.account_id != device.state.account_id
    given: dict[str, Any] = {
        "model_id": master.model.model_id,
        "model_name": master.model.name,
        "account_id": master.account_id,
        "site": master.site,
        "location": master.location,
        "own_name": master.own_name or (None if sold else device.state.own_name),
        "own_number": master.own_number or (None if sold else device.state.own_number),
    }
    unseen = {
        field: version
        for field, version in device.unseen.items()
        if not sold and (master.seen_version is None or master.seen_version < version)
    }
    taken = {
        field: value
        for field, value in given.items()
        if FIELD_OWNERS[field] is Owner.BACK_OFFICE or field not in unseen
    }
    if sold:
        taken["group_ids"] = ()  # groups belong to an account
    if (status := _status(device.state.status, master.status)) is not device.state.status:
        taken |= {"status": status, "status_since": master.occurred_at}
    changed = _with(device, taken, revision=master.revision, unseen=unseen)
    return _settled(device, changed, occurred_at=master.occurred_at, now=now)


def rename(device: Device, changes: Mapping[str, str | None], *, now: datetime) -> Decision | None:
    """The customer's own name and number; empty text means none. The back office is told."""
    wanted = {field: (value or "").strip() or None for field, value in changes.items()}
    taken = {field: value for field, value in wanted.items() if value != getattr(device.state, field)}
    return _asked(device, taken, change=taken, now=now) if taken else None


def move(device: Device, *, site: Site, location: Location, now: datetime) -> Decision | None:
    """The customer's change of site or location. The back office is told."""
    taken: dict[str, Any] = {}
    change: dict[str, str | None] = {}
    if site != device.state.site:
        taken["site"] = site
        change |= {f"site.{field}": value for field, value in site.model_dump(mode="json").items()}
    if location != device.state.location:
        taken["location"] = location
        change |= {f"location.{field}": value for field, value in location.model_dump(mode="json").items()}
    return _asked(device, taken, change=change, now=now) if taken else None


def merge_lines(device: Device, lines: Mapping[str, DeviceLine], *, now: datetime) -> Decision | None:
    """The device after news of its contract lines; older copies than it has are left out.

    Told in any case: the version has to grow, so that of two lines that arrive at once none is lost.
    """
    newer = {
        line_id: line
        for line_id, line in lines.items()
        if line_id not in device.lines or device.lines[line_id].version < line.version
    }
    if not newer:
        return None
    return _entitlement_told(
        _settled(device, _with(device, {}, lines=device.lines | newer), occurred_at=now, now=now), now
    )


def pass_boundary(device: Device, *, now: datetime) -> Decision:
    """A contract line began or ended: told in any case, since the lapse is an event too."""
    return _entitlement_told(_settled(device, device, occurred_at=now, now=now), now)


def follow_model(device: Device, model: ModelState, *, now: datetime) -> Decision | None:
    """The device after its model got another name."""
    if device.state.model_id != model.model_id or device.state.model_name == model.name:
        return None
    return _settled(device, _with(device, {"model_name": model.name}), occurred_at=now, now=now)


def set_membership(device: Device, group_id: str, account_id: str, *, member: bool, now: datetime) -> Decision | None:
    """Put the device into a group of its account, or take it out."""
    member = member and device.state.account_id == account_id
    groups = set(device.state.group_ids)
    if (group_id in groups) is member:
        return None
    group_ids = tuple(sorted(groups | {group_id} if member else groups - {group_id}))
    return _settled(device, _with(device, {"group_ids": group_ids}), occurred_at=now, now=now)


def _asked(device: Device, taken: Mapping[str, Any], *, change: Mapping[str, str | None], now: datetime) -> Decision:
    """A customer's change: it stands until the back office has seen the version that it gets."""
    version = device.version + 1
    unseen = device.unseen | dict.fromkeys(taken, version)
    told = _settled(device, _with(device, taken, unseen=unseen), occurred_at=now, now=now)
    request = ChangeRequested(
        subject="device", subject_id=device.state.device_id, version=version, change=dict(change), occurred_at=now
    )
    return Decision(told.device, (*told.events, request))


def _with(device: Device, state: Mapping[str, Any], **own: Any) -> Device:
    return device.model_copy(update={"state": device.state.model_copy(update=dict(state)), **own})


def _settled(before: Device, after: Device, *, occurred_at: datetime, now: datetime) -> Decision:
    """Choose the line that counts at the device's site, and say what changed: one event per concern, all of them
    with the state after the whole change."""
    contract = line_that_counts(after.lines.values(), time_zone=after.state.site.time_zone, now=now)
    after = _with(after, {"contract": contract})
    was, state = before.state, after.state
    kinds: list[type[DeviceEvent]] = []
    if state.status is not was.status:
        kinds.append(DeviceRemoved if state.status is DeviceStatus.REMOVED else DeviceInstalled)
    if (state.site, state.location) != (was.site, was.location):
        kinds.append(DeviceSiteChanged)
    if state.contract != was.contract:
        kinds.append(DeviceEntitlementChanged)
    if any(getattr(state, field) != getattr(was, field) for field in PLAIN_FIELDS):
        kinds.append(DeviceChanged)
    return Decision(after, tuple(kind(device=state, occurred_at=occurred_at) for kind in kinds))


def _entitlement_told(decision: Decision, now: datetime) -> Decision:
    if decision.events:
        return decision
    return Decision(decision.device, (DeviceEntitlementChanged(device=decision.device.state, occurred_at=now),))


def _status(current: DeviceStatus, given: Literal["installed", "removed"]) -> DeviceStatus:
    """`in_move` is ours: the back office's "installed" does not end a move that runs."""
    if given == "installed" and current is DeviceStatus.IN_MOVE:
        return current
    return DeviceStatus(given)
