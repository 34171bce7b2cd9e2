"""Apache Kafka as one node, broker and controller in one process, with SCRAM users and access rights."""

import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from confluent_kafka import KafkaException

from deploy.broker_setup import Applied, admin_client, apply
from deploy.local import installations, keys
from deploy.local.commands import run
from deploy.local.environment import broker_bootstrap
from deploy.local.layout import HOST, Profile
from deploy.local.process import Program
from deploy.topics import PRINCIPALS

MEASURED = ("bench", "soak")
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller_port}
controller.listener.names=CONTROLLER
listeners=CLIENT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=CLIENT://{host}:{port},CONTROLLER://{host}:{controller_port}
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={plain} required username="controller" password="{controller}" \
user_controller="{controller}";
listener.name.client.scram-sha-512.sasl.jaas.config={scram} required username="admin" password="{admin}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:controller
allow.everyone.if.no.acl.found=false
# A user that was deleted must not stay in on a connection that is already open.
connections.max.reauth.ms=300000
auto.create.topics.enable=false
log.dirs={data}
message.max.bytes=1048576
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
offsets.retention.minutes=129600
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
# A broker killed hard checks its logs at the next start; two threads do it in half the time.
num.recovery.threads.per.data.dir=2
"""

LOGGING = """\
status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
# Failed logins are told here, at info; for a client a wrong password looks like an absent broker.
logger.network.name = org.apache.kafka.common.network.Selector
logger.network.level = info
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


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
        self._settings.touch(mode=0o600)
        self._settings.write_text(
            SETTINGS.format(
                host=HOST,
                port=self._profile.port("kafka"),
                controller_port=self._profile.port("kafka-controller"),
                scram=SCRAM,
                plain=PLAIN,
                admin=keys.broker_password(self._profile, "admin"),
                controller=keys.broker_password(self._profile, "controller"),
                data=self._data,
            )
        )
        self._logging.write_text(LOGGING)
        if not (self._data / "meta.properties").is_file():
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            password = keys.broker_password(self._profile, "admin")
            run(
                [
                    *self._java("-XX:TieredStopAtLevel=1"),
                    *("kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted"),
                    f"--cluster-id={cluster}",
                    *("-c", str(self._settings)),
                    *("--add-scram", f"SCRAM-SHA-512=[name=admin,password={password}]"),
                ]
            )

    def program(self) -> Program:
        return Program(
            name="kafka",
            command=[*self._java(*self._tuning()), "kafka.Kafka", str(self._settings)],
            port=self._profile.port("kafka"),
            further_ports={"kafka-controller": self._profile.port("kafka-controller")},
            ready=self._ready,
        )

    def apply_topics(self) -> Applied:
        """Create topics, users and rights as the table in `deploy/topics.py` has them."""
        admin = admin_client(broker_bootstrap(self._profile), keys.broker_password(self._profile, "admin"))
        return apply(admin, {name: keys.broker_password(self._profile, name) for name in PRINCIPALS})

    def _ready(self) -> str | None:
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
        jars: Path = installations.kafka_jars()
        logging = f"-Dlog4j2.configurationFile={self._logging}"
        return ["java", *options, logging, "-cp", f"{jars}/*"]
