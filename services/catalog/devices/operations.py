"""What happens to a device: one use case each."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from services.catalog.contracts.domain import DeviceLine
from services.catalog.devices import domain, serials, store
from services.catalog.devices.domain import Decision, Device, Master
from services.catalog.models import operations as models
from services.catalog.models import queries as model_queries
from services.catalog.service import Service
from services.catalog.sites import operations as sites
from services.catalog.sites.domain import SiteWanted
from shared.access.caller import Caller
from shared.access.permissions import require
from shared.access.scope import EVERYTHING, Scope, all_of, visible
from shared.contracts import actions
from shared.contracts.catalog import Location, ModelState, Site
from shared.contracts.inbound import BackOfficeDeviceUpdated
from shared.ids import derived_id
from shared.outbox import Cause, Change, Stale
from shared.outbox.command import Command
from shared.problems import Invalid, NotFound, Problem
from shared.zones import is_time_zone

log = logging.getLogger(__name__)


class DeviceNotFound(NotFound):
    code = "device_not_found"
    title = "There is no such device, or none that you may see"


class TimeZoneUnknown(Invalid):
    code = "time_zone_unknown"
    title = "The time zone is not a name of the IANA database"


class SerialChanged(Problem):
    """A replacement is another device."""

    status = 409
    code = "serial_changed"
    title = "A serial number identifies a device for ever"


async def take_master(deps: Service, *, record: BackOfficeDeviceUpdated, cause: Cause, now: datetime) -> None:
    """Apply a master record. A repeated or older one changes nothing, and completes what an earlier attempt left.

    Raises TimeZoneUnknown, SerialChanged, SerialTaken.
    """
    require_time_zone(record.site)
    device_id = derived_id("device", record.ref)
    model = await models.find_or_create(deps, ref=record.model_ref, cause=cause)
    master = Master(
        **record.model_dump(exclude={"model_ref", "account_ref", "site", "location"}),
        model=model,
        account_id=derived_id("account", record.account_ref),
        site=record.site,
        location=record.location,
    )

    if master.status == "installed":
        await serials.reserve(deps, serial=master.serial, device_id=device_id)

    def create() -> Change:
        installed = domain.install(device_id, master)
        return Change(set=store.new_document(installed.device, now=now), events=installed.events)

    def apply(device: Device) -> Decision | None:
        if serials.key_of(device.state.serial) != serials.key_of(master.serial):
            raise SerialChanged(field="serial", rule="serial_never_changes")
        return domain.apply_master(device, master, now=now)

    document = await deps.outbox.create_or_change(
        store.DEVICES, device_id, create=create, decide=_decision(apply, now), scope=EVERYTHING, cause=cause
    )
    await _catch_up(deps, document, cause=cause, now=now)


async def _catch_up(deps: Service, document: store.Document, *, cause: Cause, now: datetime) -> None:
    """What arrived before the device, or while it was being written, reaches it now."""
    device_id = document["_id"]
    lines, model = await asyncio.gather(
        deps.parts.lines_of_device(device_id), model_queries.model(deps, document["model_id"])
    )
    if lines:
        await take_lines(deps, device_id=device_id, lines=lines, cause=cause, now=now)
    if model is not None and model.state.name != document["model_name"]:
        await follow_model(deps, device_id=device_id, model=model.state, cause=cause, now=now)


async def take_lines(
    deps: Service, *, device_id: str, lines: Mapping[str, DeviceLine], cause: Cause, now: datetime
) -> None:
    """Let a device see news of its contract lines; one that is not known yet looks for them when it arrives."""
    try:
        await _change(deps, device_id, lambda device: domain.merge_lines(device, lines, now=now), cause=cause, now=now)
    except DeviceNotFound:
        log.debug("contract lines wait for device %s", device_id)


async def follow_model(deps: Service, *, device_id: str, model: ModelState, cause: Cause, now: datetime) -> None:
    """Give a device its model's name."""
    await _change(deps, device_id, lambda device: domain.follow_model(device, model, now=now), cause=cause, now=now)


async def rename(
    deps: Service,
    *,
    caller: Caller,
    device_id: str,
    changes: Mapping[str, str | None],
    if_match: int,
    command: Command | None,
    now: datetime,
) -> store.Document:
    """Change the customer's own name or number. Raises DeviceNotFound, Forbidden, VersionConflict."""
    return await _change(
        deps,
        device_id,
        lambda device: domain.rename(device, changes, now=now),
        cause=cause_of(caller),
        now=now,
        scope=visible_devices(caller),
        permit=lambda document: _require_change(caller, document),
        if_match=if_match,
        command=command,
    )


async def move(
    deps: Service,
    *,
    caller: Caller,
    device_id: str,
    wanted: SiteWanted,
    location: Location,
    if_match: int,
    command: Command | None,
    now: datetime,
) -> store.Document:
    """Change site and location.

    Raises DeviceNotFound, Forbidden, VersionConflict, TimeZoneUnknown and the refusals of sites.
    """
    document = await visible_device(deps, caller=caller, device_id=device_id)
    _require_change(caller, document)
    site = await sites.chosen_site(deps, caller=caller, device=store.state_of(document), wanted=wanted)
    require_time_zone(site)
    return await _change(
        deps,
        device_id,
        lambda device: domain.move(device, site=site, location=location, now=now),
        cause=cause_of(caller),
        now=now,
        scope=visible_devices(caller),
        permit=lambda document: _require_change(caller, document),
        if_match=if_match,
        command=command,
    )


async def set_membership(
    deps: Service, *, device_id: str, group_id: str, account_id: str, member: bool, cause: Cause, now: datetime
) -> None:
    """Put a device into a group of its account or take it out."""
    await _change(
        deps,
        device_id,
        lambda device: domain.set_membership(device, group_id, account_id, member=member, now=now),
        cause=cause,
        now=now,
    )


async def pass_boundary(deps: Service, document: store.Document, now: datetime) -> None:
    """A contract line of the device began or ended. Whoever else wrote the device meanwhile has looked as well."""
    before = store.device_of(document)
    decision = domain.pass_boundary(before, now=now)
    change = store.change(before, decision.device, decision.events, now=now)
    try:
        await deps.outbox.update(
            store.DEVICES,
            document,
            change.set,
            change.events,
            cause=Cause.by_itself("catalog.contracts"),
            unset=change.unset,
            guard={"next_at": document["next_at"]},
        )
    except Stale:
        log.debug("device %s was written before its timer", document["_id"])


async def visible_device(deps: Service, *, caller: Caller, device_id: str) -> store.Document:
    """The device's document. Raises DeviceNotFound for one that is unknown or out of scope."""
    document = await store.devices(deps.db).find_one(all_of(visible_devices(caller), {"_id": device_id}))
    if document is None:
        raise DeviceNotFound()
    return document


def visible_devices(caller: Caller) -> Scope:
    return visible(caller, actions.READ_DEVICE, device="_id")


def cause_of(caller: Caller) -> Cause:
    return Cause.of(caller, channel="api" if caller.kind == "client" else "portal")


def _require_change(caller: Caller, document: store.Document) -> None:
    require(caller, actions.CHANGE_DEVICE, account_id=document["account_id"])


def require_time_zone(site: Site) -> None:
    if not is_time_zone(site.time_zone):
        raise TimeZoneUnknown(field="site.time_zone", rule="iana_time_zone")


async def _change(
    deps: Service,
    device_id: str,
    decide: Callable[[Device], Decision | None],
    *,
    cause: Cause,
    now: datetime,
    scope: Scope = EVERYTHING,
    permit: Callable[[store.Document], None] | None = None,
    if_match: int | None = None,
    command: Command | None = None,
) -> store.Document:
    return await deps.outbox.change(
        store.DEVICES,
        device_id,
        _decision(decide, now),
        cause=cause,
        command=command,
        if_match=if_match,
        scope=scope,
        permit=permit,
        not_found=DeviceNotFound(),
    )


def _decision(decide: Callable[[Device], Decision | None], now: datetime) -> Callable[[store.Document], Change | None]:
    def change(document: store.Document) -> Change | None:
        before = store.device_of(document)
        decision = decide(before)
        return None if decision is None else store.change(before, decision.device, decision.events, now=now)

    return change
