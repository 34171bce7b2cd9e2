"""The demonstration data is the same every time, fits the contracts, and holds what the story needs."""

from collections import Counter
from datetime import date
from itertools import islice

import pytest

from deploy.seed.customers import CUSTOMERS, FINLAND, GERMAN_GROUP
from deploy.seed.editions import EDITIONS, calendars
from deploy.seed.fleet import EXPIRED_DEVICE, STORY_LEVEL, fleet
from deploy.seed.maker import MODELS
from deploy.seed.people import FINNISH_MANAGER, GERMAN_MANAGER, PEOPLE
from deploy.simulators.back_office import master_record
from shared.contracts.catalogue import BY_TYPE
from shared.contracts.identity import EditionState, Role

TODAY = date(2026, 11, 22)
DEVICES = list(fleet(240))


def test_every_master_record_fits_its_contract() -> None:
    records = [
        *(("back-office.account.updated.v1", customer.record()) for customer in CUSTOMERS),
        *(("back-office.model.updated.v1", model.record()) for model in MODELS),
        *(("back-office.device.updated.v1", device.device_record()) for device in DEVICES),
        *(("back-office.contract.updated.v1", device.contract_record(TODAY)) for device in DEVICES),
    ]
    for kind, value in records:
        BY_TYPE[kind].model_validate_json(master_record(kind, value).body)


def test_a_larger_fleet_contains_the_smaller_one() -> None:
    assert list(islice(fleet(20_000), 240)) == DEVICES
    assert [device.device_record() for device in fleet(30)] == [device.device_record() for device in DEVICES[:30]]


def test_serial_numbers_are_unique_in_a_large_fleet() -> None:
    serials = Counter(device.device_record()["serial"] for device in fleet(3_000))
    assert serials.most_common(1)[0][1] == 1


def test_the_fleet_is_spread_over_the_customers_and_several_sites() -> None:
    accounts = Counter(device.customer.ref for device in DEVICES)
    assert set(accounts) == {customer.ref for customer in CUSTOMERS} - {GERMAN_GROUP.ref}
    sites = {device.device_record()["site"]["site_id"]: device.customer.ref for device in DEVICES}
    assert all(count >= 2 for count in Counter(sites.values()).values())


def test_a_site_has_one_address_whichever_device_names_it() -> None:
    addresses: dict[str, str] = {}
    for device in fleet(2_000):
        site = device.device_record()["site"]
        assert addresses.setdefault(site["site_id"], str(site)) == str(site)


def test_exactly_one_contract_has_ended() -> None:
    ended = [
        device.number
        for device in DEVICES
        if (until := device.contract_record(TODAY)["valid_until"]) and date.fromisoformat(until) < TODAY
    ]
    assert ended == [EXPIRED_DEVICE]
    assert DEVICES[EXPIRED_DEVICE].customer is FINLAND


def test_every_calendar_of_an_entitlement_exists() -> None:
    used = {device.contract_record(TODAY)["entitlement"]["calendar"] for device in fleet(2_000)}
    assert used == set(calendars())


def test_the_finnish_manager_has_devices_on_one_service_level_and_one_without_a_contract() -> None:
    refs = FINNISH_MANAGER.grants(DEVICES)
    assert len(refs) == 12
    assert DEVICES[EXPIRED_DEVICE].ref in refs
    assert {device.level for device in DEVICES if device.ref in refs} == {STORY_LEVEL}
    assert not set(refs) & set(GERMAN_MANAGER.grants(DEVICES))


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda edition: edition["country"])
def test_an_edition_fits_its_contract(edition: dict[str, object]) -> None:
    EditionState.model_validate(edition)


def test_there_is_a_user_for_each_role_with_an_address_of_his_own() -> None:
    assert {person.role for person in PEOPLE if person.role} == set(Role)
    assert len({person.email for person in PEOPLE}) == len(PEOPLE)
    assert all(person.email.endswith(".example") for person in PEOPLE)
