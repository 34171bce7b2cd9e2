"""Lint, types, layers, tests: the same steps for a developer and for the integration run."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.layout import REPOSITORY
from deploy.local.progress import say

PROGRAMS = Path(sys.executable).parent
TYPED = ("services", "shared", "deploy", "tests")
FIRST = ("unit", "contracts")
LAST = ("service", "flows", "browser", "abuse", "faults")
ASKED_FOR = ("bench", "soak", "support")


def lint() -> int:
    """Style, format and the rules of who may import whom."""
    return (
        _run("ruff", "check", ".")
        or _run("ruff", "format", "--check", ".")
        or _run("lint-imports", "--config=pyproject.toml")
    )


def types() -> int:
    return _run("mypy", *(name for name in TYPED if any((REPOSITORY / name).rglob("*.py"))))


def tests(further: Sequence[str], *, times: int = 1) -> int:
    """Run pytest in its order, or only what is named. Its closing line is the last that is printed.

    `times` multiplies what the hostile run tries.
    """
    chosen = list(further) or [f"tests/{name}" for name in _folders()]
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.timings", *chosen]
    return subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "LOCKSTEP_ABUSE": str(times)}, check=False
    ).returncode


def _folders() -> list[str]:
    """Folders of tests: quick ones first, those that break servers last."""
    there = sorted(
        {path.relative_to(REPOSITORY / "tests").parts[0] for path in (REPOSITORY / "tests").rglob("test_*.py")}
    )
    between = [name for name in there if name not in (*FIRST, *LAST, *ASKED_FOR)]
    return [name for name in (*FIRST, *between, *LAST) if name in there]


def _run(program: str, *arguments: str) -> int:
    begun = time.monotonic()
    done = subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    title = " ".join((program, *arguments))
    if done.returncode != 0:
        say(done.stdout.rstrip())
    say(f"  {'✓' if done.returncode == 0 else '✗'}  {title} ({time.monotonic() - begun:.1f} s)")
    return done.returncode
