"""What runs in a profile, on disk: for `status`, for `down`, and for cleaning up after an owner that was killed."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from deploy.local.errors import AlreadyRunning
from deploy.local.layout import Profile
from deploy.local.process import Identity

RELEASED_WITHIN_SECONDS = 5.0


@dataclass(frozen=True)
class Recorded:
    """One process as it was recorded: the one that was started, the one that does the work, and where it serves."""

    name: str
    wrapper: Identity
    main: Identity
    port: int
    since: str
    restarts: int = 0

    @property
    def is_alive(self) -> bool:
        return self.main.is_alive


@dataclass(frozen=True)
class State:
    """The owner (a supervisor or a test run), how far it is, and its processes."""

    owner: Identity
    phase: str
    services: tuple[str, ...] = ()
    processes: Mapping[str, Recorded] = field(default_factory=dict)


def write(profile: Profile, state: State) -> None:
    """Replace the record in one step: a reader never sees half of it."""
    profile.directory.mkdir(parents=True, exist_ok=True)
    fresh = profile.state_file.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(state), indent=1))
    fresh.replace(profile.state_file)


def read(profile: Profile) -> State | None:
    """The last record; none when the profile never ran, or ended in order."""
    if not profile.state_file.is_file():
        return None
    raw = json.loads(profile.state_file.read_text())
    return State(
        owner=Identity(**raw["owner"]),
        phase=raw["phase"],
        services=tuple(raw["services"]),
        processes={name: _recorded(fields) for name, fields in raw["processes"].items()},
    )


def _recorded(fields: dict[str, Any]) -> Recorded:
    return Recorded(
        **{**fields, "wrapper": Identity(**fields["wrapper"]), "main": Identity(**fields["main"])},
    )


def running(profile: Profile) -> State | None:
    """The record of a profile whose owner is alive."""
    state = read(profile)
    return state if state is not None and state.owner.is_alive else None


def forget(profile: Profile) -> None:
    profile.state_file.unlink(missing_ok=True)


def acquire(profile: Profile) -> IO[str]:
    """Become the profile's owner until the returned file is closed or this process dies.

    Raises AlreadyRunning when another process is.
    """
    profile.directory.mkdir(parents=True, exist_ok=True)
    lock = (profile.directory / "lock").open("a+")
    end = time.monotonic() + RELEASED_WITHIN_SECONDS
    while not _is_locked_now(lock):
        # The kernel may need a moment to release what a killed owner held.
        if running(profile) is not None or time.monotonic() > end:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise AlreadyRunning(
                f"The servers of the profile {profile.name!r} are held by process {holder}; "
                f"end it, or for a supervisor: python3 -m deploy.local down --profile {profile.written}"
            )
        time.sleep(0.05)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _is_locked_now(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def end_leftovers(profile: Profile) -> list[str]:
    """End what a killed owner left behind, by number and start time; returns the names. Only for the lock's holder."""
    state = read(profile)
    if state is None:
        return []
    left = {
        identity: recorded.name
        for recorded in state.processes.values()
        for identity in (recorded.main, recorded.wrapper)
        if identity.is_alive
    }
    for identity in left:
        identity.send(signal.SIGKILL)
    for identity in left:
        identity.wait_ended(10)
    forget(profile)
    return sorted(set(left.values()))


def log_files(profile: Profile) -> list[Path]:
    return sorted(profile.logs.glob("*.log"))
