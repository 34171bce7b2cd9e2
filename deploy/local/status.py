"""`make status`: every process of a profile with its number, port, health, and since when it runs."""

from concurrent.futures import ThreadPoolExecutor

from deploy.local import state
from deploy.local.layout import Profile
from deploy.local.programs import program
from deploy.local.state import Recorded


def show_status(profile: Profile) -> int:
    """Print a table; returns 0 when everything serves, 1 when something does not, 3 when nothing runs."""
    there = state.running(profile)
    if there is None:
        print(f"nothing runs in the profile {profile.name}")
        return 3
    recorded = list(there.processes.values())
    with ThreadPoolExecutor(max_workers=len(recorded) or 1) as pool:
        health = list(pool.map(lambda one: _health(profile, one), recorded))
    print(f"profile {profile.name}, {there.phase}, held by process {there.owner.pid}")
    print(f"{'program':<14}{'pid':>8}{'port':>7}  {'since':<27}{'restarts':>8}  health")
    for one, told in zip(recorded, health, strict=True):
        pid = str(one.main.pid) if one.is_alive else "-"
        print(f"{one.name:<14}{pid:>8}{one.port:>7}  {one.since:<27}{one.restarts:>8}  {told or 'ok'}")
    return 0 if not any(health) else 1


def _health(profile: Profile, recorded: Recorded) -> str | None:
    if not recorded.is_alive:
        return "not running"
    return program(profile, recorded.name).ready()
