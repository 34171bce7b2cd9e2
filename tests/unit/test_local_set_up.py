"""What set-up decides without starting anything: ports, cache, prerequisites, processes told apart."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import cache, installations, prerequisites
from deploy.local.errors import PortInUse, PrerequisiteMissing
from deploy.local.layout import OFFSETS, PROFILES, REPOSITORY, SERVICES, Profile
from deploy.local.needs import ALL, OF_TESTS, Needs, of_command
from deploy.local.ports import check_free, owner_of
from deploy.local.prerequisites import Tool
from deploy.local.process import Identity


def test_no_two_programs_of_any_profiles_share_a_port() -> None:
    ports = [Profile.named(name).port(program) for name in PROFILES for program in OFFSETS]
    ports += [
        Profile.named(name).replica_port(service, str(instance))
        for name in PROFILES
        for service in SERVICES
        for instance in (1, 2, 3)
    ]
    assert len(ports) == len(set(ports))


def test_one_setting_moves_the_ports_of_all_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTS", "9100")
    assert Profile.named("dev").port("portal") == 9100
    assert Profile.named("test").port("portal") == 9200


def test_a_profile_reads_back_as_it_is_written() -> None:
    own = Profile.at("mine", 9700)
    assert Profile.parse(own.written) == own
    with pytest.raises(ValueError, match="neither one of"):
        Profile.parse("nonsense")


def test_a_port_in_use_is_named_with_its_owner_and_the_setting_that_moves_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as told:
            check_free(Profile.named("test"), {"kafka": port})
        assert f"port {port} (kafka)" in str(told.value)
        assert f"process {os.getpid()}" in str(told.value)
        assert "PORTS=" in str(told.value)
        assert f"process {os.getpid()}" in owner_of(port)
    check_free(Profile.named("test"), {"kafka": port})


def test_an_entry_of_the_cache_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built: list[Path] = []
    for _ in range(2):
        built_in = cache.cached("thing", "1", title="a thing", build=built.append)
    assert built == [built_in]


def test_an_interrupted_build_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fails(directory: Path) -> None:
        (directory / "half").touch()
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        cache.cached("thing", "1", title="a thing", build=fails)
    target = cache.cached("thing", "1", title="a thing", build=lambda directory: (directory / "whole").touch())
    assert sorted(path.name for path in target.iterdir()) == [".complete", "whole"]


def test_all_missing_tools_are_named_at_once() -> None:
    absent = Tool("no-such-program", ("--version",), r"(\d+)", (1,), "no-such-package")
    too_old = Tool(sys.executable, ("--version",), r"Python (\d+)", (99,), "python99")
    with pytest.raises(PrerequisiteMissing) as told:
        prerequisites.check([absent, too_old])
    assert "no-such-program is not installed" in str(told.value)
    assert "needed is 99 or newer" in str(told.value)


def test_a_process_is_known_by_number_and_start_time() -> None:
    assert Identity.own().is_alive
    assert not Identity(os.getpid(), Identity.own().started + 1).is_alive
    with subprocess.Popen(["true"]) as process:
        process.wait()
        assert Identity.of(process.pid) is None


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), ALL),
        (("--", "-x"), ALL),
        (("--", "tests"), ALL),
        (("--", "tests/unit", "-q"), Needs.PYTHON),
        (("--", "tests/unit/test_clocks.py::test_pausing_never_shortens"), Needs.PYTHON),
        (("--", "tests/contracts", "tests/unit"), Needs.ASSETS),
        (("--", "tests/unit", "tests/plumbing/test_jobs.py"), Needs.SERVERS),
        (("--", str(REPOSITORY / "tests" / "service")), Needs.SERVERS | Needs.ASSETS),
        (("--", "tests/unit", "tests/browser"), ALL),
        (("--", "tests/soak.py"), ALL),
    ],
)
def test_what_is_set_up_follows_from_the_tests_that_are_named(arguments: tuple[str, ...], wanted: Needs) -> None:
    assert of_command("test", arguments) == wanted


def test_the_table_of_needs_names_only_folders_that_there_are() -> None:
    assert all((REPOSITORY / "tests" / folder).is_dir() for folder in OF_TESTS)


def test_a_machine_with_python_alone_is_enough_for_what_needs_no_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    prepared: list[str] = []
    installations.check_prerequisites(Needs.PYTHON)
    installations.ensure_all(Needs.PYTHON, python_environment=lambda: prepared.append("environment"))
    assert prepared == ["environment"]
    with pytest.raises(PrerequisiteMissing, match="java is not installed"):
        installations.check_prerequisites(Needs.SERVERS)
