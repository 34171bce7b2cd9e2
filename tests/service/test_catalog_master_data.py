"""Master data of the back office in any order, and who wins against the customer (CAT-4, CAT-7, CAT-9, CAT-10)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.ids import derived_id
from tests.service.catalog_scene import Fleet, administrator, site
from tests.support.facts import Facts
from tests.support.waiting import eventually
from tests.support.wire import value_of
from tests.support.world import Account, World

pytestmark = pytest.mark.alone("catalog")


@pytest.fixture
async def fleet(world: World) -> Fleet:
    return Fleet(world, await world.account("FI"))


async def test_a_contract_that_comes_before_its_device_and_a_device_before_its_model_are_kept_and_applied(
    fleet: Fleet,
) -> None:
    ref, model_ref = fleet.ref(), fleet.ref()
    await fleet.tell(fleet.line(ref))
    await fleet.tell(fleet.device(ref, model_ref=model_ref))
    page = await fleet.page(derived_id("device", ref), contract_state="valid")
    assert page["model_name"] == model_ref, "the model is not described yet, so its reference stands in for its name"
    await fleet.tell(fleet.model(model_ref, "Borealis M450"))
    await fleet.page(derived_id("device", ref), model_name="Borealis M450")


async def test_an_unknown_model_is_created_as_unclassified_until_it_is_described(fleet: Fleet) -> None:
    ref, model_ref = fleet.ref(), fleet.ref()
    await fleet.tell(fleet.device(ref, model_ref=model_ref))
    await fleet.page(derived_id("device", ref), model_name=model_ref)
    assert (await _model(fleet, model_ref))["classified"] is False
    await fleet.tell(fleet.model(model_ref, "Borealis M450"))
    await fleet.page(derived_id("device", ref), model_name="Borealis M450")
    assert (await _model(fleet, model_ref))["classified"] is True


async def test_a_device_before_its_account_shows_the_account_when_it_arrives(world: Facts) -> None:
    account_ref = f"{world.prefix}-late"
    fleet = Fleet(world, Account(derived_id("account", account_ref), account_ref, "FI"))
    ref = fleet.ref()
    await fleet.tell(fleet.device(ref))
    await fleet.page(derived_id("device", ref), account_name=None)
    await world.account("FI", ref=account_ref, name="Late Oy")
    await fleet.page(derived_id("device", ref), account_name="Late Oy", service_number=f"S-{account_ref}")


async def test_a_repeated_or_older_record_changes_nothing(fleet: Fleet) -> None:
    ref = fleet.ref()
    newer = fleet.device(ref, revision=3, own_name="Third")
    await fleet.tell(newer, fleet.device(ref, revision=2, own_name="Second"), newer)
    await fleet.tell(fleet.device(ref, revision=4, own_name="Fourth"))
    page = await fleet.page(derived_id("device", ref), own_name="Fourth")
    assert page["version"] == 2, "installed and changed once"


async def test_a_stale_master_record_never_undoes_the_customers_newer_site_and_the_back_office_is_asked(
    fleet: Fleet, world: World
) -> None:
    [device] = await fleet.devices({})
    person = await administrator(world, fleet.account)
    wire = world.stack.wire("back-office")
    async with wire.listening("outbound.back-office") as heard, await world.api("catalog", person) as catalog:
        page = (await catalog.get(f"/v1/devices/{device.device_id}")).json()
        answer = await catalog.put(
            f"/v1/devices/{device.device_id}/site",
            json={
                "site": {"name": "Mill", "street": "Myllytie 2", "postcode": "33210", "city": "Tampere"},
                "location": {"floor": "2"},
            },
            headers={"If-Match": f'"v{page["version"]}"'},
        )
        assert answer.status_code == 200, answer.text
        moved = answer.json()
        await heard.types_of(device.device_id, "back-office.change.requested.v1")
        asked = value_of(heard.of(device.device_id)[-1])
    assert asked["change"]["site.street"] == "Myllytie 2"
    assert asked["version"] > page["version"]
    await fleet.tell(
        fleet.device(device.ref, revision=2, serial=device.serial, own_name="Stale", seen_version=page["version"])
    )
    kept = await fleet.page(device.device_id, own_name="Stale")
    assert kept["site"] == moved["site"]
    await fleet.tell(
        fleet.device(device.ref, revision=3, serial=device.serial, site=site("annex"), seen_version=asked["version"])
    )
    taken = await eventually(lambda: _at_site(fleet, device.device_id, "annex"))
    assert [stay["site"]["street"] for stay in taken["site_history"]] == ["Satamakatu 4", "Myllytie 2", "Satamakatu 4"]
    assert taken["site_history"][1]["actor"] == person.user_id


async def test_the_line_in_force_counts_and_a_follow_on_line_waits_for_its_day(fleet: Fleet) -> None:
    [device] = await fleet.devices({})
    today = datetime.now(UTC).date()
    await fleet.tell(
        fleet.line(device.ref, revision=2, valid_until=today + timedelta(days=20)),
        fleet.line(device.ref, ref=f"next-{device.ref}", number="C-NEXT", valid_from=today + timedelta(days=21)),
    )
    page = await fleet.page(device.device_id, contract_state="ending")
    sentence = page["entitlement_sentence_data"]
    assert sentence["number"] == f"C-{device.ref}"
    assert (sentence["response_minutes"], sentence["time_zone"]) == (480, "Europe/Helsinki")


async def test_a_line_that_ended_leaves_the_device_expired_and_one_that_moves_away_leaves_it_bare(fleet: Fleet) -> None:
    first, second = await fleet.devices({}, {})
    await fleet.tell(fleet.line(first.ref, revision=2, valid_until=date(2026, 2, 1)))
    await fleet.page(first.device_id, contract_state="expired")
    await fleet.tell(fleet.line(second.ref, revision=3, ref=f"line-{first.ref}"))
    await fleet.page(first.device_id, contract_state="none")


async def test_a_record_that_breaks_a_rule_is_answered_with_the_reason_and_stops_nothing(
    fleet: Fleet, world: World
) -> None:
    [device] = await fleet.devices({})
    async with world.stack.wire("back-office").listening("inbound.back-office.fleet.rejected") as heard:
        bad_zone = site("x", time_zone="Mars/Olympus")
        await fleet.tell(fleet.device(device.ref, revision=2, serial=device.serial, site=bad_zone))
        await fleet.tell(fleet.device(device.ref, revision=3, serial="SOMETHING-ELSE"))
        await fleet.tell(fleet.device(device.ref, revision=4, serial=device.serial, own_name="Still works"))
        await fleet.page(device.device_id, own_name="Still works")
        await heard.until(lambda own: len(own.of(device.ref)) >= 2)
        reasons = [value_of(record)["reason"] for record in heard.of(device.ref)]
    assert "time zone" in reasons[0]
    assert "serial number" in reasons[1]


async def test_a_serial_number_is_one_device_s_however_it_is_typed(fleet: Fleet, world: World) -> None:
    [device] = await fleet.devices({})
    serial = device.serial
    typed = (f" {serial.lower()} ", f"{serial[:4]}-{serial[4:]}", f"{serial[:6]} {serial[6:]}")
    refs = [f"{device.ref}-{number}" for number in range(len(typed))]
    async with world.stack.wire("back-office").listening("inbound.back-office.fleet.rejected") as heard:
        for ref, spelling in zip(refs, typed, strict=True):
            await fleet.tell(fleet.device(ref, serial=spelling))
        await heard.until(lambda own: all(own.of(ref) for ref in refs))
        for ref in refs:
            assert device.ref in value_of(heard.of(ref)[0])["reason"]
    # The same device may be told in another spelling; its successor comes when it has gone.
    await fleet.tell(fleet.device(device.ref, revision=2, serial=typed[0], own_name="Same one"))
    assert (await fleet.page(device.device_id, own_name="Same one"))["serial"] == device.serial
    successor = f"{device.ref}-next"
    await fleet.tell(fleet.device(device.ref, revision=3, serial=device.serial, status="removed"))
    await fleet.page(device.device_id, status="removed")
    await fleet.tell(fleet.device(successor, serial=typed[1]))
    await fleet.page(derived_id("device", successor), status="installed")


async def _model(fleet: Fleet, ref: str) -> dict[str, Any]:
    async with await fleet.world.api("catalog") as catalog:
        models = (await catalog.get("/v1/models")).json()["items"]
    return next(model for model in models if model["model_id"] == derived_id("model", ref))


async def _at_site(fleet: Fleet, device_id: str, site_id: str) -> dict[str, Any]:
    page = await fleet.page(device_id)
    assert page["site"]["site_id"] == site_id
    return page
