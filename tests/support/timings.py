"""Where the time of a run went: per folder, and its slowest tests; a plugin of pytest that `make test` switches on."""

from collections import defaultdict
from pathlib import PurePosixPath

import pytest

SLOWEST = 20
SHORT_SECONDS = 0.5


class Timings:
    """Set-up, test and clean-up together: servers and services count for the test that was the first to need them."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        folders: defaultdict[str, list[float]] = defaultdict(list)
        for test, seconds in self._seconds.items():
            folders[PurePosixPath(test.partition("::")[0]).parent.as_posix()].append(seconds)
        terminalreporter.section("time per folder")
        for folder, each in sorted(folders.items(), key=lambda item: -sum(item[1])):
            terminalreporter.write_line(f"{sum(each):8.1f} s  {folder} ({len(each)} tests)")
        slowest = sorted(self._seconds.items(), key=lambda item: -item[1])[:SLOWEST]
        terminalreporter.section(f"slowest {SLOWEST} tests, from {SHORT_SECONDS} s on")
        for test, seconds in slowest:
            if seconds >= SHORT_SECONDS:
                terminalreporter.write_line(f"{seconds:8.1f} s  {test}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Timings(), "timings")
