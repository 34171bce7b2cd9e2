"""The process that holds a profile's servers and services, and the commands that talk to it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

from deploy.local import state
from deploy.local.errors import LocalError, NotReady
from deploy.local.layout import REPOSITORY, Profile, existing_services
from deploy.local.process import Identity
from deploy.local.progress import say, step
from deploy.local.servers import Servers
from deploy.local.state import State

WATCH_SECONDS = 0.5
START_SECONDS = 300
STOP_SECONDS = 60


def supervise(profile: Profile, services: Sequence[str]) -> int:
    """Hold the profile until SIGTERM or SIGINT, starting again what ends by itself. The body of the supervisor."""
    asked_to_end = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        asked_to_end.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    servers = Servers(profile, services=services)
    try:
        servers.start()
    except LocalError as problem:
        say(str(problem))
        return 1
    say("running")
    while not asked_to_end.wait(WATCH_SECONDS):
        servers.watch()
    servers.stop()
    say("stopped")
    return 0


def up(profile: Profile, services: Sequence[str] | None = None) -> None:
    """Start the profile in the background and return when everything serves; harmless when it already does.

    A supervisor that runs without all of the wanted services is replaced. Raises NotReady with what it said.
    """
    wanted = tuple(existing_services() if services is None else services)
    there = _settled(profile)
    if there is not None and set(wanted) <= set(there.services):
        say(f"  ✓  already running (supervisor {there.owner.pid})")
        return
    if there is not None:
        down(profile)
    log = profile.directory / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "deploy.local.cli", "supervise", "--profile", profile.written),
                *("--services", ",".join(wanted)),
            ],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    shown = 0
    end = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < end:
            ended = process.poll() is not None
            lines = log.read_text(errors="replace").splitlines()
            for line in lines[shown:]:
                if line != "running":
                    say(line)
            shown = len(lines)
            if ended:
                raise NotReady(f"the servers did not start; see {log}")
            if "running" in lines:
                return
            time.sleep(0.1)
    except KeyboardInterrupt:
        process.terminate()
        process.wait(STOP_SECONDS)
        raise
    process.terminate()
    raise NotReady(f"the servers did not start within {START_SECONDS} s; see {log}")


def _settled(profile: Profile) -> State | None:
    """The record of a running profile; when somebody else is just starting or stopping it, once that is done."""
    end = time.monotonic() + START_SECONDS
    while (there := state.running(profile)) is not None and there.phase != "running":
        if time.monotonic() > end:
            raise NotReady(f"the profile {profile.name} is {there.phase} since long; end it with `make down`")
        time.sleep(0.2)
    return there


def down(profile: Profile) -> None:
    """Stop the profile in order; harmless when nothing runs. Cleans up after a supervisor that was killed."""
    there = state.running(profile)
    if there is not None:
        if there.owner == Identity.own():
            raise LocalError("a process cannot stop its own servers by command")
        with step(f"stopping the profile {profile.name}", announce=False):
            there.owner.send(signal.SIGTERM)
            if not there.owner.wait_ended(STOP_SECONDS):
                there.owner.send(signal.SIGKILL)
                there.owner.wait_ended(5)
    with state.acquire(profile):
        left = state.end_leftovers(profile)
    if left:
        say(f"  ✓  ended what was left: {', '.join(left)}")
    elif there is None:
        say(f"  ✓  nothing runs in the profile {profile.name}")


def restart_program(profile: Profile, name: str) -> None:
    """End one program; the supervisor starts it again at once."""
    there = state.running(profile)
    if there is None or name not in there.processes:
        raise LocalError(f"{name} does not run in the profile {profile.name}; see `make status`")
    before = there.processes[name].main
    before.send(signal.SIGTERM)
    with step(f"{name} restarted", announce=False):
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end:
            now = state.running(profile)
            fresh = now.processes[name].main if now is not None and name in now.processes else before
            if fresh != before and fresh.is_alive:
                return
            time.sleep(0.1)
        raise NotReady(f"{name} was not started again; see {profile.logs / name}.log")


def show_logs(profile: Profile, name: str | None) -> None:
    """Follow the logs of all programs, or of one; ends with Ctrl-C."""
    files = state.log_files(profile) if name is None else [profile.logs / f"{name}.log"]
    if not files or not all(file.is_file() for file in files):
        raise LocalError(f"there is no log of {name or 'anything'} in {profile.logs}")
    os.execvp("tail", ["tail", "-n", "20", "-F", *map(str, files)])
