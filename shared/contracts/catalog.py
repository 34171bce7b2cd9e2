"""Models, devices, contract lines, groups and grants: owned by services/catalog."""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.base import Contract, Event
from shared.contracts.identity import Link


class ModelState(Contract):
    """A model is data. One that nobody has described yet is `unclassified`, never refused."""

    model_id: str
    name: str
    classified: bool = True
    counters: tuple[str, ...] = ("total",)
    consumables: tuple[str, ...] = ()
    error_family: str | None = None
    links: tuple[Link, ...] = ()


class Site(Contract):
    """The street address that engineers travel to."""

    site_id: str
    name: str
    street: str
    postcode: str
    city: str
    country: str
    subdivision: str | None = None
    time_zone: str
    opening_hours: str | None = None
    access_notes: str | None = None


class Location(Contract):
    """The place inside a site."""

    building: str | None = None
    floor: str | None = None
    room: str | None = None
    note: str | None = None


class Entitlement(Contract):
    """What follows from a contract line. A clock without minutes is not contracted."""

    level: str
    calendar: str = Field(description="code of the service calendar")
    acknowledge_minutes: int | None = Field(default=None, gt=0, description="business minutes from receipt")
    response_minutes: int | None = Field(default=None, gt=0, description="business minutes until the engineer arrives")
    resolve_minutes: int | None = Field(default=None, gt=0)
    parts_pause: bool = False
    supplies_included: bool = True
    meter_reading: Literal["manual", "remote"] = "manual"


class ContractLineState(Contract):
    contract_line_id: str
    number: str
    account_id: str
    device_id: str
    valid_from: date
    valid_until: date | None = Field(default=None, description="the last day of validity, in the site's time zone")
    entitlement: Entitlement


class DeviceContract(Contract):
    """The contract line as the device shows it."""

    contract_line_id: str
    number: str
    valid_from: date
    valid_until: date | None = None
    entitlement: Entitlement


class DeviceStatus(StrEnum):
    INSTALLED = "installed"
    IN_MOVE = "in_move"
    REMOVED = "removed"


class DeviceState(Contract):
    device_id: str
    serial: str
    model_id: str
    model_name: str
    account_id: str
    own_name: str | None = None
    own_number: str | None = None
    site: Site
    location: Location = Location()
    status: DeviceStatus = DeviceStatus.INSTALLED
    status_since: AwareDatetime
    group_ids: tuple[str, ...] = ()
    contract: DeviceContract | None = None


class GroupState(Contract):
    group_id: str
    account_id: str
    name: str


class GrantsState(Contract):
    """The devices and groups that one user manages. The roles decide what he may do with them."""

    user_id: str
    devices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class ModelChanged(Event):
    topic: ClassVar[str] = "catalog.models"
    type: ClassVar[str] = "catalog.model.changed.v1"
    model: ModelState


class DeviceEvent(Event):
    topic: ClassVar[str] = "catalog.devices"
    device: DeviceState
    occurred_at: AwareDatetime


class DeviceInstalled(DeviceEvent):
    type: ClassVar[str] = "catalog.device.installed.v1"


class DeviceChanged(DeviceEvent):
    """Own name, own number, model, account or groups changed."""

    type: ClassVar[str] = "catalog.device.changed.v1"


class DeviceSiteChanged(DeviceEvent):
    """Site or location changed; open visits to the old address need a look."""

    type: ClassVar[str] = "catalog.device.site-changed.v1"


class DeviceEntitlementChanged(DeviceEvent):
    type: ClassVar[str] = "catalog.device.entitlement-changed.v1"


class DeviceRemoved(DeviceEvent):
    type: ClassVar[str] = "catalog.device.removed.v1"


class ContractLineChanged(Event):
    topic: ClassVar[str] = "catalog.contracts"
    type: ClassVar[str] = "catalog.contract-line.changed.v1"
    line: ContractLineState
    occurred_at: AwareDatetime


class GroupChanged(Event):
    topic: ClassVar[str] = "catalog.groups"
    type: ClassVar[str] = "catalog.group.changed.v1"
    group: GroupState


class GrantsChanged(Event):
    topic: ClassVar[str] = "catalog.grants"
    type: ClassVar[str] = "catalog.grants.changed.v1"
    grants: GrantsState


EVENTS: tuple[type[Event], ...] = (
    ModelChanged,
    DeviceInstalled,
    DeviceChanged,
    DeviceSiteChanged,
    DeviceEntitlementChanged,
    DeviceRemoved,
    ContractLineChanged,
    GroupChanged,
    GrantsChanged,
)
