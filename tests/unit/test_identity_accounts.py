"""Accounts: two numbers with their former values, the tree, and the count of administrators."""

from datetime import UTC, datetime

from services.identity.accounts.domain import (
    Account,
    AccountChanges,
    appoint,
    change_account,
    is_last_administrator,
    makes_a_circle,
    path_below,
    place,
    release,
)
from shared.contracts.identity import AccountChanged, AccountState

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def account(**changes: object) -> Account:
    state = AccountState(
        account_id="a", name="Muster", billing_number="B1", service_number="S1", country="DE", language="de"
    )
    return Account(state=state.model_copy(update=changes))


def test_a_replaced_number_becomes_a_former_one() -> None:
    after, events = change_account(account(), AccountChanges(billing_number="B2"), ancestor_ids=(), now=NOW)
    assert after.state.former_numbers == ("B1",)
    assert events == [AccountChanged(account=after.state, occurred_at=NOW)]


def test_a_number_that_comes_back_is_not_former_any_more() -> None:
    once, _ = change_account(account(), AccountChanges(billing_number="B2"), ancestor_ids=(), now=NOW)
    back, _ = change_account(once, AccountChanges(billing_number="B1"), ancestor_ids=(), now=NOW)
    assert back.state.billing_number == "B1"
    assert back.state.former_numbers == ("B2",)


def test_the_same_values_change_nothing() -> None:
    same, events = change_account(account(), AccountChanges(name="Muster"), ancestor_ids=(), now=NOW)
    assert (same, events) == (account(), [])


def test_the_path_below_an_unknown_parent_begins_at_it() -> None:
    assert path_below("p", None) == ("p",)
    assert path_below("p", account(account_id="p", ancestor_ids=("root",)).state) == ("root", "p")
    assert path_below(None, None) == ()


def test_following_a_move_of_the_parent_is_an_event_once() -> None:
    moved, events = place(account(), ancestor_ids=("root", "p"), now=NOW)
    assert moved.state.ancestor_ids == ("root", "p")
    assert len(events) == 1
    assert place(moved, ancestor_ids=("root", "p"), now=NOW)[1] == []


def test_an_account_above_itself_is_a_circle() -> None:
    assert makes_a_circle("a", ("root", "a"))
    assert makes_a_circle("a", ("b", "c", "b"))
    assert not makes_a_circle("a", ("root", "b"))


def test_only_the_single_administrator_is_the_last_one() -> None:
    assert is_last_administrator(account(administrators=("u",)), "u")
    assert not is_last_administrator(account(administrators=("u", "v")), "u")
    assert not is_last_administrator(account(administrators=("v",)), "u")
    assert not is_last_administrator(account(), "u")


def test_a_repair_that_comes_late_does_not_appoint_who_was_released() -> None:
    released, events = release(account(administrators=("u", "v")), "u", user_version=5, now=NOW)
    assert released.state.administrators == ("v",)
    assert len(events) == 1
    late, events = appoint(released, "u", user_version=5, now=NOW)
    assert (late, events) == (released, [])


def test_who_becomes_administrator_anew_is_counted() -> None:
    released, _ = release(account(administrators=("u", "v")), "u", user_version=5, now=NOW)
    back, _ = appoint(released, "u", user_version=6, now=NOW)
    assert back.state.administrators == ("u", "v")
    assert back.released == {}


def test_a_release_can_be_taken_back() -> None:
    released, _ = release(account(administrators=("u", "v")), "u", user_version=5, now=NOW)
    back, _ = appoint(released, "u", user_version=5, now=NOW, again=True)
    assert back.state.administrators == ("u", "v")


def test_appointing_twice_is_one_event() -> None:
    once, events = appoint(account(), "u", user_version=1, now=NOW)
    assert len(events) == 1
    assert appoint(once, "u", user_version=2, now=NOW)[1] == []
