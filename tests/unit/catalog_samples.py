"""Devices and master records that the tests of the catalog's rules start from."""

from datetime import UTC, date, datetime
from typing import Any

from services.catalog.contracts.domain import DeviceLine
from services.catalog.devices.domain import Device, Master, install
from shared.contracts.catalog import DeviceContract, Entitlement, Location, ModelState, Site

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HARBOUR = Site(
    site_id="harbour",
    name="Harbour office",
    street="Satamakatu 4",
    postcode="33200",
    city="Tampere",
    country="FI",
    time_zone="Europe/Helsinki",
)
MILL = HARBOUR.model_copy(update={"site_id": "mill", "name": "Old mill", "street": "Myllytie 2"})
MODEL = ModelState(model_id="aurora", name="Aurora C3020")


def master(**changes: Any) -> Master:
    base: dict[str, Any] = {
        "ref": "D-1",
        "revision": 1,
        "occurred_at": NOW,
        "serial": "AB10O22",
        "model": MODEL,
        "account_id": "acme",
        "site": HARBOUR,
        "location": Location(),
        "own_name": None,
        "own_number": None,
        "status": "installed",
        "seen_version": None,
    }
    return Master(**(base | changes))


def device(**changes: Any) -> Device:
    """A device that has just been installed, at version 1."""
    return install("device-1", master(**changes)).device.model_copy(update={"version": 1})


def line(
    line_id: str, valid_from: date = date(2026, 1, 1), valid_until: date | None = None, *, version: int = 1
) -> dict[str, DeviceLine]:
    entitlement = Entitlement(level="Next day", calendar="fi-standard", response_minutes=480)
    contract = DeviceContract(
        contract_line_id=line_id,
        number=f"C-{line_id}",
        valid_from=valid_from,
        valid_until=valid_until,
        entitlement=entitlement,
    )
    return {line_id: DeviceLine(version=version, contract=contract)}
