"""Long rounds under random kills: `make soak MINUTES=30`, or `python -m tests.soak --minutes 2 --seed 7`.

Each round opens tickets and sends visit messages, some of them twice, while a service, the broker or the store is
killed and started again, then it looks for what was lost, out of order or unequal. Ends with status 1 at the find.
"""

import argparse
import asyncio
import random
import sys
import time
import uuid
from collections.abc import Sequence

import httpx

from deploy.local.layout import Profile
from deploy.local.servers import Servers
from shared.contracts.inbound import DispatchVisitMoved, DispatchVisitPlanned, EngineerVisitArrived, VisitMessage
from tests.support import visits
from tests.support.ledger import assert_published_whole, assert_views_equal_owners
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import Device, Person, World

VICTIMS = ("tickets", "catalog", "notifier", "kafka", "ferretdb", "postgres")
TICKETS_PER_ROUND = 30
WORKERS = 4
PARTY = {"inbound.dispatch": "dispatch", "inbound.engineer": "engineer"}


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def open_until_accepted(stack: Stack, who: Person, device: Device) -> dict[str, str]:
    """One ticket, with one idempotency key however often it has to be tried."""
    key = str(uuid.uuid4())
    body = {"device_id": device.device_id, "description": "Soak", "another_ticket_is_open_ok": True}

    async def attempt() -> dict[str, str]:
        try:
            token = await stack.sign_in(who.email, who.password)
            async with await stack.client("tickets", token) as tickets:
                answer = await tickets.post("/v1/tickets", json=body, headers={"Idempotency-Key": key})
        except httpx.HTTPError as error:
            raise AssertionError(repr(error)) from error
        assert answer.status_code == 201, answer.text
        ticket: dict[str, str] = answer.json()
        return ticket

    return await eventually(attempt, within=120, every=0.3)


async def tell(stack: Stack, messages: Sequence[VisitMessage]) -> None:
    for message in messages:

        async def sent(message: VisitMessage = message) -> bool:
            await asyncio.wait_for(stack.wire(PARTY[message.topic]).send(message, message.work_order_id), 10)
            return True

        limit = time.monotonic() + 120
        while True:
            try:
                await sent()
                break
            except (OSError, TimeoutError, RuntimeError) as away:
                if time.monotonic() > limit:
                    raise
                say(f"    the party tries again: {type(away).__name__}")
                await asyncio.sleep(0.5)


async def story(stack: Stack, who: Person, device: Device, chance: random.Random) -> str:
    ticket = await open_until_accepted(stack, who, device)
    work_order, visit = ticket["work_order_id"], visits.fresh_visit()
    messages: list[VisitMessage] = [
        visits.message(DispatchVisitPlanned, work_order, 1, visit_id=visit, **visits.window(hours=2)),
        visits.message(DispatchVisitMoved, work_order, 2, visit_id=visit, **visits.window(hours=4)),
        visits.message(EngineerVisitArrived, work_order, 1, visit_id=visit),
    ]
    if chance.random() < 0.3:
        messages.insert(1, messages[0])
    if chance.random() < 0.2:
        chance.shuffle(messages)
    await tell(stack, messages)
    return ticket["ticket_id"]


async def kill_and_restart(stack: Stack, victim: str, chance: random.Random) -> None:
    await asyncio.sleep(chance.uniform(0.2, 2.0))
    stack.servers.kill(victim)
    await asyncio.sleep(chance.uniform(0.0, 4.0))
    await asyncio.to_thread(stack.servers.restart, victim)


async def one_round(stack: Stack, world: World, who: Person, devices: Sequence[Device], chance: random.Random) -> str:
    victim = chance.choice(VICTIMS)
    queue = [chance.choice(devices) for _ in range(TICKETS_PER_ROUND)]
    opened: list[str] = []

    async def worker() -> None:
        while queue:
            opened.append(await story(stack, who, queue.pop(), chance))

    async with stack.wire("admin").listening("tickets.tickets") as heard:
        await asyncio.gather(*(worker() for _ in range(WORKERS)), kill_and_restart(stack, victim, chance))
        await assert_published_whole(stack, heard, opened)
    await assert_views_equal_owners(stack, opened, [device.device_id for device in devices])
    return f"{victim} killed; {len(opened)} tickets whole, in order, views equal"


async def soak(stack: Stack, minutes: float, seed: int) -> None:
    chance = random.Random(seed)
    end = time.monotonic() + minutes * 60
    async with World.of(stack) as world:
        account = await world.account("FI")
        devices = [await world.device(account) for _ in range(5)]
        who = await world.manager(account, whole=True)
        number = 0
        while time.monotonic() < end:
            number += 1
            started = time.monotonic()
            what = await one_round(stack, world, who, devices, chance)
            say(f"  round {number}: {what} ({time.monotonic() - started:.1f} s)")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(10_000)
    say(f"  seed {seed}, {arguments.minutes} minutes")
    profile = Profile.named("soak")
    with Servers(profile, fresh=True) as servers:
        try:
            asyncio.run(soak(Stack(servers), arguments.minutes, seed))
        except AssertionError as finding:
            sys.exit(f"  found with seed {seed}: {finding}")


if __name__ == "__main__":
    main()
