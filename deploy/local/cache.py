"""What is fetched or built once per user and shared by all clones: `${XDG_CACHE_HOME:-~/.cache}/lockstep`.

Each entry is named after its inputs, so a changed input makes a new entry and never alters an old one.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.local.progress import step

COMPLETE = ".complete"


def cache_directory() -> Path:
    """The folder of all entries, made on first use."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    directory = Path(home) / "lockstep"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def fingerprint(inputs: Iterable[Path | str]) -> str:
    """A short name for the contents of files and for texts, in their order."""
    digest = hashlib.sha256()
    for item in inputs:
        digest.update(item.read_bytes() if isinstance(item, Path) else item.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def entry(name: str, key: str) -> Path:
    return cache_directory() / f"{name}-{key}"


def is_complete(name: str, key: str) -> bool:
    return (entry(name, key) / COMPLETE).is_file()


def cached(name: str, key: str, *, title: str, build: Callable[[Path], None]) -> Path:
    """Return the entry's folder, building it when absent.

    Two runs at once build it once: the second waits. A build that was interrupted is begun anew.
    """
    target = entry(name, key)
    if is_complete(name, key):
        return target
    with (cache_directory() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_complete(name, key):
            return target
        with step(title):
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            build(target)
            (target / COMPLETE).touch()
    return target
