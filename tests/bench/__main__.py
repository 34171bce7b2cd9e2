"""`make bench`, or `python -m tests.bench` with the names of some parts."""

import asyncio
import sys
from typing import Any

from deploy.local.layout import Profile, existing_services
from deploy.local.servers import Servers
from tests.bench import (
    commands,
    conversations,
    hiding,
    lists,
    many_tickets,
    pages,
    projections,
    report,
    whole_way,
)
from tests.bench.demo import measure_demo
from tests.bench.load import Connection, Measured
from tests.bench.processes import resident_mb
from tests.support.stack import Stack
from tests.support.world import Person, World

PARTS = (
    "whole",
    "commands",
    "lag",
    "alone",
    "conversations",
    "projections",
    "pages",
    "lists",
    "hiding",
    "memory",
    "many",
    "demo",
)
SMALL, LARGE = 200, 20_000
SHORT = 20.0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _checked(measured: Measured, what: str) -> Measured:
    if measured.failures:
        say(f"  {what}: {len(measured.failures)} failures, the first: {measured.failures[0]}")
    return measured


async def _on_stack(stack: Stack, parts: set[str]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    async with World.of(stack) as world:
        code = f"bench-{world.prefix}"
        await world.calendar(code)
        entitlement = world.entitlement(code)
        small = await world.account("FI")
        seconds = await lists.seed(world, small, SMALL, entitlement)
        say(f"  {SMALL} devices in {seconds:.1f} s")
        manager = await world.manager(small, whole=True)
        devices = await lists.device_ids(world, manager, SMALL)

        async def token() -> str:
            """The manager's; a part of the bench may last longer than a token."""
            return await stack.lasting(manager.token, manager)

        if "whole" in parts:
            whole, failures = await whole_way.measured(stack, await token(), devices)
            figures |= whole
            for name, figure in whole.items():
                say(f"  {name} {figure}")
            if failures:
                say(f"  {len(failures)} failures, the first: {failures[0]}")
        if "commands" in parts or "lag" in parts:
            await commands.over_http(stack, await token(), devices, seconds=3)  # warm
            opened, _ = await commands.over_http(stack, await token(), devices)
            _checked(opened, "tickets over HTTP")
            bare = _checked(await commands.bare(stack), "bare writes")
            figures |= {
                "tickets_per_second": round(opened.per_second, 1),
                "ticket_p50_ms": round(opened.percentile_ms(0.5), 1),
                "ticket_p99_ms": round(opened.percentile_ms(0.99), 1),
                "bare_tickets_per_second": round(bare.per_second, 1),
                "command_vs_bare": round(opened.per_second / bare.per_second, 2),
            }
            say(
                f"  command_vs_bare {figures['command_vs_bare']}  ({opened.per_second:.0f}/s ÷ {bare.per_second:.0f}/s)"
            )
            lag = _checked(
                await commands.lag(stack, await token(), devices, pace=opened.per_second / 2), "lag at half load"
            )
            figures |= {
                "lag_p50_ms": round(lag.percentile_ms(0.5), 1),
                "lag_p99_ms": round(lag.percentile_ms(0.99), 1),
                "lag_pace_per_second": round(lag.per_second, 1),
            }
            say(f"  lag p50 {figures['lag_p50_ms']} ms, p99 {figures['lag_p99_ms']} ms at {lag.per_second:.0f}/s")
        if "alone" in parts:
            figures |= await _commands_alone(stack, await token(), devices)
        if "conversations" in parts:
            young, old = await conversations.measured(stack, await token(), devices)
            _checked(young, "words on young tickets")
            _checked(old, "words on a ticket of 2,000")
            figures |= {
                "entry_young_p50_ms": round(young.percentile_ms(0.5), 1),
                "entry_2000_p50_ms": round(old.percentile_ms(0.5), 1),
                "ticket_2000_vs_young": round(old.percentile_ms(0.5) / young.percentile_ms(0.5), 2),
            }
            say(f"  ticket_2000_vs_young {figures['ticket_2000_vs_young']}")
        if "projections" in parts:
            begins = await projections.fill(stack, f"bench-{world.prefix}")
            bare_views = await projections.bare(stack, begins)
            own_views = await projections.ours(stack, begins)
            figures |= {
                "views_per_second": round(own_views),
                "bare_views_per_second": round(bare_views),
                "projection_vs_bare": round(own_views / bare_views, 2),
            }
            say(f"  projection_vs_bare {figures['projection_vs_bare']}  ({own_views:.0f}/s ÷ {bare_views:.0f}/s)")
        if "pages" in parts:
            figures |= await _pages(stack, manager, devices[0])
        if "hiding" in parts:
            figures["hidden_vs_unknown"] = await hiding.hidden_vs_unknown(world)
            say(f"  hidden_vs_unknown {figures['hidden_vs_unknown']}")
        if "lists" in parts:
            large = await world.account("FI")
            seconds = await lists.seed(world, large, LARGE, entitlement)
            say(f"  {LARGE} devices in {seconds:.0f} s")
            of_large = await world.manager(large, whole=True)
            of_small = await world.manager(small, whole=True)
            few = _checked(await lists.listing(world, of_small), "list of 200")
            many = _checked(await lists.listing(world, of_large), "list of 20,000")
            figures |= {
                "import_devices_per_s": round(LARGE / seconds),
                "search_20000_p95_ms": round(
                    _checked(await lists.searches(world, of_large), "searches").percentile_ms(0.95), 1
                ),
                "list_200_p95_ms": round(few.percentile_ms(0.95), 1),
                "list_20000_p95_ms": round(many.percentile_ms(0.95), 1),
                "list_20000_vs_200": round(many.percentile_ms(0.95) / few.percentile_ms(0.95), 2),
            }
            for name in ("import_devices_per_s", "list_20000_vs_200", "search_20000_p95_ms"):
                say(f"  {name} {figures[name]}")
        if "memory" in parts:
            figures["rss_mb"] = {name: resident_mb(stack.servers.process_id(name)) for name in existing_services()}
            say(f"  rss_mb {figures['rss_mb']}")
        if "many" in parts:
            figures |= await _many_tickets(stack, world, manager, devices)
    return figures


async def _pages(stack: Stack, manager: Person, device_id: str) -> dict[str, Any]:
    connection = Connection(stack.url("tickets"), await stack.lasting(manager.token, manager))
    ticket_id = await conversations.open_one(connection, device_id)
    connection.close()
    home = _checked(await pages.measured(stack, manager, "/"), "home")
    ticket = _checked(await pages.measured(stack, manager, f"/tickets/{ticket_id}"), "the ticket's page")
    figures = {
        "home_p95_ms": round(home.percentile_ms(0.95), 1),
        "ticket_page_p95_ms": round(ticket.percentile_ms(0.95), 1),
    }
    say(f"  pages {figures}")
    return figures


async def _many_tickets(stack: Stack, world: World, manager: Person, devices: list[str]) -> dict[str, Any]:
    """Lists, searches and the price of one more ticket, when there are 100,000."""
    few, many = await world.account("FI"), await world.account("FI")
    before, _ = await whole_way.measured(
        stack, await stack.lasting(manager.token, manager), devices, warm_up=SHORT, seconds=SHORT
    )
    await many_tickets.fill(stack, few.account_id, many_tickets.FEW)
    await many_tickets.fill(stack, many.account_id, many_tickets.MANY)
    of_few, of_many = await world.manager(few, whole=True), await world.manager(many, whole=True)
    agent = await world.agent()
    short = _checked(await many_tickets.newest(stack, of_few.token), "list of 1,000")
    long = _checked(await many_tickets.newest(stack, of_many.token), "list of 100,000")
    desk = _checked(await many_tickets.newest(stack, agent.token), "the desk's list")
    found = _checked(await many_tickets.searches(stack, of_many.token), "searches among 100,000")
    after, _ = await whole_way.measured(
        stack, await stack.lasting(manager.token, manager), devices, warm_up=SHORT, seconds=SHORT
    )
    figures = {
        "ticket_list_100000_vs_1000": round(long.percentile_ms(0.95) / short.percentile_ms(0.95), 2),
        "ticket_list_100000_p95_ms": round(long.percentile_ms(0.95), 1),
        "ticket_list_desk_p95_ms": round(desk.percentile_ms(0.95), 1),
        "ticket_search_p95_ms": round(found.percentile_ms(0.95), 1),
        "cost_100000_vs_young": round(after["cpu_ms_per_ticket"] / before["cpu_ms_per_ticket"], 2),
        "wal_100000_vs_young": round(after["wal_kb_per_ticket"] / before["wal_kb_per_ticket"], 2),
    }
    for name, figure in figures.items():
        say(f"  {name} {figure}")
    return figures


async def _commands_alone(stack: Stack, token: str, devices: list[str]) -> dict[str, Any]:
    """The same with nobody listening: what the command path costs without the mails and views that follow it."""
    listeners = ("notifier", "catalog", "portal")
    for name in listeners:
        await asyncio.to_thread(stack.servers.stop_program, name)
    try:
        await commands.over_http(stack, token, devices, seconds=3)
        opened, _ = await commands.over_http(stack, token, devices)
        bare = await commands.bare(stack)
    finally:
        for name in listeners:
            await asyncio.to_thread(stack.servers.restart, name)
    _checked(opened, "tickets over HTTP, nobody listening")
    say(f"  alone {opened.per_second / bare.per_second:.2f}  ({opened.per_second:.0f}/s ÷ {bare.per_second:.0f}/s)")
    return {
        "alone_tickets_per_second": round(opened.per_second, 1),
        "alone_bare_tickets_per_second": round(bare.per_second, 1),
        "command_vs_bare_alone": round(opened.per_second / bare.per_second, 2),
    }


def main() -> None:
    parts = set(sys.argv[1:]) or set(PARTS)
    figures: dict[str, Any] = {}
    loop = report.loop_ms()
    say(f"  a million additions take {loop} ms")
    if parts - {"demo"}:
        profile = Profile.named("bench")
        with Servers(profile, fresh=True) as servers:
            figures |= asyncio.run(_on_stack(Stack(servers), parts))
    if "demo" in parts:
        figures |= measure_demo()
    report.write(figures, loop=loop)
    say("  written to docs/benchmarks.md and docs/benchmarks.json")


if __name__ == "__main__":
    main()
