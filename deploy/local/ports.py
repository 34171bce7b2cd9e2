"""Who holds a port: asked before anything starts, so that the error names the culprit and not a stack trace."""

import socket
from collections.abc import Mapping
from pathlib import Path

from deploy.local.errors import PortInUse
from deploy.local.layout import FIRST_PORT, HOST, PORTS_PER_PROFILE, PORTS_SETTING, PROFILES, Profile

LISTENING = "0A"


def check_free(profile: Profile, ports: Mapping[str, int]) -> None:
    """Raise PortInUse naming every taken port, its owner where visible, and the setting that changes it."""
    taken = [
        f"  - port {port} ({program}) is in use by {owner_of(port)}"
        for program, port in ports.items()
        if is_taken(port)
    ]
    if taken:
        raise PortInUse(
            f"Ports of the profile {profile.name!r} are in use:\n"
            + "\n".join(taken)
            + f"\nEnd that program, or move all ports: {PORTS_SETTING}=9100 make … "
            f"({PORTS_SETTING} is {FIRST_PORT} by default; each of the profiles {', '.join(PROFILES)} "
            f"takes the next {PORTS_PER_PROFILE})."
        )


def is_taken(port: int) -> bool:
    """Whether somebody listens on the port (a connection that is just being closed does not count)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def owner_of(port: int) -> str:
    """The process that listens on a port: its number and command, as far as this user may see it."""
    sockets = _listening_sockets(port)
    for process in Path("/proc").glob("[0-9]*"):
        if _open_sockets(process) & sockets:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            return f"process {process.name} ({command[:80]})"
    return "a process of another user"


def _listening_sockets(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.is_file():
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found


def _open_sockets(process: Path) -> set[str]:
    found = set()
    try:
        for descriptor in (process / "fd").iterdir():
            found.add(str(descriptor.readlink()))
    except OSError:
        # It ended while we looked, or belongs to another user.
        return found
    return found
