"""FerretDB: the MongoDB protocol in front of PostgreSQL with DocumentDB."""

import pymongo
from pymongo.errors import PyMongoError

from deploy.local import installations, keys
from deploy.local.environment import store_url
from deploy.local.layout import HOST, Profile
from deploy.local.process import Program


class FerretDB:
    """One profile's FerretDB."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._directory = profile.directory / "ferretdb"

    def program(self) -> Program:
        self._directory.mkdir(parents=True, exist_ok=True)
        # The password goes by file: a command line is readable by everybody on the machine.
        url = self._directory / "postgresql-url"
        url.touch(mode=0o600)
        password = keys.store_password(self._profile)
        port = self._profile.port("postgres")
        url.write_text(f"postgres://{keys.STORE_USER}:{password}@{HOST}:{port}/postgres?pool_max_conns=100")
        return Program(
            name="ferretdb",
            command=[
                str(installations.ferretdb_program()),
                f"--listen-addr={HOST}:{self._profile.port('ferretdb')}",
                f"--postgresql-url-file={url}",
                f"--state-dir={self._directory}",
                f"--debug-addr={HOST}:{self._profile.port('ferretdb-debug')}",
                *("--telemetry=disable", "--log-level=WARN"),
            ],
            port=self._profile.port("ferretdb"),
            further_ports={"ferretdb-debug": self._profile.port("ferretdb-debug")},
            ready=self.ready,
        )

    def ready(self) -> str | None:
        """None when the store answers, else what is wrong."""
        client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
            store_url(self._profile), serverSelectionTimeoutMS=1000, timeoutMS=3000
        )
        try:
            # A ping is answered without PostgreSQL; this question is not.
            client.list_database_names()
        except PyMongoError as failure:
            return str(failure).splitlines()[0]
        finally:
            client.close()
        return None
