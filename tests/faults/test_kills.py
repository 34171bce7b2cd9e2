"""Processes killed at the worst moments: between write and publish, publish and pull, effect and commit."""

import uuid
from datetime import UTC, datetime

import httpx
import pytest

from shared import faultpoints
from shared.contracts.catalog import Site
from shared.contracts.inbound import BackOfficeDeviceUpdated, BackOfficeModelUpdated, DispatchVisitPlanned
from shared.ids import derived_id
from tests.support import visits
from tests.support.ledger import assert_published_whole, assert_views_equal_owners
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import type_of
from tests.support.world import SITES, Device, Person, World

ARM = "LOCKSTEP_FAULT_POINT"
# A mail that was being handed over is tried again after three times the limit of the conversation.
SHORT_CONVERSATIONS = {"LOCKSTEP_SMTP__TIMEOUT_SECONDS": "3"}


async def manager_with_device(world: World) -> tuple[Person, Device]:
    account = await world.account("FI")
    device = await world.device(account)
    return await world.manager(account, devices=[device]), device


async def died(stack: Stack, name: str) -> None:
    async def gone() -> bool:
        return not stack.servers.is_running(name)

    await eventually(gone, what=f"{name} did not reach its fault point")


async def open_with_key(stack: Stack, who: Person, device: Device, key: str) -> httpx.Response:
    body = {"device_id": device.device_id, "description": "It prints stripes", "error_code": "E602-0001"}
    async with await stack.client("tickets", who.token) as tickets:
        return await tickets.post("/v1/tickets", json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("point", [faultpoints.COMMAND_WRITTEN, faultpoints.OUTBOX_PUBLISHED])
async def test_a_command_survives_a_kill_around_its_publication(faulty: Stack, world: World, point: str) -> None:
    who, device = await manager_with_device(world)
    key = str(uuid.uuid4())
    async with faulty.wire("admin").listening("tickets.tickets", "outbound.dispatch") as heard:
        faulty.servers.restart("tickets", environment={ARM: point})
        if point == faultpoints.COMMAND_WRITTEN:
            with pytest.raises(httpx.HTTPError):
                await open_with_key(faulty, who, device, key)
        else:
            await open_with_key(faulty, who, device, key)
        await died(faulty, "tickets")
        faulty.servers.restart("tickets", environment={ARM: ""})
        again = await open_with_key(faulty, who, device, key)
        assert again.status_code == 201, again.text
        ticket_id = again.json()["ticket_id"]
        types = await heard.types_of(ticket_id, "tickets.ticket.opened.v1", "dispatch.work-order.requested.v1")
        assert "tickets.ticket.opened.v1" in types
        await assert_published_whole(faulty, heard, [ticket_id])
        await assert_views_equal_owners(faulty, [ticket_id], [device.device_id])
    await one_mail(faulty, who)


async def test_an_inbound_message_survives_a_kill_between_its_effect_and_the_commit(
    faulty: Stack, world: World
) -> None:
    who, device = await manager_with_device(world)
    ticket = await world.open_ticket(who, device)
    work_order = ticket["work_order_id"]
    async with faulty.wire("admin").listening("tickets.tickets") as heard:
        faulty.servers.restart("tickets", environment={ARM: faultpoints.CONSUMER_WORKED})
        planned = visits.message(DispatchVisitPlanned, work_order, 1, **visits.window(hours=3))
        await faulty.wire("dispatch").send(planned, work_order)
        await died(faulty, "tickets")
        faulty.servers.restart("tickets", environment={ARM: ""})
        await heard.types_of(ticket["ticket_id"], "tickets.visit.planned.v1", within=40)
        await assert_published_whole(faulty, heard, [ticket["ticket_id"]], since=int(ticket["version"]))
        assert [type_of(record) for record in heard.of(ticket["ticket_id"])].count("tickets.visit.planned.v1") >= 1
    async with await world.api("tickets", who) as tickets:
        shown = (await tickets.get(f"/v1/tickets/{ticket['ticket_id']}")).json()
    assert [visit["status"] for visit in shown["visits"]] == ["planned"]


@pytest.mark.parametrize("point", [faultpoints.MAIL_CLAIMED, faultpoints.MAIL_SENT])
async def test_a_mail_survives_a_kill_of_the_notifier(faulty: Stack, world: World, point: str) -> None:
    who, device = await manager_with_device(world)
    faulty.servers.restart("notifier", environment={ARM: point, **SHORT_CONVERSATIONS})
    await world.open_ticket(who, device)
    await died(faulty, "notifier")
    faulty.servers.restart("notifier", environment={ARM: ""})
    mails = await eventually(lambda: faulty.mails_to(who.email), within=60, what="no mail after the restart")
    identifiers = {mail["headers"]["Message-ID"] for mail in mails}
    assert len(identifiers) == 1, "a repeat carries the same Message-ID"
    assert len(mails) <= (2 if point == faultpoints.MAIL_SENT else 1)


async def test_a_job_survives_a_kill_between_a_slice_and_its_record(faulty: Stack, world: World) -> None:
    account, model_ref = await world.account("FI"), f"many-{world.prefix}"
    now, site = datetime.now(UTC), Site(site_id=f"site-{world.prefix}", name="Mill", country="FI", **SITES["FI"])
    fleet = [
        BackOfficeDeviceUpdated(
            ref=f"{world.prefix}-{number}",
            revision=1,
            occurred_at=now,
            serial=f"SN{world.prefix}{number}",
            model_ref=model_ref,
            account_ref=account.ref,
            site=site,
        )
        for number in range(250)
    ]
    named, renamed = (
        BackOfficeModelUpdated(ref=model_ref, revision=revision, occurred_at=now, name=name)
        for revision, name in enumerate(("Aurora C3020", "Aurora C3021"), start=1)
    )
    back_office, client = faulty.wire("back-office"), faulty.store()
    try:
        devices = faulty.database(client, "catalog")["devices"]

        async def versions(name: str) -> list[int]:
            found = devices.find({"model_id": derived_id("model", model_ref), "model_name": name}, {"version": 1})
            versions = [device["version"] async for device in found]
            assert len(versions) == len(fleet), f"{len(versions)} devices are called {name}"
            return versions

        await back_office.send(named, model_ref)
        await back_office.send_all((device, device.ref) for device in fleet)
        before = sum(await eventually(lambda: versions("Aurora C3020"), within=60))
        faulty.servers.restart("catalog", environment={ARM: f"{faultpoints.JOB_SLICE_DONE}:2"})
        await back_office.send(renamed, model_ref)
        await died(faulty, "catalog")
        faulty.servers.restart("catalog", environment={ARM: ""})
        after = sum(await eventually(lambda: versions("Aurora C3021"), within=90))
        assert after == before + len(fleet), "each device has told it once"
    finally:
        await client.close()


async def one_mail(stack: Stack, who: Person) -> None:
    mails = await eventually(lambda: stack.mails_to(who.email), within=40, what="no mail")
    assert len({mail["headers"]["Message-ID"] for mail in mails}) == len(mails) == 1
