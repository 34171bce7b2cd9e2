"""One child process: started so that it dies with its parent, told apart from later owners of its number, stopped.

A process number alone proves nothing after a crash; together with the start time that the kernel keeps it does.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

# The kernel ends a child when the *thread* that started it ends, so one thread that lives as long as the process
# starts all of them.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starts-processes")


@dataclass(frozen=True)
class Identity:
    """A process number with its start time in the kernel's ticks since boot."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The identity of a running process; none when it has ended (a zombie has)."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, *rest = stat.rpartition(")")[2].split()
        return None if state == "Z" else cls(pid, int(rest[18]))

    @classmethod
    def own(cls) -> "Identity":
        """This process."""
        identity = cls.of(os.getpid())
        if identity is None:
            raise RuntimeError("/proc does not show this process")
        return identity

    @property
    def is_alive(self) -> bool:
        return Identity.of(self.pid) == self

    def send(self, number: int) -> None:
        """Send a signal; nothing happens when the process has ended meanwhile."""
        if self.is_alive:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def wait_ended(self, seconds: float) -> bool:
        """Wait until the process has ended; false when it still runs after so many seconds."""
        end = time.monotonic() + seconds
        while self.is_alive:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True


@dataclass(frozen=True)
class Program:
    """What to run and how to deal with it: its command, environment, port, and the signal that asks it to stop.

    `ready` answers none when the program serves, else what is still missing. `main_pid` names the process to signal
    where the command only wraps it.
    """

    name: str
    command: Sequence[str]
    port: int
    ready: Callable[[], str | None]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 15.0
    ready_seconds: float = 120.0
    main_pid: Callable[[], int | None] = lambda: None
    further_ports: Mapping[str, int] = field(default_factory=dict)


class Child:
    """A running program."""

    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.since = datetime.now(UTC)
        self._process = _starter.submit(self._start).result()
        identity = Identity.of(self._process.pid)
        self.identity = identity or Identity(self._process.pid, 0)
        self._main: Identity | None = None

    def _start(self) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # A session of its own keeps a Ctrl-C at the terminal from reaching it before the orderly stop does.
        with self.log.open("ab") as log:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self.program.command],
                env={**_inherited(), **self.program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,  # what servers keep holds personal data
            )

    @property
    def exit_code(self) -> int | None:
        """How it ended; none while it runs."""
        return self._process.poll()

    @property
    def main(self) -> Identity:
        """The process that does the work; once seen it stays the same until this child ends."""
        if self._main is None and (pid := self.program.main_pid()) is not None:
            self._main = Identity.of(pid)
        return self._main or self.identity

    @property
    def seconds_running(self) -> float:
        """Seconds since its start."""
        return (datetime.now(UTC) - self.since).total_seconds()

    def send(self, number: int) -> None:
        self.main.send(number)

    def ask_to_stop(self) -> None:
        # A process that a test has halted could not obey.
        self.send(signal.SIGCONT)
        self.send(self.program.stop_signal)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; false when it still runs."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        """Kill it without asking, the wrapper with the process that does the work, and wait for the end of both."""
        main = self.main
        main.send(signal.SIGKILL)
        if self.exit_code is None:
            self._process.kill()
        self._process.wait()
        main.wait_ended(10)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log, for an error message."""
        if not self.log.is_file():
            return ""
        return "\n".join(f"    {line}" for line in self.log.read_text(errors="replace").splitlines()[-count:])


def _inherited() -> dict[str, str]:
    """The machine's environment without anybody else's settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
