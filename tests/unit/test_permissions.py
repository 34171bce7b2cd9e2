"""The table of actions: who may what, and what a refusal says."""

import pytest

from shared.access.caller import Caller
from shared.access.permissions import allowed_actions, may, reach, require
from shared.contracts import actions
from shared.contracts.actions import ACTIONS
from shared.contracts.identity import Right, Role, StaffRole
from shared.problems import Forbidden


def customer(*rights: tuple[str, Role]) -> Caller:
    return Caller("user", "user", rights=tuple(Right(account_id=a, role=r, whole=True) for a, r in rights))


def client(*scopes: str) -> Caller:
    return Caller("client", "client", scopes=frozenset(scopes))


def names_of(*roles: Role) -> set[str]:
    return set(allowed_actions([Right(account_id="a", role=role, whole=True) for role in roles], ()))


def test_a_device_stock_manager_may_exactly_what_both_may() -> None:
    both = names_of(Role.DEVICE_MANAGER) | names_of(Role.STOCK_MANAGER)
    assert names_of(Role.DEVICE_STOCK_MANAGER) == both


def test_an_administrator_may_all_that_other_customers_may() -> None:
    assert names_of(*Role) == names_of(Role.ADMINISTRATOR)


def test_a_knowledge_user_may_only_what_every_person_may() -> None:
    assert names_of(Role.KNOWLEDGE_USER) == {action.name for action in ACTIONS.values() if action.everybody}


def test_a_role_counts_in_its_own_account_alone() -> None:
    who = customer(("a", Role.ADMINISTRATOR), ("b", Role.DEVICE_MANAGER))
    assert may(who, actions.CHANGE_GROUP) and may(who, actions.CHANGE_GROUP, account_id="a")
    assert not may(who, actions.CHANGE_GROUP, account_id="b")
    assert reach(who, actions.CHANGE_GROUP).account_ids == {"a"}


def test_what_every_person_may_no_machine_client_may() -> None:
    assert may(customer(), actions.CHANGE_PROFILE)
    assert not may(client(*actions.SCOPES), actions.CHANGE_PROFILE)


def test_a_client_that_only_reads_changes_nothing_and_is_told_which_scope_could() -> None:
    with pytest.raises(Forbidden, match="scope tickets:write") as refused:
        require(client("tickets:read"), actions.CANCEL_TICKET)
    assert refused.value.extra["scopes"] == ["tickets:write"]
    assert "device_manager" in refused.value.extra["roles"]


def test_service_calendars_and_staff_have_scopes_of_their_own() -> None:
    assert not may(client("tickets:write"), actions.PUBLISH_CALENDAR)
    assert not may(client("identity:write"), actions.MANAGE_STAFF)


def test_whoever_may_do_something_with_an_object_sees_it() -> None:
    for action in ACTIONS.values():
        seen_by = action.seen_by
        assert seen_by.customer >= action.customer and seen_by.staff >= action.staff, action.name


def test_an_action_with_an_object_says_by_which_sight_it_is_found() -> None:
    for action in ACTIONS.values():
        assert action.seen_by.relation is action.relation, action.name


def test_partners_and_operators_have_no_way_to_customers_data() -> None:
    everybodys = {action.name for action in ACTIONS.values() if action.everybody}
    assert set(allowed_actions((), [StaffRole.PARTNER_ENGINEER])) == everybodys
    figures = {actions.READ_OPERATIONS.name, actions.REQUEUE_PARKED.name}
    assert set(allowed_actions((), [StaffRole.OPERATOR])) == everybodys | figures
