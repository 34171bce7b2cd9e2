"""The locked Python environment, built once per lock file and linked to `.venv`."""

import ast
import os
import sys
from pathlib import Path

from deploy.local.cache import cached, fingerprint
from deploy.local.commands import run
from deploy.local.errors import CommandFailed
from deploy.local.layout import REPOSITORY
from deploy.local.prerequisites import install_debian_packages
from deploy.local.progress import say

LOCK = REPOSITORY / "requirements-dev.txt"
UV_LOCK = REPOSITORY / "requirements-uv.txt"
LINK = REPOSITORY / ".venv"

# pip's own settings → the same for uv, which does not read pip's configuration.
UV_SETTINGS = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}


def key() -> str:
    return fingerprint([LOCK, sys.version, sys.executable, "with bytecode"])


def ensure() -> Path:
    """Return the interpreter of the locked environment, building it when the lock file is new."""
    directory = cached("venv", key(), title="Python environment from the lock file", build=_build)
    if not LINK.is_symlink() or LINK.readlink() != directory:
        fresh = LINK.with_name(".venv-next")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(directory)
        fresh.replace(LINK)
    return LINK / "bin" / "python"


def _build(directory: Path) -> None:
    try:
        run([sys.executable, "-m", "venv", str(directory)])
    except CommandFailed:
        # Debian ships the venv module's pip in a package of its own.
        install_debian_packages({"the venv module": ("python3-venv",)})
        run([sys.executable, "-m", "venv", "--clear", str(directory)])
    python = str(directory / "bin" / "python")
    locked = ["--require-hashes", "-r", str(LOCK)]
    try:
        run([python, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", str(UV_LOCK)])
        run(
            # Else each process compiles what it imports, where the machine does not let Python keep that.
            [str(directory / "bin" / "uv"), "pip", "install", "-q", "--compile-bytecode", "--python", python, *locked],
            environment=_uv_environment(python),
        )
    except CommandFailed as failure:
        say(f"     uv could not install ({str(failure).splitlines()[-1].strip()}); pip does it, more slowly")
        run([python, "-m", "pip", "install", "-q", *locked])


def _uv_environment(python: str) -> dict[str, str]:
    settings: dict[str, str] = {}
    for line in run([python, "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        setting = UV_SETTINGS.get(name.rpartition(".")[2])
        if setting is not None and setting not in os.environ:
            settings[setting] = str(ast.literal_eval(value))
    return settings
