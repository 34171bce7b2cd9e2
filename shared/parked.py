"""Command for operators: what is parked, and running it again.

`python -m shared.parked services.tickets.main list`, `… requeue <group> [--key KEY]`, and for a record that can
never be carried out `… discard <group> <key>`: the first one under that key is given up; a requeue takes the rest.
"""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from pymongo import ASCENDING

from shared.application import connected
from shared.consumers import parking
from shared.consumers.subscription import Subscription
from shared.service import Service


async def list_parked(service: Service[Any, Any]) -> list[dict[str, Any]]:
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


def subscription_of(subscriptions: Sequence[Subscription[Any]], group: str) -> Subscription[Any]:
    """The subscription of a group. Raises LookupError for an unknown one."""
    for subscription in subscriptions:
        if subscription.group == group:
            return subscription
    raise LookupError(f"no group {group}; there are: {', '.join(sorted(one.group for one in subscriptions))}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


async def _run(app: FastAPI, arguments: argparse.Namespace) -> None:
    async with connected(app) as service:
        if arguments.action == "list":
            for entry in await list_parked(service):
                _say(f"{entry['group']}  {entry['key']}  {entry['records']} record(s)  since {entry['since']}")
                _say(f"    {entry['reason']}")
            return
        subscription = subscription_of(app.state.subscriptions, arguments.group)
        if arguments.action == "discard":
            done = await parking.discard_first(service, subscription, arguments.key)
            _say("1 record given up" if done else "nothing is parked under this key")
            return
        outcome = await parking.requeue(service, subscription, arguments.key)
        _say(f"{outcome.done} record(s) carried out")
        for key, reason in outcome.failed.items():
            _say(f"{key} stays parked: {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m shared.parked", description=__doc__)
    parser.add_argument("service", help="the module that holds create_app, such as services.tickets.main")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list")
    requeue = actions.add_parser("requeue")
    requeue.add_argument("group")
    requeue.add_argument("--key", default=None)
    discard = actions.add_parser("discard")
    discard.add_argument("group")
    discard.add_argument("key")
    arguments = parser.parse_args()
    app: FastAPI = importlib.import_module(arguments.service).create_app()
    try:
        asyncio.run(_run(app, arguments))
    except LookupError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
