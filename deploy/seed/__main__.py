"""`python -m deploy.seed [--devices 240] [--profile dev]`: seed a running installation of this machine."""

import argparse
import asyncio
import sys

from aiokafka.errors import KafkaError

from deploy.local.layout import PROFILES, Profile
from deploy.local.progress import say, step, total
from deploy.seed.doors import DoorClosed, NotInTime
from deploy.seed.local_installation import local_installation
from deploy.seed.people import PEOPLE
from deploy.seed.seeding import MasterRecordRefused, seed

DEVICES = 240


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.seed", description="Bring demonstration data in.")
    parser.add_argument("--devices", type=int, default=DEVICES, help="size of the fleet; may be raised later")
    parser.add_argument("--profile", choices=PROFILES, default="dev")
    options = parser.parse_args()
    installation = local_installation(Profile.named(options.profile))
    try:
        seeded = asyncio.run(seed(installation, devices=options.devices, step=step, tell=say))
    except (DoorClosed, NotInTime, MasterRecordRefused, KafkaError, OSError) as failed:
        say(f"seeding failed: {failed}")
        return 1
    for person in PEOPLE:
        say(f"     {person.email:38} {person.title}")
    total(f"{seeded.devices} devices and {len(PEOPLE)} people; everybody's password: {seeded.password}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
