"""`python -m deploy.demo.parties [--profile dev]`: dispatch, engineers and contact centre answer by themselves.

For trying things out by hand: whoever reports a fault gets a visit, an engineer and a report. Ends with Ctrl-C.
"""

import argparse
import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack

from aiokafka.errors import KafkaError

from deploy.local.layout import PROFILES, Profile
from deploy.local.progress import say
from deploy.seed.local_installation import broker_access
from deploy.simulators import chaos, contact_centre, dispatch, engineer
from deploy.simulators.agenda import agenda
from deploy.simulators.party import Pace, attend
from deploy.simulators.wire import connection, consuming, producing

PARTIES = (dispatch.PARTY, engineer.PARTY, contact_centre.PARTY)


async def run(profile: Profile, pace: Pace, kinds: str, stop: asyncio.Event) -> None:
    """Play all parties, each as its own principal, until `stop`. What they still have to do survives in their books."""
    os.environ["CLOCK_OFFSET_FILE"] = str(profile.clock_offset_file)
    async with AsyncExitStack() as lines, asyncio.TaskGroup() as tasks:
        for party in PARTIES:
            access = connection(broker_access(profile, party.name))
            producer = await lines.enter_async_context(producing(access))
            topics = [party.topic, party.rejected_topic]
            consumer = await lines.enter_async_context(consuming(access, topics, party.group))
            book = agenda(profile.directory / "parties" / f"{party.name}.jsonl")
            storm = chaos.chaos(kinds)
            tasks.create_task(attend(party.name, party.react, consumer, producer, book, pace, storm, stop))
        say("the parties are listening")


async def _until_told(profile: Profile, pace: Pace, kinds: str) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await run(profile, pace, kinds, stop)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo.parties", description="Let the parties answer.")
    parser.add_argument("--profile", choices=PROFILES, default="dev")
    parser.add_argument("--pace", type=float, default=0.2, help="minutes of product time between a party's steps")
    parser.add_argument("--by-appointment", action="store_true", help="the engineer comes when he is announced")
    parser.add_argument("--chaos", default="", help=f"any of {','.join(chaos.KINDS)}")
    options = parser.parse_args()
    pace = Pace(None if options.by_appointment else options.pace)
    try:
        asyncio.run(_until_told(Profile.named(options.profile), pace, options.chaos))
    except* (KafkaError, OSError, ValueError) as failed:
        say(f"the parties stopped: {failed.exceptions[0]}")
        sys.exit(1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
