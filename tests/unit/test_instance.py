"""Names of processes: nobody else has them, and whoever starts again takes the old one."""

import signal
import socket
import subprocess
import sys

import pytest

from shared import instance
from shared.instance import NoNameLeft, named

HOLD = """
from shared.instance import named
with named("", service="a", place="killed") as name:
    print(name, flush=True)
    input()
"""


def test_a_name_that_is_given_is_taken_as_it_is() -> None:
    with named("blue", service="a", place="p") as one, named("blue", service="a", place="p") as two:
        assert (one, two) == ("blue", "blue")


def test_processes_on_one_host_have_names_of_their_own_and_a_free_one_is_taken_again() -> None:
    with named("", service="a", place="here") as first:
        with named("", service="a", place="here") as second, named("", service="a", place="here") as third:
            assert len({first, second, third}) == 3
        with named("", service="a", place="here") as again:
            assert again == second
    assert first.startswith(socket.gethostname().split(".")[0])


def test_other_services_and_other_systems_on_the_host_do_not_count() -> None:
    with (
        named("", service="a", place="here") as one,
        named("", service="b", place="here") as two,
        named("", service="a", place="there") as three,
    ):
        assert one == two == three


def test_a_name_is_free_as_soon_as_its_process_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        held = holder.stdout.readline().strip()
        with named("", service="a", place="killed") as other:
            assert other != held
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    with named("", service="a", place="killed") as again:
        assert again == held


def test_a_host_full_of_processes_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "MOST_ON_ONE_HOST", 1)
    with (
        named("", service="a", place="full"),
        pytest.raises(NoNameLeft),
        named("", service="a", place="full"),
    ):
        pass


def test_a_name_fits_into_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Jörg's machine")
    with named("", service="a", place="odd") as name:
        assert name == "J-rg-s-machine.0"
