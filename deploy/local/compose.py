"""The same stack with a Docker engine: writes what `deploy/compose.yaml` reads, then runs it.

Not run on the development machine, which has no engine; a test checks what is written.
"""

import os
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from deploy.local import keys
from deploy.local.docker import compose
from deploy.local.environment import Places, service_environment, service_url
from deploy.local.kafka_settings import Listener, settings
from deploy.local.layout import HOST, Profile

SERVICES = ("identity", "catalog", "tickets", "notifier", "portal")
PUBLISHED = ("portal", "identity", "catalog", "tickets", "notifier", "mail", "grafana", "kafka")
IN_CONTAINER = Path("/lockstep")

START_KAFKA = """\
set -e
kafka=/opt/kafka/bin
$kafka/kafka-storage.sh format --standalone --ignore-formatted --cluster-id="$(cat /lockstep/cluster-id)" \\
    -c /lockstep/server.properties --add-scram "SCRAM-SHA-512=[name=admin,password=$(cat /lockstep/admin-password)]"
exec $kafka/kafka-server-start.sh /lockstep/server.properties
"""


def up(profile: Profile) -> int:
    """Build the image, start everything, wait until it is healthy; returns compose's exit code."""
    write_files(profile)
    return compose("up", "--detach", "--build", "--wait", environment=variables(profile))


def variables(profile: Profile) -> dict[str, str]:
    """What compose puts into its file: the ports of the profile, and the user that may read its keys."""
    ports = {f"LOCKSTEP_{name.upper()}_PORT": str(profile.port(name)) for name in PUBLISHED}
    return {
        **ports,
        "LOCKSTEP_MONGO_PORT": str(profile.port("ferretdb")),
        "LOCKSTEP_USER": f"{os.getuid()}:{os.getgid()}",
    }


def write_files(profile: Profile) -> Path:
    """Write the environment of each service and the broker's settings; returns their folder."""
    keys.ensure_keys(profile)
    directory = profile.directory / "compose"
    kafka = directory / "kafka"
    kafka.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    inside = Profile(profile.name, profile.first_port, IN_CONTAINER / ".local" / profile.name)
    places = Places(
        store_url=f"mongodb://{keys.STORE_USER}:{keys.store_password(profile)}@mongo:27017/",
        bootstrap="kafka:9092",
        smtp_host="mail",
        smtp_port=2525,
        services={name: f"http://{name}:8000" for name in SERVICES},
        public_url=service_url(profile, "portal"),
        profile=inside,
        assets=Path("/assets"),
    )
    for service in SERVICES:
        password = keys.broker_password(profile, service)
        environment = service_environment(places, service, broker_password=password)
        (directory / f"{service}.env").write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    admin_password = keys.broker_password(profile, "admin")
    (kafka / "server.properties").write_text(
        settings(
            {
                "CLIENT": Listener(bound="0.0.0.0:9092", advertised="kafka:9092"),
                # The demo and the tests run beside the containers and reach the broker here.
                "OUTSIDE": Listener(bound="0.0.0.0:8120", advertised=f"{HOST}:{profile.port('kafka')}"),
            },
            controller="127.0.0.1:9093",
            data="/lockstep/data",
            admin_password=admin_password,
            controller_password=keys.broker_password(profile, "controller"),
        )
    )
    (kafka / "start-kafka.sh").write_text(START_KAFKA)
    (kafka / "admin-password").write_text(admin_password)
    cluster = kafka / "cluster-id"
    if not cluster.is_file():
        cluster.write_text(urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))
    return directory
