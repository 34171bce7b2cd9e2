"""The programs of a profile by name: three servers, the mail catcher, the services and their replicas."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from deploy.local import installations, keys
from deploy.local.environment import local_places, service_environment
from deploy.local.ferretdb import FerretDB
from deploy.local.kafka import Kafka
from deploy.local.layout import HOST, REPOSITORY, SERVICES, Profile
from deploy.local.postgres import Postgres
from deploy.local.process import Program

SERVERS = ("postgres", "ferretdb", "kafka", "mail")


def server_program(profile: Profile, name: str) -> Program:
    """One of the servers."""
    if name == "postgres":
        return Postgres(profile).program()
    if name == "ferretdb":
        return FerretDB(profile).program()
    if name == "kafka":
        return Kafka(profile).program()
    return _mail_program(profile)


def _mail_program(profile: Profile) -> Program:
    smtp, web = profile.port("smtp"), profile.port("mail")
    return Program(
        name="mail",
        command=[sys.executable, "-m", "deploy.local.mail_catcher", f"--smtp-port={smtp}", f"--web-port={web}"],
        port=web,
        further_ports={"smtp": smtp},
        environment={"PYTHONPATH": str(REPOSITORY)},
        ready=lambda: _asked(f"http://{HOST}:{web}/api/messages"),
    )


def service_program(
    profile: Profile, service: str, instance: str = "0", environment: Mapping[str, str] | None = None
) -> Program:
    """A service, or with an instance other than "0" a further replica of it, named `<service>-<instance>`."""
    port = profile.replica_port(service, instance)
    own = service_environment(
        local_places(profile, _assets(service)),
        service,
        broker_password=keys.broker_password(profile, service),
    )
    return Program(
        name=service if instance == "0" else f"{service}-{instance}",
        command=[sys.executable, "-m", "shared.serve", service, "--host", HOST, "--port", str(port)],
        port=port,
        environment={"PYTHONPATH": str(REPOSITORY), **own, **(environment or {})},
        ready=lambda: _asked(f"http://{HOST}:{port}/health/ready"),
    )


def program(profile: Profile, name: str) -> Program:
    """The program of a name as `status` shows it."""
    if name in SERVERS:
        return server_program(profile, name)
    service, _, instance = name.partition("-")
    if service not in SERVICES:
        raise KeyError(f"there is no program {name!r}; there are {', '.join((*SERVERS, *SERVICES))}")
    return service_program(profile, service, instance or "0")


def _assets(service: str) -> Path:
    return installations.assets_directory() if service == "portal" else Path()


def _asked(url: str) -> str | None:
    """None when the address answers with success, else what it answers."""
    try:
        with urlopen(url, timeout=3) as answer:
            answer.read()
    except HTTPError as refused:
        body = refused.read()[:300].decode(errors="replace")
        return f"{refused.code} {_reason(body)}"
    except (URLError, OSError) as failure:
        return str(getattr(failure, "reason", failure))
    return None


def _reason(body: str) -> str:
    try:
        return json.dumps(json.loads(body))
    except ValueError:
        return body
