"""What the machine has spent so far: CPU by program, the store's log, calls at the store's door."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.request import urlopen

from deploy.local.layout import HOST, existing_services
from deploy.local.postgres import Postgres
from tests.support.stack import Stack

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PROGRAMS = ("postgres", "ferretdb", "kafka", "mail", *existing_services())
CALLS = re.compile(r"^ferretdb_pool_requests_total ([\d.e+]+)$", re.M)
"""Each command that is not about the connection alone is one request of FerretDB to PostgreSQL."""


@dataclass(frozen=True)
class Spent:
    """Sums since the start of the programs: CPU in milliseconds by program, kilobytes and records of write-ahead log,
    calls at the store's door."""

    cpu_ms: Mapping[str, float]
    wal_kb: float
    wal_records: float
    calls: float

    @classmethod
    def so_far(cls, stack: Stack) -> Self:
        log = "SELECT (pg_current_wal_lsn() - '0/0') / 1024.0, wal_records FROM pg_stat_wal"
        wal = Postgres(stack.profile).ask(log).split("|")
        return cls(
            {name: _cpu_ms(stack.servers.process_id(name)) for name in PROGRAMS},
            float(wal[0]),
            float(wal[1]),
            _calls(stack),
        )

    def since(self, before: Self) -> "Spent":
        return Spent(
            {name: ms - before.cpu_ms[name] for name, ms in self.cpu_ms.items()},
            self.wal_kb - before.wal_kb,
            self.wal_records - before.wal_records,
            self.calls - before.calls,
        )


def resident_mb(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return round(int(kilobytes) / 1024)


def _calls(stack: Stack) -> float:
    with urlopen(f"http://{HOST}:{stack.profile.port('ferretdb-debug')}/debug/metrics") as answer:
        found = CALLS.search(answer.read().decode())
    if found is None:
        raise RuntimeError("FerretDB does not say how often it was asked")
    return float(found[1])


def _cpu_ms(process_id: int) -> float:
    """Of a process and its descendants, also of those that have ended and were waited for."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        parents[int(directory.name)] = int(fields[1])
        ticks[int(directory.name)] = sum(map(int, fields[11:15]))
    own = {process_id}
    while found := {child for child, parent in parents.items() if parent in own} - own:
        own |= found
    return 1000 * sum(ticks[one] for one in own if one in ticks) / TICKS_PER_SECOND
