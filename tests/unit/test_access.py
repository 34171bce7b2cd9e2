"""The rule of visibility, as a store filter and on values."""

from typing import Any

import pytest

from shared.access import scope as access
from shared.access.caller import Caller
from shared.contracts import actions
from shared.contracts.identity import Right, Role, StaffRole


def caller(*rights: Right, devices: frozenset[str] = frozenset(), groups: frozenset[str] = frozenset()) -> Caller:
    return Caller(id="user", kind="user", rights=rights, devices=devices, groups=groups)


def right(account: str, role: Role, *, whole: bool = False) -> Right:
    return Right(account_id=account, role=role, whole=whole)


WHOLE = right("a1", Role.DEVICE_MANAGER, whole=True)
PARTLY = right("a2", Role.DEVICE_MANAGER)


def matches(document: dict[str, Any], query: dict[str, Any]) -> bool:
    """The few operators that the filter uses, evaluated as the store does."""
    for name, wanted in query.items():
        if name == "$or":
            if not any(matches(document, part) for part in wanted):
                return False
            continue
        value = document.get(name)
        values = value if isinstance(value, list) else [value]
        allowed = wanted["$in"] if isinstance(wanted, dict) else [wanted]
        if not any(one in allowed for one in values):
            return False
    return True


DOCUMENTS = [
    {"_id": f"{account}-{device}-{group}", "account_id": account, "device_id": device, "group_ids": [group]}
    for account in ("a1", "a2", "a3")
    for device in ("d1", "d2")
    for group in ("g1", "g2")
]
CALLERS = {
    "nobody": caller(),
    "whole account": caller(WHOLE),
    "own devices": caller(PARTLY, devices=frozenset({"d1"})),
    "own group": caller(PARTLY, groups=frozenset({"g2"})),
    "both ways": caller(WHOLE, PARTLY, devices=frozenset({"d1"}), groups=frozenset({"g2"})),
    "grants without a role": caller(devices=frozenset({"d1"}), groups=frozenset({"g1"})),
    "knowledge only": caller(right("a1", Role.KNOWLEDGE_USER, whole=True), devices=frozenset({"d1"})),
    "stock only": caller(right("a1", Role.STOCK_MANAGER, whole=True)),
    "administrator": caller(right("a3", Role.ADMINISTRATOR)),
    "agent": Caller(id="agent", kind="user", staff_roles=frozenset({StaffRole.CONTACT_CENTRE_AGENT})),
    "operator": Caller(id="operator", kind="user", staff_roles=frozenset({StaffRole.OPERATOR})),
    "reading client": Caller(id="client", kind="client", scopes=frozenset({"catalog:read"})),
    "other client": Caller(id="client", kind="client", scopes=frozenset({"catalog:write"})),
}


@pytest.mark.parametrize("name", CALLERS)
def test_the_store_filter_and_the_rule_on_values_agree(name: str) -> None:
    who = CALLERS[name]
    query = access.all_of(access.visible(who, actions.READ_DEVICE))
    for document in DOCUMENTS:
        by_value = access.sees(
            who,
            actions.READ_DEVICE,
            account_id=str(document["account_id"]),
            device_id=str(document["device_id"]),
            group_ids=document["group_ids"],
        )
        assert matches(document, query) == by_value, document


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("nobody", 0),
        ("whole account", 4),
        ("own devices", 2),
        ("own group", 2),
        ("both ways", 7),
        ("grants without a role", 0),
        ("knowledge only", 0),
        ("stock only", 0),
        ("administrator", 4),
        ("agent", 12),
        ("operator", 0),
        ("reading client", 12),
        ("other client", 0),
    ],
)
def test_each_sees_exactly_his_part(name: str, count: int) -> None:
    assert (
        sum(
            matches(document, access.all_of(access.visible(CALLERS[name], actions.READ_DEVICE)))
            for document in DOCUMENTS
        )
        == count
    )


def test_one_account_becomes_an_equality_so_that_its_index_is_read_in_order() -> None:
    scope = access.visible(CALLERS["whole account"], actions.READ_DEVICE)
    assert access.all_of(scope) == {"account_id": "a1"} and scope.is_one("account_id")


def test_a_device_in_an_account_where_he_has_no_role_stays_hidden() -> None:
    who = caller(PARTLY, devices=frozenset({"d1"}))
    assert not access.sees(who, actions.READ_DEVICE, account_id="a1", device_id="d1")
