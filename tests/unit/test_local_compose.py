"""What is written for the stack in containers agrees with the file that starts it and with the local one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.local import compose, keys
from deploy.local.docker import COMPOSE
from deploy.local.environment import local_places, service_environment
from deploy.local.layout import Profile

SERVERS = {"kafka", "mongo", "topics", "mail"}
DASHBOARDS = {"prometheus", "grafana"}


@pytest.fixture
def written(tmp_path: Path) -> Iterator[tuple[Profile, Path]]:
    profile = Profile("dev", 8100, tmp_path / "dev")
    yield profile, compose.write_files(profile)


def test_the_file_starts_each_service_with_the_environment_written_for_it(written: tuple[Profile, Path]) -> None:
    _, directory = written
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert set(services) - SERVERS - DASHBOARDS == set(compose.SERVICES)
    assert {name for name, one in services.items() if "profiles" in one} == DASHBOARDS
    for name in compose.SERVICES:
        assert services[name]["env_file"].endswith(f"compose/{name}.env")
        assert services[name]["command"][:4] == ["python", "-m", "shared.serve", name]
        assert (directory / f"{name}.env").is_file()


def test_a_service_gets_the_same_variables_in_a_container_as_on_this_machine(written: tuple[Profile, Path]) -> None:
    profile, directory = written
    for name in compose.SERVICES:
        here = service_environment(local_places(profile, Path("/assets")), name, broker_password="x")
        there = [line.partition("=")[0] for line in (directory / f"{name}.env").read_text().splitlines()]
        assert there == list(here)


def test_replicas_in_containers_are_not_all_given_one_name(written: tuple[Profile, Path]) -> None:
    _, directory = written
    assert not [path.name for path in directory.glob("*.env") if "LOCKSTEP_INSTANCE" in path.read_text()]


def test_only_identity_gets_the_key_that_signs(written: tuple[Profile, Path]) -> None:
    _, directory = written
    holders = [path.stem for path in directory.glob("*.env") if "SIGNING_KEY" in path.read_text()]
    assert holders == ["identity"]


def test_ports_published_are_those_of_the_profile(written: tuple[Profile, Path]) -> None:
    profile, _ = written
    variables = compose.variables(profile)
    text = COMPOSE.read_text()
    for name, value in variables.items():
        if name.endswith("_PORT"):
            assert f"${{{name}:-{value}}}" in text, name


def test_the_container_broker_asks_everybody_for_a_password(written: tuple[Profile, Path]) -> None:
    profile, directory = written
    settings = (directory / "kafka" / "server.properties").read_text()
    assert "listeners=CLIENT://0.0.0.0:9092,OUTSIDE://0.0.0.0:8120,CONTROLLER://" in settings
    assert "PLAINTEXT" not in settings.replace("SASL_PLAINTEXT", "")
    assert settings.count(f'username="admin" password="{keys.broker_password(profile, "admin")}"') == 2


def test_keys_are_readable_by_their_owner_alone_and_never_change(written: tuple[Profile, Path]) -> None:
    profile, _ = written
    before = {path.name: path.read_text() for path in profile.keys.iterdir()}
    assert all(path.stat().st_mode & 0o077 == 0 for path in profile.keys.iterdir())
    keys.ensure_keys(profile)
    assert {path.name: path.read_text() for path in profile.keys.iterdir()} == before
