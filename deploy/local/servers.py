"""Servers and services of one profile, held by this process: the supervisor is a thin loop around it, and a test
session uses it directly, as often side by side as it has profiles.

    with Servers(Profile.named("test")) as servers:      # postgres, ferretdb, kafka (with topics), mail, services
        servers.addresses.store_url
        servers.kill("tickets")                          # SIGKILL; `restart("tickets")` brings it back
        servers.start_service("tickets", instance="1")   # a further replica

Everything that it starts dies with this process, also when it is killed.
"""

import shutil
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from deploy.local import keys, state
from deploy.local.environment import broker_bootstrap, service_url, store_url
from deploy.local.errors import NotReady
from deploy.local.kafka import Kafka
from deploy.local.layout import HOST, Profile, existing_services
from deploy.local.ports import check_free
from deploy.local.postgres import Postgres
from deploy.local.process import Child, Identity, Program
from deploy.local.programs import SERVERS, server_program, service_program
from deploy.local.progress import say, step
from deploy.local.state import Recorded, State

LONGEST_BACKOFF_SECONDS = 30.0
STABLE_AFTER_SECONDS = 20.0
POSTGRES_ATTEMPTS = 6
DATA = ("kafka", "postgres", "ferretdb", "logs")


@dataclass(frozen=True)
class Addresses:
    """Where everything listens, and what is needed to talk to it."""

    bootstrap: str
    store_url: str
    smtp_host: str
    smtp_port: int
    mail_url: str
    services: Mapping[str, str]
    admin_password: str


class Servers:
    """One profile's stack. All methods may be called from any thread; `start` blocks until everything serves."""

    def __init__(
        self,
        profile: Profile,
        *,
        services: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        fresh: bool = False,
    ) -> None:
        """`services`: which to start (all that exist by default); `environment`: added to each service's own;
        `fresh`: begin with empty servers, keeping passwords and keys.
        """
        self.profile = profile
        self.services = tuple(existing_services() if services is None else services)
        self._environment = dict(environment or {})
        self._fresh = fresh
        self._programs: dict[str, Program] = {}
        self._children: dict[str, Child] = {}
        self._stopped: set[str] = set()
        self._restarts: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._phase = "starting"
        self._lock: IO[str] | None = None
        self._changing = threading.RLock()

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start servers, apply topics and rights, start services.

        Raises AlreadyRunning, PortInUse or NotReady (with the end of the culprit's log); then nothing is left running.
        """
        self._lock = state.acquire(self.profile)
        try:
            left = state.end_leftovers(self.profile)
            if left:
                say(f"  ✓  ended what an earlier run left: {', '.join(left)}")
            if self._fresh:
                for name in DATA:
                    shutil.rmtree(self.profile.directory / name, ignore_errors=True)
            keys.ensure_keys(self.profile)
            self._check_ports()
            self._record()
            with ThreadPoolExecutor(max_workers=3) as pool:
                for job in [
                    pool.submit(self._start_store),
                    pool.submit(self._start_broker),
                    pool.submit(self._start_mail),
                ]:
                    job.result()
            self.start_services(self.services)
            self._phase = "running"
            self._record()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything in order: services first, then mail and FerretDB, then PostgreSQL and Kafka."""
        self._phase = "stopping"
        names = list(self._children)
        self._stop_together(name for name in names if name not in SERVERS)
        self._stop_together(name for name in ("ferretdb", "mail") if name in names)
        self._stop_together(name for name in ("postgres", "kafka") if name in names)
        if self._lock is not None:
            state.forget(self.profile)
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- asking ----------------------------------------------------------------------------------------------------

    @property
    def addresses(self) -> Addresses:
        return Addresses(
            bootstrap=broker_bootstrap(self.profile),
            store_url=store_url(self.profile),
            smtp_host=HOST,
            smtp_port=self.profile.port("smtp"),
            mail_url=f"http://{HOST}:{self.profile.port('mail')}",
            services={name: service_url(self.profile, name) for name in self.services},
            admin_password=keys.broker_password(self.profile, "admin"),
        )

    def process_id(self, name: str) -> int:
        """The number of the process that does the work of a program."""
        return self._children[name].main.pid

    def is_running(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.exit_code is None

    # -- single programs ---------------------------------------------------------------------------------------------

    def start_services(self, services: Iterable[str]) -> None:
        """Start several services at once and wait until all are ready."""
        programs = [service_program(self.profile, name, environment=self._environment) for name in services]
        children = [self._launch(program) for program in programs]
        for child in children:
            with step(child.program.name, announce=False):
                self._wait_ready(child)

    def start_service(self, service: str, instance: str = "0", environment: Mapping[str, str] | None = None) -> str:
        """Start one service, or with an instance other than "0" a replica; returns its address when it is ready."""
        own = {**self._environment, **(environment or {})}
        program = service_program(self.profile, service, instance, environment=own)
        if self.is_running(program.name):
            self.stop_program(program.name)
        self._wait_ready(self._launch(program))
        return f"http://{HOST}:{program.port}"

    def stop_program(self, name: str) -> None:
        """Stop one program in order (SIGTERM, or what it prefers); killed when it takes too long."""
        self._stop_together([name])

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to the process that does the work; after SIGKILL wait until it is gone.

        SIGSTOP and SIGCONT halt a program and let it go on.
        """
        child = self._children[name]
        if number != signal.SIGKILL:
            child.send(number)
            return
        self._stopped.add(name)
        child.end()
        self._record()

    def restart(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Start a program again, stopping it first when it runs; `environment` replaces variables for good."""
        if self.is_running(name):
            self.stop_program(name)
        program = self._programs[name]
        if environment is not None:
            program = Program(**{**vars(program), "environment": {**program.environment, **environment}})
        if name == "postgres":
            self._launch_postgres(program)
        else:
            self._wait_ready(self._launch(program))

    def watch(self) -> list[str]:
        """Start again what has ended by itself, later each time it ends soon after its start; returns the names."""
        begun = []
        for name, child in list(self._children.items()):
            if child.exit_code is None or name in self._stopped:
                continue
            now = time.monotonic()
            if name not in self._due:
                quick = child.seconds_running < STABLE_AFTER_SECONDS
                self._restarts[name] = self._restarts.get(name, 0) + 1 if quick else 1
                wait = min(0.25 * 2 ** self._restarts[name], LONGEST_BACKOFF_SECONDS) if quick else 0.0
                self._due[name] = now + wait
                say(f"{name} ended with {child.exit_code}; it is started again in {wait:.1f} s")
            if now >= self._due[name]:
                del self._due[name]
                if name == "postgres":
                    Postgres(self.profile).forget_stale_pid()
                self._launch(child.program)
                begun.append(name)
        return begun

    # -- inside ------------------------------------------------------------------------------------------------------

    def _check_ports(self) -> None:
        ports: dict[str, int] = {}
        for name in SERVERS:
            program = server_program(self.profile, name)
            ports |= {name: program.port, **program.further_ports}
        ports |= {name: self.profile.port(name) for name in self.services}
        check_free(self.profile, ports)

    def _start_store(self) -> None:
        postgres = Postgres(self.profile)
        with step("PostgreSQL", announce=False):
            postgres.prepare()
            self._launch_postgres(postgres.program())
            postgres.install_extensions()
        with step("FerretDB", announce=False):
            self._wait_ready(self._launch(server_program(self.profile, "ferretdb")))

    def _start_broker(self) -> None:
        kafka = Kafka(self.profile)
        with step("Kafka", announce=False):
            kafka.prepare()
            self._wait_ready(self._launch(kafka.program()))
        with step("topics, users and rights", announce=False):
            kafka.apply_topics()

    def _start_mail(self) -> None:
        with step("mail catcher", announce=False):
            self._wait_ready(self._launch(server_program(self.profile, "mail")))

    def _launch_postgres(self, program: Program) -> None:
        """Start PostgreSQL; after a kill its last helpers may hold the old memory for a moment, so it tries again."""
        for attempt in range(1, POSTGRES_ATTEMPTS + 1):
            Postgres(self.profile).forget_stale_pid()
            try:
                self._wait_ready(self._launch(program))
            except NotReady:
                if attempt == POSTGRES_ATTEMPTS:
                    raise
                time.sleep(0.5)
            else:
                return

    def _launch(self, program: Program) -> Child:
        with self._changing:
            self._programs[program.name] = program
            self._stopped.discard(program.name)
            child = Child(program, self.profile.logs)
            self._children[program.name] = child
            self._record()
        return child

    def _wait_ready(self, child: Child) -> None:
        program = child.program
        end = time.monotonic() + program.ready_seconds
        while True:
            if child.exit_code is not None:
                problem = f"ended with {child.exit_code} while starting"
                break
            missing = program.ready()
            if missing is None:
                self._record()
                return
            if time.monotonic() > end:
                problem = f"was not ready after {program.ready_seconds:.0f} s: {missing}"
                break
            time.sleep(0.05)
        raise NotReady(f"{program.name} {problem}\n  the end of {child.log}:\n{child.last_lines()}")

    def _stop_together(self, names: Iterable[str]) -> None:
        children = [self._children[name] for name in names]
        for child in children:
            self._stopped.add(child.program.name)
            child.ask_to_stop()
        for child in children:
            if not child.wait(child.program.stop_seconds):
                say(f"{child.program.name} did not stop within {child.program.stop_seconds:.0f} s and was killed")
            child.end()
        self._record()

    def _record(self) -> None:
        with self._changing:
            if self._lock is None:
                return
            processes = {
                name: Recorded(
                    name=name,
                    wrapper=child.identity,
                    main=child.main,
                    port=child.program.port,
                    since=child.since.isoformat(timespec="seconds"),
                    restarts=self._restarts.get(name, 0),
                )
                for name, child in self._children.items()
            }
            state.write(self.profile, State(Identity.own(), self._phase, self.services, processes))
