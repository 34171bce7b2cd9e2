"""PostgreSQL with DocumentDB, run in its private root by bubblewrap: the same way as root and as anybody else."""

import signal

from deploy.local import installations, keys
from deploy.local.commands import run
from deploy.local.errors import CommandFailed
from deploy.local.layout import HOST, Profile
from deploy.local.postgres_root import USER_ID
from deploy.local.process import Program

PROGRAMS = "/usr/lib/postgresql/18/bin"
INITIALISED = "initialised"

SETTINGS = """
listen_addresses = '{host}'
port = {port}
unix_socket_directories = '/run'
max_connections = 300
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb,pg_documentdb_extended_rum'
cron.database_name = 'postgres'
cron.log_run = off
cron.log_statement = off
documentdb.enableBackgroundWorkerJobs = true
shared_buffers = 256MB
max_wal_size = 2GB
log_min_messages = warning
# Documents of some kilobytes are compressed at every write, and none of the many short statements is worth compiling.
default_toast_compression = lz4
wal_compression = lz4
jit = off
{further}
"""

# Without the other index handler no sort but the one by _id uses an index; it must be set before any index is made.
STATEMENTS = (
    "CREATE EXTENSION IF NOT EXISTS documentdb CASCADE",
    "CREATE EXTENSION IF NOT EXISTS documentdb_extended_rum",
    "ALTER SYSTEM SET documentdb.alternate_index_handler_name = 'extended_rum'",
    "SELECT pg_reload_conf()",
)


class Postgres:
    """One profile's PostgreSQL."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._directory = profile.directory / "postgres"
        self._data = self._directory / "data"
        self._run = self._directory / "run"

    def prepare(self) -> None:
        """Write the settings and, for the first time, make the cluster."""
        for directory in (self._data, self._run):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
        password = keys.store_password(self._profile)
        passwords = self._run / "pgpass"
        passwords.touch(mode=0o600)
        passwords.write_text(f"*:*:*:{keys.STORE_USER}:{password}\n")
        if not (self._data / "PG_VERSION").is_file():
            run(
                [
                    *self._in_root("initdb", "-D", "/data", "-U", keys.STORE_USER, "-A", "scram-sha-256"),
                    *("--pwfile=/dev/stdin", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
                ],
                stdin=f"{password}\n",
            )
        # Tests throw their data away, so they need not wait for the disk; a killed process loses nothing even then.
        further = "fsync = off" if self._profile.name in ("test", "faults") else ""
        (self._data / "lockstep.conf").write_text(
            SETTINGS.format(host=HOST, port=self._profile.port("postgres"), further=further)
        )
        settings = self._data / "postgresql.conf"
        include = "include 'lockstep.conf'\n"
        if include not in settings.read_text():
            settings.write_text(settings.read_text() + include)

    def forget_stale_pid(self) -> None:
        """Remove the pid file of a server that was killed; called only when nothing of this profile runs."""
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def program(self) -> Program:
        return Program(
            name="postgres",
            command=self._in_root("postgres", "-D", "/data"),
            port=self._profile.port("postgres"),
            ready=self._ready,
            stop_signal=signal.SIGINT,
            main_pid=self._pid,
        )

    def install_extensions(self) -> None:
        """Make DocumentDB available; once per cluster."""
        done = self._directory / INITIALISED
        if not done.is_file():
            for statement in STATEMENTS:
                self.ask(statement)
            done.touch()

    def ask(self, statement: str) -> str:
        """What a statement answers: a line for each row, its fields parted by `|`."""
        return run(
            self._in_root(
                *("psql", "-h", "/run", "-p", str(self._profile.port("postgres")), "-v", "ON_ERROR_STOP=1"),
                *("-U", keys.STORE_USER, "-d", "postgres", "-qAtc", statement),
            )
        )

    def _ready(self) -> str | None:
        try:
            run(self._in_root("pg_isready", "-h", "/run", "-p", str(self._profile.port("postgres"))))
        except CommandFailed as failure:
            return str(failure).splitlines()[-1].strip()
        return None

    def _pid(self) -> int | None:
        try:
            return int((self._data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def _in_root(self, program: str, *arguments: str) -> list[str]:
        """The command for one of PostgreSQL's programs; `/data` and `/run` are this profile's folders."""
        user = str(USER_ID)
        return [
            *("bwrap", "--ro-bind", str(installations.postgres_directory()), "/"),
            *("--bind", str(self._data), "/data", "--bind", str(self._run), "/run"),
            *("--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
            *("--unshare-user", "--uid", user, "--gid", user, "--die-with-parent"),
            *("--setenv", "PGPASSFILE", "/run/pgpass"),
            *(f"{PROGRAMS}/{program}", *arguments),
        ]
