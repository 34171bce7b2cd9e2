"""Where things are: profiles with their data folders and ports. Standard library only: it is read before set-up.

A profile is one independent stack of servers and services. Its data lies in `.local/<profile>/`, its ports in a
block of a hundred, so that tests never disturb a running demo.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES = ("identity", "catalog", "tickets", "notifier", "portal", "meters", "knowledge")
PROFILES = ("dev", "test", "bench", "faults", "soak")
PORTS_SETTING = "PORTS"
FIRST_PORT = 8100
PORTS_PER_PROFILE = 100

OFFSETS: Mapping[str, int] = {
    "portal": 0,
    "identity": 1,
    "catalog": 2,
    "tickets": 3,
    "notifier": 4,
    "meters": 5,
    "knowledge": 6,
    "mail": 10,
    "smtp": 11,
    "grafana": 12,
    "kafka": 20,
    "kafka-controller": 21,
    "postgres": 22,
    "ferretdb": 23,
    "ferretdb-debug": 24,
}
FIRST_REPLICA_OFFSET = 30


@dataclass(frozen=True)
class Profile:
    """One stack: its name, the first of its hundred ports, and where its data lies."""

    name: str
    first_port: int
    directory: Path = field(default=Path())

    @classmethod
    def named(cls, name: str) -> "Profile":
        """A profile of the table; `PORTS=9100` in the environment moves all of them together."""
        base = int(os.environ.get(PORTS_SETTING) or FIRST_PORT)
        return cls.at(name, base + PORTS_PER_PROFILE * PROFILES.index(name))

    @classmethod
    def parse(cls, text: str) -> "Profile":
        """A profile as it is written on a command line: a name of the table, or `name:first-port` for one's own."""
        name, _, port = text.partition(":")
        if port.isdigit():
            return cls.at(name, int(port))
        if name not in PROFILES:
            raise ValueError(f"{text!r} is neither one of {', '.join(PROFILES)} nor name:first-port")
        return cls.named(name)

    @property
    def written(self) -> str:
        """What `parse` reads back."""
        return f"{self.name}:{self.first_port}"

    @classmethod
    def at(cls, name: str, first_port: int) -> "Profile":
        """A profile of one's own, for a test that needs a stack to itself."""
        return cls(name=name, first_port=first_port, directory=REPOSITORY / ".local" / name)

    def port(self, program: str) -> int:
        """The port of a program by name; replicas are asked for with `replica_port`."""
        return self.first_port + OFFSETS[program]

    def replica_port(self, service: str, instance: str) -> int:
        """The port of a further replica; instance "0" has the service's own port."""
        number = int(instance)
        if number == 0:
            return self.port(service)
        return self.first_port + FIRST_REPLICA_OFFSET + 10 * (number - 1) + OFFSETS[service]

    @property
    def keys(self) -> Path:
        """Passwords and keys generated for this profile, readable by their owner alone."""
        return self.directory / "keys"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def state_file(self) -> Path:
        """What runs, with process ids and start times, as JSON."""
        return self.directory / "state.json"

    @property
    def clock_offset_file(self) -> Path:
        """Seconds by which the product's clock differs from the machine's; development only."""
        return self.directory / "clock-offset"


def existing_services() -> tuple[str, ...]:
    """The services whose program exists in this tree."""
    return tuple(name for name in SERVICES if (REPOSITORY / "services" / name / "main.py").is_file())
