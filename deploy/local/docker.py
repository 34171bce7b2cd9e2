"""With a Docker engine the demo's stack runs by compose. Standard library only: it is asked before set-up."""

import os
import shutil
import subprocess
from collections.abc import Mapping

from deploy.local.layout import REPOSITORY

COMPOSE = REPOSITORY / "deploy" / "compose.yaml"
COMMANDS = ("up", "demo", "down", "status", "logs")
ENGINE_SECONDS = 5


def engine_answers() -> bool:
    """Whether a Docker engine with compose serves here; a client alone says nothing, so the engine itself is asked."""
    if shutil.which("docker") is None:
        return False
    return _answers("docker", "info", "--format", "{{.ServerVersion}}") and _answers("docker", "compose", "version")


def _answers(*command: str) -> bool:
    try:
        asked = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=ENGINE_SECONDS, check=False
        )
    except (subprocess.TimeoutExpired, OSError):
        return False
    return asked.returncode == 0 and asked.stdout.strip() != b""


def compose(*arguments: str, environment: Mapping[str, str] | None = None) -> int:
    """Run `docker compose` on the stack's file with its output on the terminal; returns its exit code."""
    command = ["docker", "compose", "-f", str(COMPOSE), *arguments]
    settings = {**os.environ, **(environment or {})}
    return subprocess.run(command, cwd=REPOSITORY, env=settings, check=False).returncode
