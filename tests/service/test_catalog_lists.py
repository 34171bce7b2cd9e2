"""The device list: filters, order, pages, search, facets, export, within the caller's scope (CAT-1, CAT-2, ALL-1)."""

import csv
import io
from typing import Any

import httpx
import pytest

from tests.service.catalog_scene import Fleet, administrator, listed, site
from tests.support.waiting import eventually
from tests.support.world import Account, Device, Person, World

pytestmark = pytest.mark.alone("catalog")


@pytest.fixture
async def fleet(world: World) -> Fleet:
    return Fleet(world, await world.account("FI"))


async def everything(catalog: httpx.AsyncClient, **parameters: Any) -> list[str]:
    """The serials of all pages."""
    serials: list[str] = []
    cursor = None
    while True:
        answer = await catalog.get("/v1/devices", params=parameters | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        serials += [item["serial"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            return serials


async def test_every_page_size_shows_every_device_once_in_order_both_ways(fleet: Fleet, world: World) -> None:
    devices = await fleet.devices(*({"own_name": f"Room {number % 3}"} for number in range(7)))
    person = await administrator(world, fleet.account)
    async with await world.api("catalog", person) as catalog:
        in_order = sorted(device.serial for device in devices)
        for limit in (1, 3, 7, 200):
            assert await everything(catalog, limit=limit) == in_order
            assert await everything(catalog, limit=limit, sort="-serial") == in_order[::-1]
            for sort in ("own_name", "-own_name", "model", "site"):
                assert sorted(await everything(catalog, limit=limit, sort=sort)) == in_order, sort
        answer = await catalog.get("/v1/devices", params={"total": "true", "limit": 2})
        assert answer.json()["total"] == 7
        assert (await catalog.get("/v1/devices", params={"limit": 201})).status_code == 422


async def test_a_cursor_of_another_order_is_refused(fleet: Fleet, world: World) -> None:
    await fleet.devices({}, {})
    person = await administrator(world, fleet.account)
    async with await world.api("catalog", person) as catalog:
        cursor = (await catalog.get("/v1/devices", params={"limit": 1})).json()["next"]
        answer = await catalog.get("/v1/devices", params={"limit": 1, "cursor": cursor, "sort": "site"})
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


async def test_several_accounts_are_one_list_in_one_order(world: World) -> None:
    accounts = [await world.account("FI"), await world.account("FI")]
    names = [["Aula", "Cellar"], ["Bar", "Dock"]]
    for account, own in zip(accounts, names, strict=True):
        await Fleet(world, account).devices(*({"own_name": name} for name in own))
    person = await administrator(world, *accounts)
    async with await world.api("catalog", person) as catalog:
        for limit in (1, 3, 50):
            found: list[str] = []
            cursor: str | None = None
            while True:
                page = (
                    await catalog.get(
                        "/v1/devices",
                        params={"sort": "own_name", "limit": limit} | ({"cursor": cursor} if cursor else {}),
                    )
                ).json()
                found += [item["own_name"] for item in page["items"]]
                cursor = page["next"]
                if cursor is None:
                    break
            assert found == ["Aula", "Bar", "Cellar", "Dock"]
        one = await catalog.get("/v1/devices", params={"account_id": accounts[0].account_id, "total": "true"})
        assert one.json()["total"] == 2


async def test_filters_narrow_the_list_and_the_facets_count_it(fleet: Fleet, world: World) -> None:
    here, there = site(f"here-{fleet.account.ref}"), site(f"there-{fleet.account.ref}", city="Hamburg")
    first, second, third = await fleet.devices(
        {"site": here}, {"site": there, "model_ref": f"m2-{world.prefix}"}, {"site": there, "status": "removed"}
    )
    person = await administrator(world, fleet.account)
    async with await world.api("catalog", person) as catalog:
        page = await catalog.get(f"/v1/devices/{second.device_id}")
        model_id = page.json()["model_id"]
        assert await listed(catalog, site_id=here.site_id) == [first.serial]
        assert await listed(catalog, model_id=model_id) == [second.serial]
        assert await listed(catalog, status="removed") == [third.serial]
        assert await listed(catalog, site_id=there.site_id, status="installed") == [second.serial]
        assert await listed(catalog, contract="expired") == []
        assert len(await listed(catalog, contract="valid")) == 3
        facets = (await catalog.get("/v1/devices/facets")).json()
        assert [(one["site_id"], one["devices"]) for one in facets["sites"]] == [
            (there.site_id, 2),
            (here.site_id, 1),
        ]
        assert facets["accounts"][0]["account_name"] == f"Company {fleet.account.ref}"
        assert facets["statuses"] == {"installed": 2, "removed": 1}
        sites = (await catalog.get("/v1/sites")).json()["items"]
        assert [one["city"] for one in sites] == ["Hamburg", "Tampere"]


async def test_a_device_is_found_by_what_people_type(fleet: Fleet, world: World) -> None:
    serial = f"QO{world.prefix.upper()}I7"
    [device] = await fleet.devices({"serial": serial, "own_name": "Müller Büro", "own_number": f"K-{world.prefix}"})
    person = await administrator(world, fleet.account)
    async with await world.api("catalog", person) as catalog:
        for text in (
            serial,
            serial.lower(),
            f"{serial[:4]} {serial[4:]}",
            serial.replace("O", "0").replace("I", "1"),
            serial[:5],
            f"S/N: {serial}",
            "mueller",
            "muller bur",
            f"k{world.prefix}",
            "satamak",
            f"company {fleet.account.ref}",
            f"S-{fleet.account.ref}",
        ):
            assert await listed(catalog, q=text) == [device.serial], text
        assert await listed(catalog, q="nowhere") == []


async def test_nobody_lists_searches_counts_or_exports_what_he_may_not_see(fleet: Fleet, world: World) -> None:
    mine, other = await fleet.devices({"own_name": "Mine"}, {"own_name": "Other"})
    strangers = Fleet(world, await world.account("FI"))
    await strangers.devices({"own_name": "Strange"})
    manager = await world.manager(fleet.account, devices=[mine])
    async with await world.api("catalog", manager) as catalog:
        await eventually(lambda: _sees(catalog, [mine.serial]))
        assert await listed(catalog, q="other") == []
        assert await listed(catalog, q="mine") == [mine.serial]
        assert await listed(catalog, account_id=strangers.account.account_id) == []
        assert (await catalog.get("/v1/devices", params={"total": "true"})).json()["total"] == 1
        assert [one["devices"] for one in (await catalog.get("/v1/sites")).json()["items"]] == [1]
        rows = await _export(catalog)
        assert [row["serial"] for row in rows] == [mine.serial]
        assert (await catalog.get(f"/v1/devices/{other.device_id}")).status_code == 404


async def test_the_export_is_exactly_the_view_and_harmless_in_a_spreadsheet(fleet: Fleet, world: World) -> None:
    devices = await fleet.devices({"own_name": "=1+1"}, {"own_name": "Büro"}, {"own_name": "Aula"})
    person = await administrator(world, fleet.account)
    async with await world.api("catalog", person) as catalog:
        rows = await _export(catalog, sort="-serial")
        assert [row["serial"] for row in rows] == sorted((d.serial for d in devices), reverse=True)
        assert sorted(row["own_name"] for row in rows) == ["'=1+1", "Aula", "Büro"]
        assert rows[0]["contract_state"] == "valid"
        assert [row["own_name"] for row in await _export(catalog, q="aula")] == ["Aula"]


async def test_an_agent_finds_any_customers_device(fleet: Fleet, world: World) -> None:
    [device] = await fleet.devices({})
    agent: Person = await world.agent()
    async with await world.api("catalog", agent) as catalog:
        assert await listed(catalog, q=device.serial) == [device.serial]
        assert await listed(catalog, account_id=fleet.account.account_id) == [device.serial]


async def _sees(catalog: httpx.AsyncClient, serials: list[str]) -> bool:
    return await listed(catalog) == serials


async def _export(catalog: httpx.AsyncClient, **parameters: Any) -> list[dict[str, str]]:
    answer = await catalog.get("/v1/devices/export.csv", params=parameters)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_a_group_is_a_filter_and_a_scope(fleet: Fleet, world: World) -> None:
    devices: list[Device] = await fleet.devices({}, {}, {})
    account: Account = fleet.account
    person = await administrator(world, account)
    manager = await world.manager(account)
    async with await world.api("catalog", person) as catalog:
        answer = await catalog.post(
            "/v1/groups",
            json={
                "account_id": account.account_id,
                "name": "Reception",
                "device_ids": [d.device_id for d in devices[:2]],
            },
        )
        assert answer.status_code == 201, answer.text
        group = answer.json()
        assert group["complete"] is True
        in_group = sorted(d.serial for d in devices[:2])
        assert await listed(catalog, group_id=group["group_id"]) == in_group
        granted = await catalog.put(
            f"/v1/grants/{manager.user_id}", json={"devices": [], "groups": [group["group_id"]]}
        )
        assert granted.status_code == 200, granted.text
        async with await world.api("catalog", manager) as his:
            assert await everything(his, limit=1) == in_group
            assert [one["name"] for one in (await his.get("/v1/groups")).json()["items"]] == ["Reception"]
        page = (await catalog.get(f"/v1/devices/{devices[0].device_id}")).json()
        assert page["managers"] == [
            {
                "user_id": manager.user_id,
                "via": "group",
                "group_id": group["group_id"],
                "group_name": "Reception",
            }
        ]
        changed = await catalog.put(
            f"/v1/groups/{group['group_id']}/members", json={"device_ids": [devices[2].device_id]}
        )
        assert changed.status_code == 200, changed.text
        assert await listed(catalog, group_id=group["group_id"]) == [devices[2].serial]
