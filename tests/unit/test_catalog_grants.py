"""Giving and taking devices, groups and sites."""

from services.catalog.grants.domain import replaced
from services.catalog.groups.domain import complete, create, set_members
from services.catalog.sites.domain import SiteWanted, contradictions, known_site, missing_fields, new_site
from shared.contracts.catalog import GrantsState, GroupState
from tests.unit.catalog_samples import HARBOUR

RECEPTION = GroupState(group_id="g", account_id="a", name="Reception")
GRANTS = GrantsState(user_id="u", devices=("d1", "d2"), groups=("g1",))


def test_who_decides_about_everything_replaces_everything() -> None:
    decision = replaced(GRANTS, devices=["d3"], groups=[])
    assert decision is not None
    assert (decision[0].devices, decision[0].groups) == (("d3",), ())


def test_an_administrator_leaves_what_lies_in_other_accounts() -> None:
    decision = replaced(GRANTS, devices=["d3"], groups=[], own_devices={"d1"}, own_groups=set())
    assert decision is not None
    assert (decision[0].devices, decision[0].groups) == (("d2", "d3"), ("g1",))


def test_the_same_grants_are_not_told() -> None:
    assert replaced(GRANTS, devices=["d2", "d1", "d1"], groups=["g1"]) is None


def test_the_same_members_are_not_told() -> None:
    group, events = create(RECEPTION, ["d2", "d1", "d2"], job_id="j1")
    assert group.device_ids == ("d1", "d2")
    assert len(events) == 1
    assert set_members(group, ["d1", "d2"], job_id="j2") is None


def test_a_group_is_complete_when_nothing_has_to_follow_or_the_job_of_its_newest_change_has_ended() -> None:
    empty, _ = create(RECEPTION, [], job_id="j1")
    assert (empty.complete, empty.job_id) == (True, None)
    group, _ = create(RECEPTION, ["d1"], job_id="j1")
    assert (group.complete, group.job_id) == (False, "j1")
    assert complete(group, None) == (group.model_copy(update={"complete": True}), [])


def test_a_change_that_was_cancelled_leaves_the_members_that_there_are_and_tells_them() -> None:
    group, _ = create(RECEPTION, ["d1", "d2", "d3"], job_id="j1")
    left, events = complete(group, {"d2", "d1"})
    assert (left.device_ids, left.complete) == (("d1", "d2"), True)
    assert [event.group for event in events] == [RECEPTION]


def test_a_known_site_keeps_its_address_and_takes_new_notes() -> None:
    wanted = SiteWanted(site_id="harbour", city="Tampere", access_notes="Ring twice")
    assert contradictions(wanted, HARBOUR) == []
    assert known_site(wanted, HARBOUR).access_notes == "Ring twice"
    assert known_site(SiteWanted(site_id="harbour"), HARBOUR) == HARBOUR


def test_another_address_is_another_site() -> None:
    assert contradictions(SiteWanted(site_id="harbour", street="Myllytie 2"), HARBOUR) == ["street"]


def test_a_new_site_takes_country_and_time_zone_from_the_present_one() -> None:
    wanted = SiteWanted(name="Mill", street="Myllytie 2", postcode="33210", city="Tampere")
    assert missing_fields(wanted) == []
    site = new_site(wanted, site_id="new", present=HARBOUR)
    assert (site.country, site.time_zone) == ("FI", "Europe/Helsinki")
    assert missing_fields(SiteWanted(name="Mill")) == ["street", "postcode", "city"]
