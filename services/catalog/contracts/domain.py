"""When a contract line is in force, and which of a device's lines counts."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.contracts.base import Contract, Event
from shared.contracts.catalog import ContractLineChanged, ContractLineState, DeviceContract


class ContractStanding(StrEnum):
    """What a device's contract is worth at a moment. `none`: no line at all, or only one that has not begun."""

    VALID = "valid"
    ENDING = "ending"
    EXPIRED = "expired"
    NONE = "none"


FOREVER = 9999
"""Master systems write "no end" as a day in the last year of the calendar."""


class DeviceLine(Contract):
    """A contract line as a device keeps it, with the line's own version: an older copy never replaces a newer one."""

    version: int
    contract: DeviceContract | None = None
    """None: the line has moved to another device."""


class ContractLine(Contract):
    """The contract line's own document."""

    state: ContractLineState
    ref: str
    revision: int
    former_device_ids: tuple[str, ...] = ()


def begins_at(contract: DeviceContract, time_zone: str) -> datetime:
    """The first instant of the first day, read in the site's time zone."""
    return _midnight(contract.valid_from, time_zone)


def ends_at(contract: DeviceContract, time_zone: str) -> datetime | None:
    """The first instant after the last day, read in the site's time zone; None: open-ended."""
    if contract.valid_until is None or contract.valid_until.year >= FOREVER:
        return None
    return _midnight(contract.valid_until + timedelta(days=1), time_zone)


def standing(contract: DeviceContract | None, *, time_zone: str, now: datetime, ending_days: int) -> ContractStanding:
    """The contract's worth now. `ending`: it ends within `ending_days`."""
    if contract is None or begins_at(contract, time_zone) > now:
        return ContractStanding.NONE
    end = ends_at(contract, time_zone)
    if end is None:
        return ContractStanding.VALID
    if end <= now:
        return ContractStanding.EXPIRED
    return ContractStanding.ENDING if end <= now + timedelta(days=ending_days) else ContractStanding.VALID


def line_that_counts(lines: Iterable[DeviceLine], *, time_zone: str, now: datetime) -> DeviceContract | None:
    """The line in force that lasts longest; else the one that ended last; else the one that begins first."""
    contracts = sorted((line.contract for line in lines if line.contract), key=lambda c: c.contract_line_id)
    begun = [contract for contract in contracts if begins_at(contract, time_zone) <= now]
    if begun:
        return max(begun, key=lambda c: (c.valid_until or date.max, c.valid_from))
    return min(contracts, key=lambda c: c.valid_from, default=None)


def next_boundary(lines: Iterable[DeviceLine], *, time_zone: str, now: datetime) -> datetime | None:
    """The next instant at which a line begins or ends, and another one may count."""
    instants = [
        instant
        for line in lines
        if line.contract
        for instant in (begins_at(line.contract, time_zone), ends_at(line.contract, time_zone))
        if instant is not None and instant > now
    ]
    return min(instants, default=None)


def device_contract(state: ContractLineState) -> DeviceContract:
    """The line as the device shows it."""
    return DeviceContract(
        contract_line_id=state.contract_line_id,
        number=state.number,
        valid_from=state.valid_from,
        valid_until=state.valid_until,
        entitlement=state.entitlement,
    )


def apply_master(
    line: ContractLine | None, *, state: ContractLineState, ref: str, revision: int, occurred_at: datetime
) -> tuple[ContractLine, list[Event]] | None:
    """The line after a master record; None where that revision, or a newer one, is already in."""
    if line is None:
        return ContractLine(state=state, ref=ref, revision=revision), [
            ContractLineChanged(line=state, occurred_at=occurred_at)
        ]
    if revision <= line.revision:
        return None
    former = set(line.former_device_ids)
    if line.state.device_id != state.device_id:
        former.add(line.state.device_id)
    former.discard(state.device_id)
    changed = ContractLine(state=state, ref=ref, revision=revision, former_device_ids=tuple(sorted(former)))
    return changed, [ContractLineChanged(line=state, occurred_at=occurred_at)]


def _midnight(day: date, time_zone: str) -> datetime:
    """Days before 1900 mean "always": an instant before the first year would not exist in every zone."""
    day = max(day, date(1900, 1, 1))
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
