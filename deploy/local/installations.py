"""What is fetched from package registries and built for the servers: jars, FerretDB, PostgreSQL, page assets.

Registries are reached through their ordinary clients with this machine's own configuration.
"""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.local import postgres_root, prerequisites
from deploy.local.cache import cached, fingerprint, is_complete
from deploy.local.commands import run
from deploy.local.layout import REPOSITORY
from deploy.local.needs import Needs
from deploy.local.prerequisites import Tool

KAFKA_POM = REPOSITORY / "deploy" / "kafka" / "pom.xml"
FERRETDB_MODULE = REPOSITORY / "deploy" / "ferretdb"
NPM_LOCK = REPOSITORY / "package-lock.json"

FOR_SERVERS = {"bwrap": ("bubblewrap",)}
FOR_BROWSER = {"chromium": ("chromium", "fonts-liberation", "fonts-dejavu-core")}


@dataclass(frozen=True)
class Installation:
    """One cached thing: its name, the inputs it is keyed by, the tools that build it, and how."""

    name: str
    inputs: tuple[Path | str, ...]
    tools: tuple[Tool, ...]
    title: str
    build: Callable[[Path], None]

    @property
    def key(self) -> str:
        return fingerprint(self.inputs)

    def ensure(self) -> Path:
        return cached(self.name, self.key, title=self.title, build=self.build)


def _fetch_kafka(directory: Path) -> None:
    run(
        [
            *("mvn", "-q", "-B", "-f", str(KAFKA_POM), "dependency:copy-dependencies"),
            *("-DincludeScope=runtime", f"-DoutputDirectory={directory / 'lib'}"),
        ]
    )


def _build_ferretdb(directory: Path) -> None:
    run(
        ["go", "build", "-trimpath", "-o", str(directory / "ferretdb"), "github.com/FerretDB/FerretDB/v2/cmd/ferretdb"],
        where=FERRETDB_MODULE,
    )


def _fetch_assets(directory: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(REPOSITORY / name, directory / name)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], where=directory)


KAFKA = Installation("kafka", (KAFKA_POM,), (prerequisites.MAVEN,), "Apache Kafka's jars", _fetch_kafka)
FERRETDB = Installation(
    "ferretdb",
    (FERRETDB_MODULE / "go.mod", FERRETDB_MODULE / "go.sum"),
    (prerequisites.GO,),
    "FerretDB, compiled (a minute)",
    _build_ferretdb,
)
POSTGRES = Installation(
    "postgres",
    (postgres_root.RECIPE, *postgres_root.PACKAGES),
    (prerequisites.APT,),
    "PostgreSQL with DocumentDB in a root of its own",
    postgres_root.build,
)
ASSETS = Installation(
    "assets", (NPM_LOCK,), (prerequisites.NODE, prerequisites.NPM), "page assets and test assets", _fetch_assets
)


def kafka_jars() -> Path:
    return KAFKA.ensure() / "lib"


def ferretdb_program() -> Path:
    return FERRETDB.ensure() / "ferretdb"


def postgres_directory() -> Path:
    return POSTGRES.ensure() / "root"


def assets_directory() -> Path:
    """The folder with `htmx.org`, `@picocss/pico` and `axe-core` in it."""
    return ASSETS.ensure() / "node_modules"


def chromium_program() -> str:
    """Chromium's path for the browser tests; Debian's package, installed when absent."""
    prerequisites.install_debian_packages(FOR_BROWSER)
    return shutil.which("chromium") or "/usr/bin/chromium"


def check_prerequisites(wanted: Needs) -> None:
    """Check only the tools that are still needed: a machine with a filled cache needs no Maven and no Go."""
    missing = [item for item in _installations(wanted) if not is_complete(item.name, item.key)]
    tools = [tool for item in missing for tool in item.tools]
    if Needs.SERVERS in wanted and (missing or shutil.which(prerequisites.JAVA.program) is None):
        tools.append(prerequisites.JAVA)
    prerequisites.check(dict.fromkeys(tools))


def ensure_all(wanted: Needs, *, python_environment: Callable[[], object]) -> None:
    """Fetch and build what is wanted, side by side; Debian packages meanwhile, one `apt-get` at a time."""
    packages = {
        **(FOR_SERVERS if Needs.SERVERS in wanted else {}),
        **(FOR_BROWSER if Needs.BROWSER in wanted else {}),
    }
    jobs: list[Callable[[], object]] = [item.ensure for item in _installations(wanted)]
    jobs += [python_environment, lambda: prerequisites.install_debian_packages(packages)]
    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        for running in [pool.submit(job) for job in jobs]:
            running.result()


def _installations(wanted: Needs) -> list[Installation]:
    return [
        *((FERRETDB, POSTGRES, KAFKA) if Needs.SERVERS in wanted else ()),
        *((ASSETS,) if Needs.ASSETS in wanted else ()),
    ]
