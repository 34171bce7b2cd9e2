"""`python -m deploy.demo [--profile dev]`: seed a running installation if need be, then play the story over it."""

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime

import httpx
from aiokafka.errors import KafkaError

from deploy.demo.browser import PageUnusable
from deploy.demo.hops import HopMissing
from deploy.demo.stage import Stage, stage
from deploy.demo.story import play
from deploy.local.environment import service_url
from deploy.local.layout import HOST, PROFILES, Profile
from deploy.local.progress import say, step
from deploy.seed import keepsakes
from deploy.seed.doors import DoorClosed, NotInTime
from deploy.seed.local_installation import local_installation
from deploy.seed.people import PEOPLE
from deploy.seed.seeding import MasterRecordRefused, is_seeded, seed

DEVICES = 240
FAILURES = (HopMissing, PageUnusable, DoorClosed, NotInTime, MasterRecordRefused, KafkaError, httpx.HTTPError, OSError)


async def show(profile: Profile, *, devices: int) -> None:
    installation = local_installation(profile)
    if await is_seeded(installation, devices=devices):
        say("  ✓  the demonstration data is there")
    else:
        await seed(installation, devices=devices, step=step, tell=say)
    password = keepsakes.password(profile.directory)
    begun = time.monotonic()
    async with stage(profile) as on:
        say("\nThe story (product time in Helsinki, what happens, how long each hop really took)\n")
        await play(on, password, datetime.now(UTC).date())
        say(f"\nplayed in {time.monotonic() - begun:.1f} s")
        farewell(on, password)


def farewell(on: Stage, password: str) -> None:
    """Addresses, sign-ins, and what was left how."""
    say(f"\n  ticket       {on.portal}/tickets/{on.ticket_id}")
    say(f"  portal       {on.portal}")
    say(f"  caught mail  http://{HOST}:{on.profile.port('mail')}")
    say(f"\n  Sign in with the password {password} as")
    for person in PEOPLE:
        say(f"    {person.email:38} {person.title}")
    say(
        f"\n  The product's clock stays where the story ended ({on.now():%d %b %Y %H:%M} UTC) and runs on from there:\n"
        "  put back, what has happened would lie in the future. The next demonstration sets it again. To real time:\n"
        f"    rm {on.clock_offset_file}\n"
        "  To let dispatch, engineers and contact centre answer what you report by hand: .venv/bin/python -m "
        "deploy.demo.parties\n"
        "  Everything keeps running. To stop it: make down"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description="Play the story over a running stack.")
    parser.add_argument("--profile", choices=PROFILES, default="dev")
    parser.add_argument("--devices", type=int, default=DEVICES, help="seed at least so many")
    options = parser.parse_args()
    profile = Profile.named(options.profile)
    if not profile.keys.is_dir():
        say(f"the profile {profile.name} was never started: `make up` first, or `make demo` for both")
        return 1
    try:
        asyncio.run(show(profile, devices=options.devices))
    except httpx.ConnectError:
        say(f"nothing answers in the profile {profile.name} ({service_url(profile, 'portal')}): `make up` first")
        return 1
    except FAILURES as failed:
        say(f"\nthe demonstration failed: {failed or repr(failed)}")
        say(f"the logs are in {profile.logs}; portal {service_url(profile, 'portal')}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
