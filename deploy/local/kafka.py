"""Apache Kafka as one node, broker and controller in one process, with SCRAM users and access rights."""

import uuid
from base64 import urlsafe_b64encode

from confluent_kafka import KafkaException

from deploy.broker_setup import Applied, admin_client, apply
from deploy.local import installations, keys
from deploy.local.commands import run
from deploy.local.environment import broker_bootstrap
from deploy.local.kafka_settings import LOGGING, Listener, settings
from deploy.local.layout import HOST, Profile
from deploy.local.process import Program
from deploy.topics import PRINCIPALS

MEASURED = ("bench", "soak")


class Kafka:
    """One profile's broker."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._directory = profile.directory / "kafka"
        self._settings = self._directory / "server.properties"
        self._logging = self._directory / "log4j2.properties"
        self._data = self._directory / "data"

    def prepare(self) -> None:
        """Write the settings and, for the first time, format the storage with the administrator's password."""
        self._directory.mkdir(parents=True, exist_ok=True)
        here = broker_bootstrap(self._profile)
        admin_password = keys.broker_password(self._profile, "admin")
        self._settings.touch(mode=0o600)
        self._settings.write_text(
            settings(
                {"CLIENT": Listener(bound=here, advertised=here)},
                controller=f"{HOST}:{self._profile.port('kafka-controller')}",
                data=str(self._data),
                admin_password=admin_password,
                controller_password=keys.broker_password(self._profile, "controller"),
            )
        )
        self._logging.write_text(LOGGING)
        if not (self._data / "meta.properties").is_file():
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            run(
                [
                    *self._java("-XX:TieredStopAtLevel=1"),
                    *("kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted"),
                    f"--cluster-id={cluster}",
                    *("-c", str(self._settings)),
                    *("--add-scram", f"SCRAM-SHA-512=[name=admin,password={admin_password}]"),
                ]
            )

    def program(self) -> Program:
        return Program(
            name="kafka",
            command=[*self._java(*self._tuning()), "kafka.Kafka", str(self._settings)],
            port=self._profile.port("kafka"),
            further_ports={"kafka-controller": self._profile.port("kafka-controller")},
            ready=self.ready,
        )

    def apply_topics(self) -> Applied:
        """Create topics, users and rights as the table in `deploy/topics.py` has them."""
        admin = admin_client(broker_bootstrap(self._profile), keys.broker_password(self._profile, "admin"))
        return apply(admin, {name: keys.broker_password(self._profile, name) for name in PRINCIPALS})

    def ready(self) -> str | None:
        """None when the broker answers the administrator, else what is wrong."""
        admin = admin_client(broker_bootstrap(self._profile), keys.broker_password(self._profile, "admin"))
        try:
            admin.list_topics(timeout=2)
        except KafkaException as failure:
            return str(failure.args[0])
        return None

    def _tuning(self) -> tuple[str, ...]:
        heap = ("-Xms256m", "-Xmx512m")
        # The second compiler pays off after minutes under load; without it Kafka serves two seconds sooner.
        return heap if self._profile.name in MEASURED else (*heap, "-XX:TieredStopAtLevel=1")

    def _java(self, *options: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._logging}"
        return ["java", *options, logging, "-cp", f"{installations.kafka_jars()}/*"]
