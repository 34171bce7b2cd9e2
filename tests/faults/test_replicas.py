"""Two replicas of a service: one order, one outcome, and each goes on when the other is gone."""

import asyncio
import uuid

from shared.contracts.inbound import DispatchVisitMoved, DispatchVisitPlanned
from tests.support import visits
from tests.support.ledger import assert_published_whole
from tests.support.stack import Stack
from tests.support.world import World


async def test_two_replicas_share_the_work_and_one_alone_takes_over(faulty: Stack, world: World) -> None:
    account = await world.account("FI")
    devices = [await world.device(account) for _ in range(6)]
    who = await world.manager(account, whole=True)
    second = await asyncio.to_thread(faulty.servers.start_service, "tickets", "1")
    try:
        async with faulty.wire("admin").listening("tickets.tickets") as heard:
            opened = []
            for number, device in enumerate(devices):
                url = second if number % 2 else None
                async with await faulty.client("tickets", who.token, url=url) as tickets:
                    answer = await tickets.post(
                        "/v1/tickets",
                        json={"device_id": device.device_id, "description": "It stops"},
                        headers={"Idempotency-Key": str(uuid.uuid4())},
                    )
                assert answer.status_code == 201, answer.text
                opened.append(answer.json())
            for ticket in opened:
                work_order = ticket["work_order_id"]
                for sequence, kind in enumerate((DispatchVisitPlanned, DispatchVisitMoved), start=1):
                    sent = visits.message(kind, work_order, sequence, **visits.window(hours=sequence))
                    await faulty.wire("dispatch").send(sent, work_order)
            for ticket in opened:
                await heard.types_of(ticket["ticket_id"], "tickets.visit.moved.v1", within=40)
            await asyncio.to_thread(faulty.servers.kill, "tickets-1")
            late = opened[0]["work_order_id"]
            moved = visits.message(DispatchVisitMoved, late, 3, **visits.window(hours=9))
            await faulty.wire("dispatch").send(moved, late)
            await assert_published_whole(faulty, heard, [ticket["ticket_id"] for ticket in opened])

            def twice_moved(own: object) -> bool:
                return sum(b"moved" in dict(r.headers)["ce_type"] for r in heard.of(opened[0]["ticket_id"])) >= 2

            await heard.until(twice_moved, within=60, what="the visit moved by the remaining replica")
    finally:
        if faulty.servers.is_running("tickets-1"):
            faulty.servers.stop_program("tickets-1")
