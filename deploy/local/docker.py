"""With a Docker engine the demo's stack runs by compose. Standard library only: it is asked before set-up."""

import shutil
import subprocess

from deploy.local.layout import REPOSITORY

COMPOSE = REPOSITORY / "deploy" / "compose.yaml"
COMMANDS = ("up", "demo", "down", "status", "logs")
ENGINE_SECONDS = 5


def engine_answers() -> bool:
    """Whether a Docker engine serves here; a client alone says nothing, so the engine itself is asked."""
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(
            ["docker", "info", "--format", "{{.ServerVersion}}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ENGINE_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        return False
    return asked.returncode == 0 and asked.stdout.strip() != b""


def compose(*arguments: str) -> int:
    """Run `docker compose` on the stack's file with its output on the terminal; returns its exit code."""
    return subprocess.run(["docker", "compose", "-f", str(COMPOSE), *arguments], cwd=REPOSITORY, check=False).returncode
