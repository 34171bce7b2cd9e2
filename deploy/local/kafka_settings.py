"""The broker's settings file: the same for the jars on this machine and for the official image in a container."""

from collections.abc import Mapping
from dataclasses import dataclass

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={controller}
controller.listener.names=CONTROLLER
listeners={bound},CONTROLLER://{controller}
advertised.listeners={advertised},CONTROLLER://{controller}
inter.broker.listener.name={first}
listener.security.protocol.map={protocols},CONTROLLER:SASL_PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={plain} required username="controller" \
password="{controller_password}" user_controller="{controller_password}";
{logins}
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


@dataclass(frozen=True)
class Listener:
    """Where the broker listens, and the address that it tells its clients for that."""

    bound: str
    advertised: str


def settings(
    listeners: Mapping[str, Listener], *, controller: str, data: str, admin_password: str, controller_password: str
) -> str:
    """The file's text; brokers talk to each other over the first listener. It holds passwords: mode 0600."""
    login = (
        'listener.name.{name}.scram-sha-512.sasl.jaas.config={scram} required username="admin" password="{password}";'
    )
    return SETTINGS.format(
        first=next(iter(listeners)),
        bound=",".join(f"{name}://{listener.bound}" for name, listener in listeners.items()),
        advertised=",".join(f"{name}://{listener.advertised}" for name, listener in listeners.items()),
        protocols=",".join(f"{name}:SASL_PLAINTEXT" for name in listeners),
        logins="\n".join(login.format(name=name.lower(), scram=SCRAM, password=admin_password) for name in listeners),
        plain=PLAIN,
        controller=controller,
        controller_password=controller_password,
        data=data,
    )
