"""When a contract is valid, read in the site's time zone (CAT-7)."""

from datetime import UTC, date, datetime

import pytest

from services.catalog.contracts.domain import ContractLine, apply_master, begins_at, ends_at, standing
from shared.contracts.catalog import ContractLineState, DeviceContract, Entitlement
from tests.unit.catalog_samples import NOW

HELSINKI = "Europe/Helsinki"


def contract(valid_from: date, valid_until: date | None) -> DeviceContract:
    entitlement = Entitlement(level="Next day", calendar="fi-standard")
    return DeviceContract(
        contract_line_id="a", number="C-1", valid_from=valid_from, valid_until=valid_until, entitlement=entitlement
    )


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "expected"),
    [
        (date(2026, 1, 1), None, "valid"),
        (date(2026, 1, 1), date(2027, 6, 30), "valid"),
        (date(2026, 1, 1), date(2026, 12, 31), "ending"),
        (date(2026, 1, 1), date(2026, 11, 23), "ending"),
        (date(2026, 1, 1), date(2026, 11, 22), "expired"),
        (date(2026, 11, 24), None, "none"),
        (date(2026, 1, 1), date(9999, 12, 31), "valid"),
        (date.min, date.max, "valid"),
    ],
)
def test_a_contract_stands(valid_from: date, valid_until: date | None, expected: str) -> None:
    assert standing(contract(valid_from, valid_until), time_zone=HELSINKI, now=NOW, ending_days=60) == expected


def test_no_contract_is_none() -> None:
    assert standing(None, time_zone=HELSINKI, now=NOW, ending_days=60) == "none"


def test_the_last_day_lasts_until_midnight_where_the_device_stands() -> None:
    last_minute = datetime(2026, 11, 22, 21, 59, tzinfo=UTC)
    ended = contract(date(2026, 1, 1), date(2026, 11, 22))
    assert standing(ended, time_zone=HELSINKI, now=last_minute, ending_days=60) == "ending"
    assert (
        standing(ended, time_zone=HELSINKI, now=datetime(2026, 11, 22, 22, 0, tzinfo=UTC), ending_days=60) == "expired"
    )
    assert (
        standing(ended, time_zone="Europe/Lisbon", now=datetime(2026, 11, 22, 22, 0, tzinfo=UTC), ending_days=60)
        == "ending"
    )


def test_the_day_of_the_clock_change_has_its_own_midnight() -> None:
    summer = contract(date(2026, 3, 29), date(2026, 10, 25))
    assert begins_at(summer, HELSINKI) == datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
    assert ends_at(summer, HELSINKI) == datetime(2026, 10, 25, 22, 0, tzinfo=UTC)


def test_a_line_that_moves_remembers_the_devices_it_left() -> None:
    state = ContractLineState(
        contract_line_id="a",
        number="C-1",
        account_id="acme",
        device_id="one",
        valid_from=date(2026, 1, 1),
        entitlement=Entitlement(level="Next day", calendar="fi-standard"),
    )
    line = ContractLine(state=state, ref="L-1", revision=1)
    moved = apply_master(
        line, state=state.model_copy(update={"device_id": "two"}), ref="L-1", revision=2, occurred_at=NOW
    )
    assert moved is not None
    assert moved[0].former_device_ids == ("one",)
    back = apply_master(moved[0], state=state, ref="L-1", revision=3, occurred_at=NOW)
    assert back is not None
    assert back[0].former_device_ids == ("two",)
    assert apply_master(back[0], state=state, ref="L-1", revision=3, occurred_at=NOW) is None
