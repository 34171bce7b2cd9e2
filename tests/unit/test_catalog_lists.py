"""How devices are found and put in order (CAT-1, CAT-2)."""

import re
from typing import Any

import pytest

from services.catalog.lists import store
from services.catalog.lists.queries import BY_SERIAL, MANY, Wanted, _branches
from shared.access.caller import Caller
from shared.contracts.catalog import DeviceState, DeviceStatus
from shared.contracts.identity import Right, Role
from tests.unit.catalog_samples import device

STATE = device(own_name="Müller Büro 2. OG", own_number="INV-0042").state


def finds(text: str, state: DeviceState = STATE) -> bool:
    """The store's answer to a search filter, for one device."""
    query = store.search_filter(text)
    return query is not None and _matches(query, store.search_keys(state))


def _matches(query: dict[str, Any], keys: list[str]) -> bool:
    if "$or" in query:
        return any(_matches(part, keys) for part in query["$or"])
    if "$and" in query:
        return all(_matches(part, keys) for part in query["$and"])
    return any(re.match(query["search"]["$regex"], key) for key in keys)


@pytest.mark.parametrize(
    "text",
    [
        "AB10O22",
        "ab10o22",
        "AB 10 O22",
        "AB1",
        "ABIO022",
        "S/N: AB10O22",
        "SN AB10O22",
        "Serial No. AB10O22",
        "Ser.-Nr. AB10O22",
        "inv-0042",
        "INV0042",
        "müller",
        "mueller",
        "muller",
        "buro",
        "aurora c30",
        "C3020",
        "C3020 harbour",
        "satama",
        "33200",
        "tampere müller",
    ],
)
def test_a_device_is_found_by(text: str) -> None:
    assert finds(text)


@pytest.mark.parametrize("text", ["10O22", "AB10X", "müller berlin", "aurora c40"])
def test_a_device_is_not_found_by(text: str) -> None:
    assert not finds(text)


@pytest.mark.parametrize("text", ["", "   ", "!?", ".*"])
def test_a_search_for_signs_alone_is_no_search(text: str) -> None:
    assert store.search_filter(text) is None


def test_a_search_cannot_smuggle_in_a_pattern() -> None:
    assert store.search_filter("a.*b|c(") == {
        "$or": [
            {"search": {"$regex": "^abc"}},
            {"$and": [{"search": {"$regex": f"^{word}"}} for word in ("a", "b", "c")]},
        ]
    }


def test_numbers_inside_names_sort_as_numbers_and_nameless_devices_come_last() -> None:
    names = ["Floor 10", "floor 2", None, "Ärztehaus", "Zentrale"]
    ordered = sorted(names, key=lambda name: store.order_keys(device(own_name=name).state)["own_name"])
    assert ordered == ["Ärztehaus", "floor 2", "Floor 10", "Zentrale", None]


def test_a_device_that_is_not_installed_stands_in_a_list_of_its_own() -> None:
    removed = STATE.model_copy(update={"status": DeviceStatus.REMOVED})
    assert "account:acme/status:removed" in store.list_keys(removed)
    assert not any("status" in key for key in store.list_keys(STATE))


def caller(*rights: tuple[str, Role, bool], devices: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> Caller:
    return Caller(
        id="u",
        kind="user",
        rights=tuple(Right(account_id=account, role=role, whole=whole) for account, role, whole in rights),
        devices=frozenset(devices),
        groups=frozenset(groups),
    )


EVERYTHING = Wanted()


def branches(who: Caller, wanted: Wanted = EVERYTHING) -> list[dict[str, Any]]:
    return [branch.query for branch in _branches(who, wanted, BY_SERIAL)]


def test_each_whole_account_is_read_in_order_by_itself() -> None:
    who = caller(("a", Role.ADMINISTRATOR, True), ("b", Role.DEVICE_MANAGER, True), ("c", Role.KNOWLEDGE_USER, True))
    assert branches(who) == [{"account_id": "a"}, {"account_id": "b"}]


def test_a_manager_of_parts_reads_his_groups_and_his_devices() -> None:
    who = caller(("a", Role.DEVICE_MANAGER, False), devices=("d",), groups=("g",))
    assert branches(who) == [{"lists": "group:g"}, {"_id": {"$in": ["d"]}}]


def test_a_manager_of_very_many_single_devices_reads_his_accounts_in_order() -> None:
    who = caller(("a", Role.DEVICE_MANAGER, False), devices=tuple(str(number) for number in range(MANY + 1)))
    assert branches(who) == [{"account_id": "a"}]


def test_who_has_no_role_for_devices_reads_nothing() -> None:
    assert branches(caller(("a", Role.STOCK_MANAGER, True), devices=("d",))) == []


def test_an_account_out_of_scope_reads_nothing() -> None:
    assert branches(caller(("a", Role.ADMINISTRATOR, True)), Wanted(account_id="b")) == []


def test_a_filter_that_picks_few_reads_only_those() -> None:
    who = caller(("a", Role.ADMINISTRATOR, True))
    assert branches(who, Wanted(model_id="m")) == [{"lists": "account:a/model:m"}]
    assert branches(who, Wanted(status=DeviceStatus.REMOVED)) == [{"lists": "account:a/status:removed"}]
    assert branches(who, Wanted(status=DeviceStatus.INSTALLED)) == [{"account_id": "a"}]
