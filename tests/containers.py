"""The servers of a test run as containers, where a Docker engine answers: real MongoDB and the official Kafka image.

Same interface, same ports and same keys as `deploy.local.servers.Servers`, so that fixtures need not know. The
services and the mail catcher run as processes here too. Not run on the development machine, which has no engine.
"""

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from testcontainers.core.container import DockerContainer

from deploy.local import compose, docker, keys
from deploy.local.errors import NotReady
from deploy.local.ferretdb import FerretDB
from deploy.local.kafka import Kafka
from deploy.local.layout import HOST, Profile
from deploy.local.progress import step
from deploy.local.servers import Servers

KAFKA_IMAGE = "apache/kafka:4.1.1"
MONGO_IMAGE = "mongo:8"
READY_SECONDS = 120.0
STORE_NAMES = ("ferretdb", "postgres")


def servers_for(profile: Profile, **options: Any) -> Servers:
    """The servers of a profile: containers where an engine answers, else processes of this machine."""
    return ContainerServers(profile, **options) if docker.engine_answers() else Servers(profile, **options)


class ContainerServers(Servers):
    """As Servers; `kafka` is a container, and the names `postgres` and `ferretdb` both mean MongoDB's."""

    def __init__(self, profile: Profile, **options: Any) -> None:
        super().__init__(profile, **options)
        self._containers: dict[str, Any] = {}

    def stop(self) -> None:
        super().stop()
        for container in self._containers.values():
            container.stop()
        self._containers.clear()

    def is_running(self, name: str) -> bool:
        container = self._containers.get(_container_name(name))
        if container is None:
            return super().is_running(name)
        wrapped = container.get_wrapped_container()
        wrapped.reload()
        return bool(wrapped.status == "running")

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        container = self._containers.get(_container_name(name))
        if container is None:
            super().kill(name, number)
        else:
            container.get_wrapped_container().kill(signal=signal.Signals(number).name)

    def stop_program(self, name: str) -> None:
        container = self._containers.get(_container_name(name))
        if container is None:
            super().stop_program(name)
        else:
            container.get_wrapped_container().stop()

    def restart(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        container = self._containers.get(_container_name(name))
        if container is None:
            super().restart(name, environment)
        else:
            container.get_wrapped_container().restart()
            self._wait(_container_name(name))

    def _start_store(self) -> None:
        with step("MongoDB in a container", announce=False):
            container = DockerContainer(MONGO_IMAGE).with_bind_ports(27017, self._on_loopback("ferretdb"))
            container.with_env("MONGO_INITDB_ROOT_USERNAME", keys.STORE_USER)
            container.with_env("MONGO_INITDB_ROOT_PASSWORD", keys.store_password(self.profile))
            self._containers["mongo"] = container.start()
            self._wait("mongo")

    def _start_broker(self) -> None:
        with step("Kafka in a container", announce=False):
            directory = compose.write_files(self.profile) / "kafka"
            container = DockerContainer(KAFKA_IMAGE).with_bind_ports(8120, self._on_loopback("kafka"))
            container.with_volume_mapping(str(directory), "/lockstep", "rw")
            container.with_env("LOG_DIR", "/tmp")
            container.with_kwargs(
                user=f"{os.getuid()}:{os.getgid()}", entrypoint=["/bin/bash", "/lockstep/start-kafka.sh"]
            )
            self._containers["kafka"] = container.start()
            self._wait("kafka")
        with step("topics, users and rights", announce=False):
            Kafka(self.profile).apply_topics()

    def _on_loopback(self, name: str) -> Any:
        """Docker takes an address with the port; testcontainers hands it on, though its types know only the port."""
        return (HOST, self.profile.port(name))

    def _wait(self, name: str) -> None:
        ready = Kafka(self.profile).ready if name == "kafka" else FerretDB(self.profile).ready
        end = time.monotonic() + READY_SECONDS
        while (missing := ready()) is not None:
            if time.monotonic() > end:
                raise NotReady(f"the container {name} was not ready after {READY_SECONDS:.0f} s: {missing}")
            time.sleep(0.1)


def _container_name(name: str) -> str:
    return "mongo" if name in STORE_NAMES else name
