"""Running other programs during set-up, quietly: their output is shown only when they fail."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.errors import CommandFailed

LINES_SHOWN = 25


def run(
    command: Sequence[str],
    *,
    where: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
    seconds: float = 900,
) -> str:
    """Run a program to its end and return what it printed.

    Raises CommandFailed with the command and its last lines when it cannot be started, fails or takes too long.
    """
    try:
        done = subprocess.run(
            command,
            cwd=where,
            env={**os.environ, **(environment or {})},
            input=stdin if stdin is not None else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError as missing:
        raise CommandFailed(f"{command[0]} is not installed") from missing
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(f"{' '.join(command)}\n  did not end within {seconds:.0f} s") from late
    if done.returncode != 0:
        last = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-LINES_SHOWN:])
        raise CommandFailed(f"{' '.join(command)}\n  ended with {done.returncode}:\n{last}")
    return done.stdout
