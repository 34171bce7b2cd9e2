"""Writes what was measured: docs/benchmarks.json with flat keys, docs/benchmarks.md for people."""

import json
import os
import platform
import timeit
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"

AIMS: Mapping[str, tuple[str, str]] = {
    "cpu_ms_per_ticket": (
        "≤ 13",
        "CPU of servers and services for a ticket, from the request until its mail is in the sink; without the load "
        "and the mail catcher",
    ),
    "wal_kb_per_ticket": ("≤ 45", "the store's write-ahead log for the same"),
    "store_calls_per_ticket": ("≤ 7", "questions and writes to the store for the same, pollers included"),
    "tickets_mailed_per_second": ("≥ 110", "tickets opened as fast as they are taken, until the last mail is there"),
    "command_vs_bare": (
        "",
        "tickets opened per second over HTTP, all services listening ÷ bare drivers at their leanest, same guarantee",
    ),
    "command_vs_bare_alone": (
        "≥ 0.45",
        "the same while notifier, catalog and portal are stopped: the command path by itself",
    ),
    "projection_vs_bare": ("≥ 0.8", "view updates per second ÷ bare getmany + bulk_write"),
    "lag_p50_ms": ("≤ 6", "HTTP 201 → record at an outside consumer, at half load, median"),
    "lag_p99_ms": ("≤ 50", "the same, 99th percentile"),
    "ticket_2000_vs_young": (
        "≤ 1.2",
        "an entry written and the newest line read, median, on a ticket of 2,000 entries ÷ on young ones",
    ),
    "import_devices_per_s": (
        "≥ 250",
        "20,000 devices with a contract line each through the back office's topic, until the catalog lists them",
    ),
    "search_20000_p95_ms": ("≤ 25", "searches in a list of 20,000 devices, one client"),
    "ticket_list_100000_vs_1000": ("≤ 1.3", "p95 of the newest 50 tickets of an account with 100,000 ÷ with 1,000"),
    "ticket_list_100000_p95_ms": ("≤ 15", "the newest 50 of 100,000, one client"),
    "ticket_search_p95_ms": ("≤ 40", "searches among 100,000 tickets: frequent and rare words, a serial, a number"),
    "cost_100000_vs_young": ("≤ 1.2", "CPU for one more ticket with 100,000 in the store ÷ with the few of this run"),
    "home_p95_ms": ("≤ 80", "the portal's home, one client"),
    "ticket_page_p95_ms": ("≤ 60", "a ticket's page, one client"),
    "list_20000_vs_200": ("≤ 1.3", "p95 of the device list with 20,000 devices ÷ with 200"),
    "hidden_vs_unknown": ("0.9 to 1.1", "median time of a foreign object's 404 ÷ that of an unknown id's, by request"),
    "demo_cold_s": ("≤ 240", "`make demo` in a fresh clone with an empty cache of ours"),
    "demo_warm_s": ("≤ 30", "`make demo` again, after `make down`"),
}


def machine() -> dict[str, Any]:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {"cores": os.cpu_count(), "memory_gib": round(memory, 1), "cpu": model, "python": platform.python_version()}


def loop_ms() -> float:
    """How long a fixed piece of work takes this machine now, the best of three: hosts are shared, and hours differ."""
    return round(min(timeit.repeat("for n in range(1_000_000): x += n", "x = 0", number=1, repeat=3)) * 1000, 1)


def write(figures: Mapping[str, Any], *, loop: float) -> None:
    """Merge the figures of this run into the documents; figures that were not measured now keep their last value.

    `loop` is `loop_ms` before the run.
    """
    path = DOCS / "benchmarks.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    now = {"at": datetime.now(UTC).isoformat(timespec="minutes"), "loop_ms": loop}
    known |= {**figures, "machine": machine()}
    known["measured"] = known.get("measured", {}) | dict.fromkeys(figures, now)
    DOCS.mkdir(exist_ok=True)
    path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    (DOCS / "benchmarks.md").write_text(_page(known))


def _page(figures: Mapping[str, Any]) -> str:
    where = figures["machine"]
    rows = [
        f"| `{key}` | {figures.get(key, 'not measured')} | {aim} | {_hour(figures, key)} | {meaning} |"
        for key, (aim, meaning) in AIMS.items()
    ]
    rows += [
        f"| `rss_mb.{name}` | {value} | ≤ 110 | {_hour(figures, 'rss_mb')} | memory of the process after the load |"
        for name, value in sorted(figures.get("rss_mb", {}).items())
    ]
    further = [
        f"| `{key}` | {value} |"
        for key, value in sorted(figures.items())
        if key not in AIMS and key not in ("rss_mb", "machine", "measured")
    ]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench`. Ratios compare two sides of one run; absolute figures depend on the machine, and",
            "on its hour: each figure says when it was measured (UTC), and how long a fixed loop in Python took then",
            "(a million additions). [costs.md](costs.md) tells what they mean: what a ticket costs, what the limit is,",
            "and what would be next.",
            "",
            f"Machine: {where['cores']} cores ({where['cpu']}), {where['memory_gib']} GiB, Python {where['python']}; "
            "servers, services and load share it.",
            "",
            "| figure | measured | aim | when, and the loop | what it is |",
            "| --- | ---: | ---: | ---: | --- |",
            *rows,
            "",
            "## Behind the ratios",
            "",
            "| figure | measured |",
            "| --- | ---: |",
            *further,
            "",
        ]
    )


def _hour(figures: Mapping[str, Any], key: str) -> str:
    measured = figures["measured"].get(key)
    return f"{measured['at'][:16].replace('T', ' ')}, {measured['loop_ms']} ms" if measured else ""
