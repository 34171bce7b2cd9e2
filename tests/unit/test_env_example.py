"""`deploy/env.example` names every variable that the development stack sets."""

import re
from pathlib import Path

from deploy.local import compose, keys
from deploy.local.environment import local_places, service_environment
from deploy.local.layout import REPOSITORY, Profile


def test_every_variable_of_every_service_stands_in_the_example(tmp_path: Path) -> None:
    named = set(re.findall(r"^#?\s*(LOCKSTEP_\w+)=", (REPOSITORY / "deploy" / "env.example").read_text(), re.MULTILINE))
    profile = Profile("dev", 8100, tmp_path)
    keys.ensure_keys(profile)
    for service in compose.SERVICES:
        places = local_places(profile, Path("/assets"))
        assert set(service_environment(places, service, broker_password="x")) <= named, service
