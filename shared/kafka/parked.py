"""Command for operators: what is parked, and running it again.

`python -m shared.kafka.parked services.tickets.main list` and `… requeue <group> [--key KEY]`.
"""

import argparse
import asyncio
import importlib
import sys
from typing import Any

from fastapi import FastAPI
from pymongo import ASCENDING

from shared.kafka import parking
from shared.kafka.subscription import Subscription
from shared.service import Service, connected


async def list_parked(service: Service) -> list[dict[str, Any]]:
    """One entry a key that waits: group, key, number of records, the first reason and since when."""
    found = (
        service.db[parking.COLLECTION].find().sort([("group", ASCENDING), ("key", ASCENDING), ("offset", ASCENDING)])
    )
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    async for record in found:
        entry = entries.setdefault(
            (record["group"], record["key"]),
            {
                "group": record["group"],
                "key": record["key"],
                "records": 0,
                "reason": record["reason"],
                "handler": record["handler"],
                "since": record["at"].isoformat(),
            },
        )
        entry["records"] += 1
    return list(entries.values())


async def requeue_group(service: Service, subscriptions: list[Subscription], group: str, key: str | None) -> int:
    """Requeue a group's parked records; returns how many were carried out. Raises LookupError for an unknown group."""
    for subscription in subscriptions:
        if subscription.group == group:
            return await parking.requeue(service, subscription, key)
    raise LookupError(f"no group {group}; there are: {', '.join(sorted(one.group for one in subscriptions))}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


async def _run(app: FastAPI, arguments: argparse.Namespace) -> None:
    async with connected(app) as service:
        if arguments.action == "list":
            for entry in await list_parked(service):
                _say(f"{entry['group']}  {entry['key']}  {entry['records']} record(s)  since {entry['since']}")
                _say(f"    {entry['reason']}")
        else:
            done = await requeue_group(service, app.state.subscriptions, arguments.group, arguments.key)
            _say(f"{done} record(s) carried out")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m shared.kafka.parked", description=__doc__)
    parser.add_argument("service", help="the module that holds create_app, such as services.tickets.main")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list")
    requeue = actions.add_parser("requeue")
    requeue.add_argument("group")
    requeue.add_argument("--key", default=None)
    arguments = parser.parse_args()
    app: FastAPI = importlib.import_module(arguments.service).create_app()
    try:
        asyncio.run(_run(app, arguments))
    except LookupError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
