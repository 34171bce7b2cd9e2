"""What the machine must bring, checked before anything is fetched, all of it in one go."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deploy.local.commands import run
from deploy.local.errors import CommandFailed, PrerequisiteMissing
from deploy.local.progress import step

PYTHON = (3, 11)
ONE_APT_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Tool:
    """A program, how it tells its version, the oldest that will do, and where Debian has it."""

    program: str
    arguments: tuple[str, ...]
    pattern: str
    oldest: tuple[int, ...]
    debian: str


JAVA = Tool("java", ("-version",), r'version "(\d+)(?:\.(\d+))?', (17,), "openjdk-17-jre-headless")
MAVEN = Tool("mvn", ("-v",), r"Maven (\d+)\.(\d+)", (3, 6), "maven")
GO = Tool("go", ("version",), r"go(\d+)\.(\d+)", (1, 24), "golang-1.24-go, or a newer one from backports")
NODE = Tool("node", ("--version",), r"v(\d+)", (20,), "nodejs")
NPM = Tool("npm", ("--version",), r"(\d+)\.", (9,), "npm")
APT = Tool("apt-get", ("--version",), r"apt (\d+)", (2,), "apt")


def problem_with(tool: Tool) -> str | None:
    """Say what is wrong with a tool on this machine, or nothing when it will do."""
    wanted = ".".join(str(part) for part in tool.oldest)
    if shutil.which(tool.program) is None:
        return f"{tool.program} is not installed (needed: {wanted} or newer; Debian package: {tool.debian})"
    try:
        told = run([tool.program, *tool.arguments], seconds=60)
    except CommandFailed as failure:
        return f"{tool.program} does not run: {failure}"
    found = re.search(tool.pattern, told)
    if found is None:
        return f"{tool.program} does not tell a version that can be read"
    version = tuple(int(part) for part in found.groups() if part is not None)
    if version < tool.oldest:
        have = ".".join(str(part) for part in version)
        return f"{tool.program} is {have}, needed is {wanted} or newer (Debian package: {tool.debian})"
    return None


def check(tools: Iterable[Tool]) -> None:
    """Raise PrerequisiteMissing with one line per tool that is absent or too old."""
    wrong = [] if sys.version_info >= PYTHON else ["Python is too old: 3.11 or newer is needed (python3.11)"]
    wrong += [problem for tool in tools if (problem := problem_with(tool)) is not None]
    if wrong:
        lines = "\n".join(f"  - {problem}" for problem in wrong)
        raise PrerequisiteMissing(f"This machine lacks what set-up needs:\n{lines}")


def install_debian_packages(programs: Mapping[str, tuple[str, ...]]) -> None:
    """Install Debian packages for the programs that are absent (program → packages); nothing when all are there.

    Needs root, or sudo without a password; otherwise PrerequisiteMissing names the command to run.
    """
    absent = [program for program in programs if shutil.which(program) is None]
    if not absent:
        return
    packages = [package for program in absent for package in programs[program]]
    with ONE_APT_AT_A_TIME, step(f"Debian packages {' '.join(packages)}"):
        prefix = _as_root(packages)
        _apt_get(prefix, "update")
        _apt_get(prefix, "install", "-y", "--no-install-recommends", *packages)


def refresh_package_lists() -> None:
    """Fetch apt's package lists: on a fresh machine apt knows no mirror before that."""
    with ONE_APT_AT_A_TIME:
        _apt_get(_as_root([]), "update")


def _apt_get(prefix: list[str], *arguments: str) -> None:
    run([*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", *arguments])


def _as_root(packages: list[str]) -> list[str]:
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0
    ):
        return ["sudo", "-n"]
    wanted = f"apt-get install {' '.join(packages)}" if packages else "apt-get update"
    raise PrerequisiteMissing(f"This needs root, please run it once:\n  sudo {wanted}")
