"""Changes by customers: names, sites, grants and groups; and the tickets that a device shows (CAT-3, CAT-4, CAT-5)."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.catalog import Entitlement
from shared.contracts.tickets import (
    PromiseState,
    TicketClosed,
    TicketDevice,
    TicketEvent,
    TicketOpened,
    TicketState,
    TicketStatus,
)
from shared.ids import derived_id
from tests.service.catalog_scene import ENTITLEMENT, Fleet, administrator, site
from tests.support.wire import headers_for
from tests.support.world import Device, World

pytestmark = pytest.mark.alone("catalog")


@pytest.fixture
async def fleet(world: World) -> Fleet:
    return Fleet(world, await world.account("FI"))


async def test_own_names_change_with_the_version_that_was_seen_and_are_told(fleet: Fleet, world: World) -> None:
    [device] = await fleet.devices({})
    manager = await world.manager(fleet.account, whole=True)
    path = f"/v1/devices/{device.device_id}"
    async with (
        world.stack.wire("admin").listening("catalog.devices", "outbound.back-office") as heard,
        await world.api("catalog", manager) as catalog,
    ):
        seen = await catalog.get(path)
        change = {"own_name": "Lobby", "own_number": "7"}
        missing = await catalog.patch(path, json=change)
        assert (missing.status_code, missing.json()["code"]) == (428, "if_match_required")
        stale = await catalog.patch(path, json=change, headers={"If-Match": '"v99"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
        headers = {"If-Match": seen.headers["ETag"], "Idempotency-Key": str(uuid.uuid4())}
        changed = await catalog.patch(path, json=change, headers=headers)
        assert changed.status_code == 200, changed.text
        assert changed.headers["Seen"] == f"devices/{device.device_id}@{changed.json()['version']}"
        again = await catalog.patch(path, json=change, headers=headers)
        assert (again.status_code, again.json()["version"]) == (200, changed.json()["version"])
        kinds = await heard.types_of(device.device_id, "catalog.device.changed.v1", "back-office.change.requested.v1")
        assert sorted(kinds) == ["back-office.change.requested.v1", "catalog.device.changed.v1"]
        page = (await catalog.get(path)).json()
        assert (page["own_name"], page["own_number"]) == ("Lobby", "7")


async def test_a_site_is_a_known_one_or_a_whole_new_one(fleet: Fleet, world: World) -> None:
    first, second = await fleet.devices(
        {"site": site(f"a-{fleet.account.ref}")}, {"site": site(f"b-{fleet.account.ref}")}
    )
    manager = await world.manager(fleet.account, whole=True)
    path = f"/v1/devices/{first.device_id}/site"
    async with await world.api("catalog", manager) as catalog:
        etag = (await catalog.get(f"/v1/devices/{first.device_id}")).headers["ETag"]

        async def put(**wanted: Any) -> Any:
            return await catalog.put(path, json={"site": wanted}, headers={"If-Match": etag})

        unknown = await put(site_id="nowhere")
        assert (unknown.status_code, unknown.json()["code"]) == (422, "site_unknown")
        incomplete = await put(name="Mill")
        assert {error["field"] for error in incomplete.json()["errors"]} == {
            "site.street",
            "site.postcode",
            "site.city",
        }
        whole = {"name": "Mill", "street": "Myllytie 2", "postcode": "33210", "city": "Tampere"}
        zone = await put(**whole, time_zone="Mars/Olympus")
        assert zone.json()["errors"][0]["field"] == "site.time_zone"
        other_address = await put(site_id=f"b-{fleet.account.ref}", street="Elsewhere 1")
        assert other_address.json()["code"] == "site_contradicted"
        moved = await put(site_id=f"b-{fleet.account.ref}", access_notes="Ring twice")
        assert moved.status_code == 200, moved.text
        assert moved.json()["site"]["access_notes"] == "Ring twice"
        assert moved.json()["site"]["name"] == f"Site b-{fleet.account.ref}"
    assert second.device_id != first.device_id


async def test_an_administrator_gives_only_devices_of_his_own_accounts_and_leaves_the_rest(
    fleet: Fleet, world: World
) -> None:
    [mine] = await fleet.devices({})
    elsewhere = Fleet(world, await world.account("FI"))
    [theirs] = await elsewhere.devices({})
    rights = [
        {"account_id": account.account_id, "role": "device_manager", "whole": False}
        for account in (fleet.account, elsewhere.account)
    ]
    manager = await world.person("FI", rights=rights, devices=[theirs.device_id])
    stranger = await world.manager(elsewhere.account)
    person = await administrator(world, fleet.account)
    async with await world.api("catalog", person) as catalog:
        foreign = await catalog.put(
            f"/v1/grants/{manager.user_id}", json={"devices": [mine.device_id, theirs.device_id], "groups": []}
        )
        assert (foreign.status_code, foreign.json()["code"]) == (422, "device_unknown")
        assert foreign.json()["errors"][0]["field"] == "devices.1"
        given = await catalog.put(f"/v1/grants/{manager.user_id}", json={"devices": [mine.device_id], "groups": []})
        assert given.status_code == 200, given.text
        assert given.json()["devices"] == [mine.device_id], "he does not learn what lies in other accounts"
        assert (
            await catalog.put(f"/v1/grants/{stranger.user_id}", json={"devices": [], "groups": []})
        ).status_code == 404
        managers = (await catalog.get(f"/v1/devices/{mine.device_id}")).json()["managers"]
        assert [(one["user_id"], one["via"]) for one in managers] == [(manager.user_id, "device")]
    async with await world.api("catalog", manager) as catalog:
        own = (await catalog.get(f"/v1/grants/{manager.user_id}")).json()
        assert sorted(own["devices"]) == sorted([mine.device_id, theirs.device_id])
        refused = await catalog.put(f"/v1/grants/{manager.user_id}", json={"devices": [], "groups": []})
        assert (refused.status_code, refused.json()["roles"]) == (403, ["administrator", "service_admin"])


async def test_nobody_is_given_what_does_not_exist_and_nobody_unknown_is_given_anything(
    fleet: Fleet, world: World
) -> None:
    [device] = await fleet.devices({})
    manager = await world.manager(fleet.account, devices=[device])
    service_admin = await world.person("FI", staff_roles=["service_admin"])
    async with await world.api("catalog", service_admin) as catalog:
        path = f"/v1/grants/{manager.user_id}"
        unknown = await catalog.put(path, json={"devices": [device.device_id, "no-such-device"], "groups": []})
        assert (unknown.status_code, unknown.json()["code"]) == (422, "device_unknown")
        unknown = await catalog.put(path, json={"devices": [], "groups": ["no-such-group"]})
        assert (unknown.status_code, unknown.json()["code"]) == (422, "group_unknown")
        nobody = await catalog.put("/v1/grants/nobody", json={"devices": [device.device_id], "groups": []})
        assert (nobody.status_code, nobody.json()["code"]) == (404, "user_not_found")
        none: list[str] = []
        for misspelt in ({}, {"device_ids": none, "group_ids": none}, {"Devices": none, "groups": none}):
            answer = await catalog.put(path, json=misspelt)
            assert (answer.status_code, "devices" in {one["field"] for one in answer.json()["errors"]}) == (422, True)
        kept = (await catalog.get(path)).json()
        assert kept["devices"] == [device.device_id], "a misspelt field takes nothing away"
        nowhere = await catalog.post("/v1/groups", json={"account_id": "nowhere", "name": "All"})
        assert (nowhere.status_code, nowhere.json()["code"]) == (422, "account_unknown")


async def test_only_administrators_make_groups_and_only_of_devices_of_the_account(fleet: Fleet, world: World) -> None:
    [device] = await fleet.devices({})
    elsewhere = Fleet(world, await world.account("FI"))
    [foreign] = await elsewhere.devices({})
    person = await administrator(world, fleet.account)
    manager = await world.manager(fleet.account, whole=True)
    body = {"account_id": fleet.account.account_id, "name": "All", "device_ids": [device.device_id]}
    async with await world.api("catalog", manager) as catalog:
        assert (await catalog.post("/v1/groups", json=body)).status_code == 403
    async with await world.api("catalog", person) as catalog:
        mixed = await catalog.post("/v1/groups", json=body | {"device_ids": [device.device_id, foreign.device_id]})
        assert (mixed.status_code, mixed.json()["errors"][0]["field"]) == (422, "device_ids.1")
        not_mine = await catalog.post("/v1/groups", json=body | {"account_id": elsewhere.account.account_id})
        assert (not_mine.status_code, not_mine.json()["code"]) == (422, "account_unknown")
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        first = await catalog.post("/v1/groups", json=body, headers=headers)
        second = await catalog.post("/v1/groups", json=body, headers=headers)
        assert first.json()["group_id"] == second.json()["group_id"]
        third = await catalog.post("/v1/groups", json=body | {"name": "Other"}, headers=headers)
        assert (third.status_code, third.json()["code"]) == (422, "idempotency_key_reused")


async def test_open_tickets_follow_the_newest_state_through_replays_and_wrong_order(fleet: Fleet, world: World) -> None:
    [device] = await fleet.devices({})
    opened, closed = _ticket(device), _ticket(device)
    await _tell(world, opened, TicketOpened, 1)
    await _tell(world, closed, TicketOpened, 1)
    await fleet.page(device.device_id, open_tickets=2)
    await _tell(world, closed.model_copy(update={"status": TicketStatus.CLOSED}), TicketClosed, 2)
    await fleet.page(device.device_id, open_ticket_ids=[opened.ticket_id])
    await _tell(world, closed, TicketOpened, 1)
    marker = _ticket(device)
    await _tell(world, marker, TicketOpened, 1)
    await fleet.page(device.device_id, open_tickets=2)
    page = await fleet.page(device.device_id)
    assert sorted(page["open_ticket_ids"]) == sorted([opened.ticket_id, marker.ticket_id])


async def test_a_ticket_that_comes_before_its_device_is_counted_when_the_device_arrives(
    fleet: Fleet, world: World
) -> None:
    ref = fleet.ref()
    device = Device(derived_id("device", ref), ref, f"SN{ref}", fleet.account.account_id)
    ticket = _ticket(device)
    await _tell(world, ticket, TicketOpened, 1)
    [other] = await fleet.devices({})
    await _tell(world, _ticket(other), TicketOpened, 1)
    await fleet.page(other.device_id, open_tickets=1)
    await fleet.tell(fleet.device(ref))
    await fleet.page(device.device_id, open_ticket_ids=[ticket.ticket_id])


def _ticket(device: Device, entitlement: Entitlement = ENTITLEMENT) -> TicketState:
    now = datetime.now(UTC)
    return TicketState(
        ticket_id=str(uuid.uuid4()),
        number="T-1",
        status=TicketStatus.RECEIVED,
        account_id=device.account_id,
        device=TicketDevice(device_id=device.device_id, serial=device.serial, model_id="m", model_name="M"),
        site=site("s"),
        description="Paper jams",
        language="en",
        entitlement=entitlement,
        contract_line_id="l",
        promise=PromiseState(work_starts_at=now, time_zone="Europe/Helsinki"),
        opened_at=now,
        status_since=now,
    )


async def _tell(world: World, ticket: TicketState, kind: type[TicketEvent], sequence: int) -> None:
    event = kind(ticket=ticket, occurred_at=datetime.now(UTC))
    await world.stack.wire("tickets").send_raw(
        event.topic,
        ticket.ticket_id,
        event.model_dump_json().encode(),
        headers_for(event.type, str(uuid.uuid4()), {"ce_sequence": str(sequence)}),
    )
