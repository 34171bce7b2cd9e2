"""The parties as programs of their own, which know their topics and nothing else, take a ticket to its end."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from deploy.local.environment import broker_bootstrap
from deploy.local.keys import broker_password
from deploy.local.layout import REPOSITORY
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import value_of
from tests.support.world import World

PATIENCE = 45.0


def environment(stack: Stack, party: str) -> dict[str, str]:
    """All that a party is given."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "KAFKA_BOOTSTRAP": broker_bootstrap(stack.profile),
        "KAFKA_USERNAME": party,
        "KAFKA_PASSWORD": broker_password(stack.profile, party),
        "CLOCK_OFFSET_FILE": str(stack.clock_offset_file),
    }


async def start(stack: Stack, party: str, folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    module = f"deploy.simulators.{party.replace('-', '_')}"
    with (folder / f"{party}.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments), env=environment(stack, party), stdout=log, stderr=log
        )


@contextlib.asynccontextmanager
async def parties(stack: Stack, folder: Path, *names: str, arguments: Sequence[str] = ()) -> AsyncIterator[None]:
    """Let parties answer by themselves; each has to end well when it is asked to."""
    running = [await start(stack, name, folder, "--auto", "--pace", "0", *arguments) for name in names]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        codes = [await process.wait() for process in running]
    assert codes == [0] * len(names), [(folder / f"{name}.log").read_text() for name in names]


async def closed_ticket(world: World, ticket_id: str) -> dict[str, Any]:
    async with await world.api("tickets") as tickets:

        async def closed() -> dict[str, Any] | None:
            found: dict[str, Any] = (await tickets.get(f"/v1/tickets/{ticket_id}")).json()
            assert found["status"] == "closed", f"it is {found['status']}"
            return found

        found = await eventually(closed, within=PATIENCE)
        assert found is not None
        return found


async def test_a_ticket_goes_through_all_parties_to_its_closing_and_each_of_them_leaves_a_receipt(
    stack: Stack, world: World, tmp_path: Path
) -> None:
    account = await world.account("FI")
    device = await world.device(account)
    manager = await world.manager(account, whole=True)
    async with parties(stack, tmp_path, "dispatch", "engineer", "contact-centre"):
        opened = await world.open_ticket(manager, device)
        ticket = await closed_ticket(world, opened["ticket_id"])
        assert [visit["status"] for visit in ticket["visits"]] == ["done"]
        assert ticket["report"]["outcome"] == "resolved"

        async with await world.api("tickets") as tickets:

            async def all_have_taken_notice() -> set[str]:
                answer = (await tickets.get(f"/v1/tickets/{opened['ticket_id']}")).json()
                seen = {receipt["party"] for receipt in answer["parties"] if receipt["seen_at"]}
                assert seen >= {"dispatch", "engineer", "contact-centre"}, seen
                return seen

            await eventually(all_have_taken_notice, within=PATIENCE)


async def test_duplicates_late_and_swapped_messages_of_the_parties_end_in_the_same_visit(
    stack: Stack, world: World, tmp_path: Path
) -> None:
    account = await world.account("FI")
    device = await world.device(account)
    manager = await world.manager(account, whole=True)
    chaos = ["--chaos", "late,duplicate,reorder", "--seed", "3"]
    async with parties(stack, tmp_path, "dispatch", "engineer", "contact-centre", arguments=chaos):
        opened = await world.open_ticket(manager, device)
        ticket = await closed_ticket(world, opened["ticket_id"])
    assert [visit["status"] for visit in ticket["visits"]] == ["done"]
    response = next(clock for clock in ticket["clocks"] if clock["kind"] == "response")
    assert response["state"] == "met"


async def test_what_cannot_be_read_is_answered_and_the_rest_of_the_partys_messages_goes_on(
    stack: Stack, world: World, tmp_path: Path
) -> None:
    account = await world.account("FI")
    device = await world.device(account)
    manager = await world.manager(account, whole=True)
    steps = [
        {"hear": "dispatch.work-order.requested.v1", "where": {"work_order.device.serial": device.serial}},
        {"say": "planned"},
        {"say": "cancelled"},
    ]
    script = tmp_path / "steps.json"
    script.write_text(json.dumps(steps))
    async with stack.wire("dispatch").listening("inbound.dispatch.rejected") as rejected:
        opened = await world.open_ticket(manager, device)
        program = await start(
            stack, "dispatch", tmp_path, "--script", str(script), "--chaos", "malformed", "--seed", "1"
        )
        assert await program.wait() == 0, (tmp_path / "dispatch.log").read_text()
        order = (await _ticket(world, opened["ticket_id"]))["work_order_id"]
        await rejected.until(lambda own: own.of(order), what="the answer to an unreadable message")
    assert value_of(rejected.of(order)[0])["reason"]

    async def cancelled() -> bool:
        visits = (await _ticket(world, opened["ticket_id"]))["visits"]
        return [visit["status"] for visit in visits] == ["cancelled"]

    await eventually(cancelled, what="the visit is planned and cancelled")


async def test_master_records_of_a_file_reach_the_catalog(stack: Stack, world: World, tmp_path: Path) -> None:
    account = await world.account("FI")
    pattern = await world.device(account)
    async with await world.api("catalog") as catalog:
        site = (await catalog.get(f"/v1/devices/{pattern.device_id}")).json()["site"]
        lines = [
            {
                "type": "back-office.device.updated.v1",
                "value": {
                    "ref": f"{world.prefix}-file-{number}",
                    "serial": f"F{world.prefix.upper()}{number:02d}",
                    "model_ref": f"model-{world.prefix}",
                    "account_ref": account.ref,
                    "site": site,
                },
            }
            for number in range(20)
        ]
        file = tmp_path / "master.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        program = await start(stack, "back-office", tmp_path, str(file), "--chaos", "duplicate", "--in-flight", "5")
        assert await program.wait() == 0, (tmp_path / "back-office.log").read_text()

        async def all_there() -> bool:
            page = (await catalog.get(f"/v1/devices?account_id={account.account_id}&total=true")).json()
            return bool(page["total"] == 21)

        await eventually(all_there, what="20 devices of the file and the pattern")


async def _ticket(world: World, ticket_id: str) -> dict[str, Any]:
    async with await world.api("tickets") as tickets:
        found: dict[str, Any] = (await tickets.get(f"/v1/tickets/{ticket_id}")).json()
        return found
