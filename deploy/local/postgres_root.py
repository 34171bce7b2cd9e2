"""PostgreSQL 18 with DocumentDB from Debian forky, unpacked into a root of its own beside the machine's release.

Mixing releases would break the machine, so nothing is installed: apt resolves and fetches the packages into a
private folder, `dpkg-deb` unpacks them, and no maintainer script runs. This needs no root.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.commands import run
from deploy.local.errors import PrerequisiteMissing
from deploy.local.prerequisites import refresh_package_lists

RELEASE = "forky"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = (
    "dash",
    "coreutils",
    "postgresql-18",
    "postgresql-18-documentdb",
    "postgresql-18-postgis-3",
    "postgresql-18-cron",
    "postgresql-18-pgvector",
    "postgresql-18-rum",
)
RECIPE = "2"  # to be raised when the steps below change, so that nobody keeps a root of the older kind
USER_ID = 1000

# Hooks of the machine's own apt configuration must not run for a root that is not the machine.
APT_CONFIGURATION = """\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::State "{work}/state";
Dir::State::status "{work}/state/status";
Dir::Cache "{work}/cache";
Dir::Etc::sourcelist "{work}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
"""


def build(directory: Path) -> None:
    """Make `directory/root`; the packages' mirror is the one that this machine's apt uses."""
    work = directory / "work"
    for name in ("state/lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True)
    # No package counts as installed. apt puts its lock beside this file, so it must lie where anybody may write.
    (work / "state" / "status").touch()
    (work / "apt.conf").write_text(APT_CONFIGURATION.format(work=work))
    (work / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {RELEASE} main\n")
    environment = {"APT_CONFIG": str(work / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], environment=environment)
    run(["apt-get", "install", "-y", "-qq", "--download-only", *PACKAGES], environment=environment)

    root = directory / "root"
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    archives = sorted((work / "cache" / "archives").glob("*.deb"))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(lambda archive: run(["dpkg-deb", "-x", str(archive), str(root)]), archives))
    versions = [archive.name for archive in archives if archive.name.startswith("postgresql-18")]
    (directory / "versions.txt").write_text("\n".join(versions) + "\n")
    _finish(root)
    shutil.rmtree(work)


def _mirror() -> str:
    if not KEYRING.is_file():
        raise PrerequisiteMissing(f"{KEYRING} is missing (Debian package: debian-archive-keyring)")
    found = _debian_site()
    if found is None:
        refresh_package_lists()
        found = _debian_site()
    if found is None:
        raise PrerequisiteMissing("apt is configured without a Debian mirror")
    return found


def _debian_site() -> str | None:
    for line in run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE)"]).splitlines():
        origin, _, site = line.partition(" ")
        if origin == "Debian" and not site.rstrip("/").endswith("-security"):
            return site
    return None


def _finish(root: Path) -> None:
    """Do what the maintainer scripts would have done, as far as PostgreSQL needs it."""
    for name in ("etc", "proc", "dev", "tmp", "data", "run"):
        (root / name).mkdir(exist_ok=True)
    etc = root / "etc"
    (etc / "passwd").write_text(f"postgres:x:{USER_ID}:{USER_ID}::/tmp:/bin/sh\n")
    (etc / "group").write_text(f"postgres:x:{USER_ID}:\n")
    # DocumentDB connects back to its own server by the name localhost.
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    (etc / "nsswitch.conf").write_text("hosts: files\n")
    control = root / "usr" / "share" / "postgresql" / "18" / "extension" / "postgis.control"
    if not control.exists():
        control.symlink_to("postgis-3.control")
