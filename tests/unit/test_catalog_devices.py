"""What happens to a device when the back office and the customer both have a say (CAT-4, CAT-7, CAT-9)."""

from datetime import date, timedelta

import pytest

from services.catalog.contracts.domain import DeviceLine
from services.catalog.devices import domain
from services.catalog.devices.domain import FIELD_OWNERS, Device, Owner
from shared.contracts.base import Event
from shared.contracts.catalog import (
    DeviceChanged,
    DeviceEntitlementChanged,
    DeviceEvent,
    DeviceInstalled,
    DeviceRemoved,
    DeviceSiteChanged,
    DeviceStatus,
    Location,
    ModelState,
)
from shared.contracts.outbound import ChangeRequested
from tests.unit.catalog_samples import HARBOUR, MILL, MODEL, NOW, device, line, master


def kinds(events: tuple[Event, ...]) -> list[type[Event]]:
    return [type(event) for event in events]


def moved(before: Device) -> Device:
    """The device after the customer has moved it to the mill, as the store holds it then."""
    decision = domain.move(before, site=MILL, location=Location(floor="2"), now=NOW)
    assert decision is not None
    return decision.device.model_copy(update={"version": before.version + len(decision.events)})


def test_a_new_device_is_installed_with_its_whole_state() -> None:
    decision = domain.install("device-1", master())
    assert kinds(decision.events) == [DeviceInstalled]
    assert decision.device.state.serial == "AB10O22"
    assert decision.device.state.model_name == MODEL.name


def test_a_device_that_is_first_heard_of_as_removed_is_removed() -> None:
    assert kinds(domain.install("device-1", master(status="removed")).events) == [DeviceRemoved]


@pytest.mark.parametrize("revision", [1, 0])
def test_a_repeated_or_older_master_record_changes_nothing(revision: int) -> None:
    assert domain.apply_master(device(), master(revision=revision, own_name="Late"), now=NOW) is None


def test_a_master_record_with_nothing_new_tells_nothing_but_is_remembered() -> None:
    decision = domain.apply_master(device(), master(revision=2), now=NOW)
    assert decision is not None
    assert decision.events == ()
    assert decision.device.revision == 2


def test_a_master_record_says_one_event_for_each_concern_with_the_state_after_all_of_them() -> None:
    decision = domain.apply_master(device(), master(revision=2, site=MILL, own_name="Lobby", status="removed"), now=NOW)
    assert decision is not None
    assert kinds(decision.events) == [DeviceRemoved, DeviceSiteChanged, DeviceChanged]
    states = [event.device for event in decision.events if isinstance(event, DeviceEvent)]
    assert all(state == decision.device.state for state in states)
    assert decision.device.state.status is DeviceStatus.REMOVED


def test_the_customers_site_is_asked_of_the_back_office_with_the_version_it_got() -> None:
    decision = domain.move(device(), site=MILL, location=Location(floor="2"), now=NOW)
    assert decision is not None
    assert kinds(decision.events) == [DeviceSiteChanged, ChangeRequested]
    request = decision.events[1]
    assert isinstance(request, ChangeRequested)
    assert request.version == 2
    assert request.change["site.street"] == "Myllytie 2"
    assert request.change["location.floor"] == "2"


@pytest.mark.parametrize("seen_version", [None, 1])
def test_a_stale_master_record_never_undoes_the_customers_newer_site(seen_version: int | None) -> None:
    stale = master(revision=2, site=HARBOUR, own_name="Lobby", seen_version=seen_version)
    decision = domain.apply_master(moved(device()), stale, now=NOW)
    assert decision is not None
    assert decision.device.state.site == MILL
    assert decision.device.state.location == Location(floor="2")
    assert decision.device.state.own_name == "Lobby", "what the customer did not touch is the back office's to say"


def test_a_master_record_that_has_seen_the_customers_site_may_change_it() -> None:
    decision = domain.apply_master(moved(device()), master(revision=2, seen_version=2), now=NOW)
    assert decision is not None
    assert decision.device.state.site == HARBOUR
    assert kinds(decision.events) == [DeviceSiteChanged]


def test_once_seen_the_site_is_the_back_offices_again() -> None:
    seen = domain.apply_master(moved(device()), master(revision=2, site=MILL, seen_version=2), now=NOW)
    assert seen is not None
    later = domain.apply_master(seen.device, master(revision=3, seen_version=None), now=NOW)
    assert later is not None
    assert later.device.state.site == HARBOUR


def test_each_of_the_customers_fields_waits_for_its_own_version() -> None:
    named = domain.rename(moved(device()), {"own_name": "Lobby"}, now=NOW)
    assert named is not None
    decision = domain.apply_master(named.device, master(revision=2, own_name="Hall", seen_version=3), now=NOW)
    assert decision is not None
    assert decision.device.state.site == HARBOUR
    assert decision.device.state.own_name == "Lobby"
    assert decision.device.unseen == {"own_name": 4}


def test_a_master_record_without_a_name_does_not_clear_the_customers() -> None:
    decision = domain.apply_master(device(own_name="Lobby"), master(revision=2), now=NOW)
    assert decision is not None
    assert decision.device.state.own_name == "Lobby"


def test_a_sold_device_leaves_names_groups_and_unseen_changes_behind() -> None:
    grouped = domain.set_membership(moved(device(own_name="Lobby")), "group-1", "acme", member=True, now=NOW)
    assert grouped is not None
    decision = domain.apply_master(grouped.device, master(revision=2, account_id="globex"), now=NOW)
    assert decision is not None
    state = decision.device.state
    assert (state.account_id, state.own_name, state.group_ids, state.site) == ("globex", None, (), HARBOUR)
    assert decision.device.unseen == {}


def test_the_back_offices_installed_does_not_end_a_move_that_runs() -> None:
    before = device()
    in_move = before.model_copy(update={"state": before.state.model_copy(update={"status": DeviceStatus.IN_MOVE})})
    decision = domain.apply_master(in_move, master(revision=2), now=NOW)
    assert decision is not None
    assert decision.device.state.status is DeviceStatus.IN_MOVE


def test_every_field_of_a_master_record_has_an_owner() -> None:
    assert set(FIELD_OWNERS) <= set(type(device().state).model_fields)
    assert {field for field, owner in FIELD_OWNERS.items() if owner is Owner.LATEST} == {
        "site",
        "location",
        "own_name",
        "own_number",
    }


def test_a_name_of_spaces_is_no_name_and_no_change_is_not_told() -> None:
    assert domain.rename(device(), {"own_name": "  "}, now=NOW) is None


def test_a_move_to_where_it_stands_is_not_told() -> None:
    assert domain.move(device(), site=HARBOUR, location=Location(), now=NOW) is None


def test_contract_lines_reach_the_device_in_any_order_and_the_longest_in_force_counts() -> None:
    short, long = line("short", valid_until=date(2026, 12, 31)), line("long")
    first = domain.merge_lines(device(), short, now=NOW)
    assert first is not None
    both = domain.merge_lines(first.device, long, now=NOW)
    assert both is not None
    assert both.device.state.contract is not None
    assert both.device.state.contract.contract_line_id == "long"
    assert kinds(both.events) == [DeviceEntitlementChanged]


def test_an_older_copy_of_a_line_changes_nothing() -> None:
    newer = domain.merge_lines(device(), line("a", valid_until=date(2027, 1, 1), version=2), now=NOW)
    assert newer is not None
    assert domain.merge_lines(newer.device, line("a", version=1), now=NOW) is None


def test_a_line_that_moved_to_another_device_is_gone() -> None:
    covered = domain.merge_lines(device(), line("a"), now=NOW)
    assert covered is not None
    bare = domain.merge_lines(covered.device, {"a": DeviceLine(version=2)}, now=NOW)
    assert bare is not None
    assert bare.device.state.contract is None


def test_another_line_always_makes_a_new_version_so_that_two_at_once_cannot_be_lost() -> None:
    covered = domain.merge_lines(device(), line("long"), now=NOW)
    assert covered is not None
    decision = domain.merge_lines(covered.device, line("future", date(2027, 5, 1), date(2027, 6, 1)), now=NOW)
    assert decision is not None
    assert kinds(decision.events) == [DeviceEntitlementChanged]


def test_at_the_boundary_the_follow_on_line_takes_over() -> None:
    lines = line("old", valid_until=date(2026, 11, 30)) | line("new", date(2026, 12, 1))
    covered = domain.merge_lines(device(), lines, now=NOW)
    assert covered is not None
    boundary = covered.device.next_boundary(NOW)
    assert boundary is not None
    assert boundary.isoformat() == "2026-11-30T22:00:00+00:00", "midnight in Helsinki"
    decision = domain.pass_boundary(covered.device, now=boundary)
    assert decision.device.state.contract is not None
    assert decision.device.state.contract.contract_line_id == "new"
    assert decision.device.next_boundary(boundary) is None


def test_the_lapse_of_the_last_line_is_told() -> None:
    covered = domain.merge_lines(device(), line("old", valid_until=date(2026, 11, 30)), now=NOW)
    assert covered is not None
    decision = domain.pass_boundary(covered.device, now=NOW + timedelta(days=10))
    assert kinds(decision.events) == [DeviceEntitlementChanged]


def test_a_models_new_name_reaches_its_devices_once() -> None:
    renamed = ModelState(model_id=MODEL.model_id, name="Aurora C3020 II")
    decision = domain.follow_model(device(), renamed, now=NOW)
    assert decision is not None
    assert kinds(decision.events) == [DeviceChanged]
    assert domain.follow_model(decision.device, renamed, now=NOW) is None


def test_a_device_never_joins_a_group_of_another_account() -> None:
    assert domain.set_membership(device(), "group-1", "globex", member=True, now=NOW) is None
