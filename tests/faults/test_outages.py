"""Servers that go away and come back: the broker for ten seconds, the store, a halted service."""

import asyncio
import time
import uuid

from shared.contracts.inbound import DispatchVisitPlanned
from tests.support import visits
from tests.support.ledger import assert_published_whole, assert_views_equal_owners
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import World

BROKER_AWAY_SECONDS = 10


async def test_tickets_are_accepted_while_the_broker_is_away_and_all_is_told_afterwards(
    faulty: Stack, world: World
) -> None:
    account = await world.account("FI")
    devices = [await world.device(account) for _ in range(4)]
    who = await world.manager(account, whole=True)
    opened: list[str] = []
    async with faulty.wire("admin").listening("tickets.tickets") as heard:
        faulty.servers.kill("kafka")
        away_until = time.monotonic() + BROKER_AWAY_SECONDS
        token = await faulty.sign_in(who.email, who.password)
        number = 0
        while time.monotonic() < away_until:
            async with await faulty.client("tickets", token) as tickets:
                answer = await tickets.post(
                    "/v1/tickets",
                    json={
                        "device_id": devices[number % len(devices)].device_id,
                        "description": f"Fault {number}",
                        "another_ticket_is_open_ok": True,
                    },
                    headers={"Idempotency-Key": str(uuid.uuid4())},
                )
            assert answer.status_code == 201, answer.text
            assert answer.json()["promise"]["engineer_by"], "the promise is given at once"
            opened.append(answer.json()["ticket_id"])
            number += 1
            await asyncio.sleep(0.2)  # a steady trickle is the load here, not a wait for something
        assert len(opened) > 10
        await asyncio.to_thread(faulty.servers.restart, "kafka")
        await assert_published_whole(faulty, heard, opened)
    await assert_views_equal_owners(faulty, opened, [device.device_id for device in devices])

    async def one_each() -> bool:
        mails = await faulty.mails_to(who.email)
        assert len(mails) >= len(opened), f"{len(mails)} mails for {len(opened)} tickets"
        return True

    await eventually(one_each, within=90)
    mails = await faulty.mails_to(who.email)
    assert len({mail["headers"]["Message-ID"] for mail in mails}) == len(mails) == len(opened)


async def test_without_the_store_a_command_is_refused_whole_and_can_be_repeated(faulty: Stack, world: World) -> None:
    account = await world.account("FI")
    device = await world.device(account)
    who = await world.manager(account, devices=[device])
    key, body = str(uuid.uuid4()), {"device_id": device.device_id, "description": "It squeaks"}
    async with faulty.wire("admin").listening("tickets.tickets") as heard:
        async with await faulty.client("tickets", who.token) as tickets:
            faulty.servers.kill("ferretdb")
            refused = await tickets.post("/v1/tickets", json=body, headers={"Idempotency-Key": key})
            assert refused.status_code == 503, refused.text
            assert refused.json()["code"] == "unavailable"
            await asyncio.to_thread(faulty.servers.restart, "ferretdb")

            async def accepted() -> str:
                answer = await tickets.post("/v1/tickets", json=body, headers={"Idempotency-Key": key})
                assert answer.status_code == 201, answer.text
                return str(answer.json()["ticket_id"])

            ticket_id = await eventually(accepted, within=40)
            work_order = (await tickets.get(f"/v1/tickets/{ticket_id}")).json()["work_order_id"]
        planned = visits.message(DispatchVisitPlanned, work_order, 1, **visits.window(hours=2))
        await faulty.wire("dispatch").send(planned, work_order)
        await heard.types_of(ticket_id, "tickets.ticket.opened.v1", "tickets.visit.planned.v1", within=40)
        await assert_published_whole(faulty, heard, [ticket_id])


async def test_a_killed_database_keeps_every_answered_command(faulty: Stack, world: World) -> None:
    account = await world.account("FI")
    device = await world.device(account)
    who = await world.manager(account, devices=[device])
    async with faulty.wire("admin").listening("tickets.tickets") as heard:
        ticket = await world.open_ticket(who, device)
        faulty.servers.kill("postgres")
        await asyncio.to_thread(faulty.servers.restart, "postgres")

        async def shown() -> bool:
            async with await faulty.client("tickets", await faulty.sign_in(who.email, who.password)) as tickets:
                answer = await tickets.get(f"/v1/tickets/{ticket['ticket_id']}")
            assert answer.status_code == 200, answer.text
            return True

        await eventually(shown, within=60, every=0.5)
        await assert_published_whole(faulty, heard, [ticket["ticket_id"]])
