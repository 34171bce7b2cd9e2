"""Users: the state machine, rights over the tree, and who may manage whom."""

from datetime import UTC, datetime

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.identity.users.domain import (
    STEPS,
    Authority,
    Step,
    User,
    counted_in,
    create_user,
    edit,
    give_rights,
    normalised,
    possible,
    replaced_within,
    resolved,
    take_step,
)
from shared.contracts.identity import (
    PersonChanged,
    PersonState,
    Right,
    Role,
    StaffRole,
    UserChanged,
    UserCreated,
    UserRemoved,
    UserRightsChanged,
    UserState,
    UserStatus,
    UserSuspended,
)

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TREE = {"group": {"company", "branch"}, "company": {"branch"}}


def right(account_id: str, role: Role = Role.ADMINISTRATOR, *, whole: bool = True) -> Right:
    return Right(account_id=account_id, role=role, whole=whole)


def user(*given: Right, status: UserStatus = UserStatus.ACTIVE, staff: tuple[StaffRole, ...] = ()) -> User:
    state = UserState(
        user_id="u", status=status, staff_roles=staff, country="DE", language="de", time_zone="Europe/Berlin"
    )
    person = PersonState(user_id="u", first_name="Jürgen", last_name="Müller", email="j@example.com")
    return create_user(state, person, given, tree=TREE, now=NOW)[0]


def test_a_new_user_tells_the_person_first_and_the_user_last() -> None:
    state = user().state
    person = user().person
    _, events = create_user(state, person, (), tree=TREE, now=NOW)
    assert [type(event) for event in events] == [PersonChanged, UserCreated]


def test_events_on_users_hold_no_personal_data() -> None:
    state = user(right("group")).state
    assert "ller" not in state.model_dump_json()
    assert "example.com" not in state.model_dump_json()


def test_an_administrator_reaches_down_to_all_child_accounts() -> None:
    assert {one.account_id for one in resolved([right("group")], TREE)} == {"group", "company", "branch"}


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_other_roles_stay_in_their_account(role: Role) -> None:
    assert resolved([right("group", role)], TREE) == (right("group", role),)


def test_roles_add_up() -> None:
    both = resolved([right("group"), right("branch", Role.STOCK_MANAGER)], TREE)
    assert right("branch") in both
    assert right("branch", Role.STOCK_MANAGER) in both


def test_an_administrator_always_has_the_whole_account() -> None:
    assert normalised([right("a", whole=False)]) == (right("a"),)


@for_all(
    st.lists(
        st.builds(
            Right,
            account_id=st.sampled_from(["group", "company", "branch", "other"]),
            role=st.sampled_from(Role),
            whole=st.booleans(),
        )
    )
)
def test_resolving_is_stable_and_never_takes_away(given: list[Right]) -> None:
    once = resolved(given, TREE)
    assert resolved(once, TREE) == once
    assert {(one.account_id, one.role) for one in given} <= {(one.account_id, one.role) for one in once}


ALLOWED = {
    (UserStatus.PENDING, Step.ACTIVATE): UserStatus.ACTIVE,
    (UserStatus.ACTIVE, Step.SUSPEND): UserStatus.SUSPENDED,
    (UserStatus.SUSPENDED, Step.REACTIVATE): UserStatus.ACTIVE,
    (UserStatus.PENDING, Step.REMOVE): UserStatus.REMOVED,
    (UserStatus.ACTIVE, Step.REMOVE): UserStatus.REMOVED,
    (UserStatus.SUSPENDED, Step.REMOVE): UserStatus.REMOVED,
    (UserStatus.REJECTED, Step.REMOVE): UserStatus.REMOVED,
    (UserStatus.EXPIRED, Step.REMOVE): UserStatus.REMOVED,
}


@pytest.mark.parametrize("status", list(UserStatus))
@pytest.mark.parametrize("step", list(Step))
def test_every_step_from_every_state_is_decided(status: UserStatus, step: Step) -> None:
    found = user(status=status)
    assert possible(found, step) == ((status, step) in ALLOWED)
    if (status, step) in ALLOWED:
        after, events = take_step(found, step, now=NOW, reason="because")
        assert after.state.status is ALLOWED[status, step]
        assert [type(event) for event in events] == [STEPS[step][2]]


def test_a_step_that_is_not_possible_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="suspend"):
        take_step(user(status=UserStatus.PENDING), Step.SUSPEND, now=NOW)


def test_a_step_tells_its_reason() -> None:
    _, events = take_step(user(), Step.SUSPEND, now=NOW, reason="left the company")
    assert events == [
        UserSuspended(user=user(status=UserStatus.SUSPENDED).state, occurred_at=NOW, reason="left the company")
    ]


def test_a_removed_user_has_no_rights() -> None:
    after, events = take_step(user(right("group"), staff=(StaffRole.OPERATOR,)), Step.REMOVE, now=NOW)
    assert after.given == ()
    assert isinstance(events[0], UserRemoved)
    assert (events[0].user.rights, events[0].user.staff_roles) == ((), ())


def test_giving_the_same_rights_tells_nothing() -> None:
    found = user(right("group"))
    assert give_rights(found, [right("group")], tree=TREE, now=NOW) == (found, [])


def test_a_change_of_the_tree_changes_rights() -> None:
    after, events = give_rights(user(right("group")), [right("group")], tree={"group": {"company"}}, now=NOW)
    assert {one.account_id for one in after.state.rights} == {"group", "company"}
    assert isinstance(events[0], UserRightsChanged)


def test_editing_tells_only_what_differs() -> None:
    renamed, events = edit(user(), person={"last_name": "Maier"}, settings={"language": "de"}, now=NOW)
    assert events == [PersonChanged(person=renamed.person)]
    moved, events = edit(user(), person={"last_name": "Maier"}, settings={"language": "fi"}, now=NOW)
    assert [type(event) for event in events] == [PersonChanged, UserChanged]
    assert moved.state.language == "fi"
    assert edit(user(), person={"first_name": "Jürgen"}, settings={}, now=NOW)[1] == []


def test_only_active_administrators_are_counted_and_only_where_they_were_appointed() -> None:
    assert counted_in(user(right("group"), right("other", Role.DEVICE_MANAGER))) == {"group"}
    assert counted_in(user(right("group"), status=UserStatus.SUSPENDED)) == frozenset()


def test_an_administrator_manages_who_has_rights_in_his_accounts_alone() -> None:
    administrator = Authority(user_id="x", accounts=frozenset({"company", "branch"}))
    assert administrator.manages(user(right("branch", Role.DEVICE_MANAGER)))
    assert not administrator.manages(user(right("branch", Role.DEVICE_MANAGER), right("other", Role.STOCK_MANAGER)))
    assert not administrator.manages(user(right("group")))
    assert not administrator.manages(user())


def test_staff_is_managed_by_service_administrators_alone() -> None:
    agent = user(staff=(StaffRole.CONTACT_CENTRE_AGENT,))
    assert not Authority(user_id="x", sees_all=True, manages_customers=True).manages(agent)
    assert Authority(user_id="x", sees_all=True, manages_staff=True).manages(agent)


def test_nobody_grants_more_than_he_has() -> None:
    administrator = Authority(user_id="x", accounts=frozenset({"a"}))
    assert administrator.grants_in({"a"})
    assert not administrator.grants_in({"a", "b"})


def test_rights_in_other_accounts_survive_an_administrators_change() -> None:
    given = [right("a", Role.DEVICE_MANAGER), right("b", Role.STOCK_MANAGER)]
    assert replaced_within(given, [right("a", Role.KNOWLEDGE_USER)], {"a"}) == (
        right("a", Role.KNOWLEDGE_USER),
        right("b", Role.STOCK_MANAGER),
    )
