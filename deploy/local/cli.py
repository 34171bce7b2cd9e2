"""The commands behind `make`, in the locked environment; `deploy/local/__main__.py` has set everything up before."""

import argparse
import subprocess
import sys
from collections.abc import Callable

from deploy.local import checks, compose, docker, keys, supply
from deploy.local.environment import service_url
from deploy.local.errors import LocalError
from deploy.local.layout import HOST, PROFILES, REPOSITORY, Profile
from deploy.local.progress import say, total
from deploy.local.status import show_status
from deploy.local.supervisor import down, restart_program, show_logs, supervise, up

LONG_ABUSE = 20
"""So many times what `make test` tries."""

Command = Callable[[argparse.Namespace, Profile], int]


def run_up(arguments: argparse.Namespace, profile: Profile) -> int:
    if docker.engine_answers():
        return compose.up(profile)
    up(profile, () if arguments.only_servers else _names(arguments.services))
    total("servers and services are up")
    say(f"  portal       {service_url(profile, 'portal')}")
    say(f"  caught mail  http://{HOST}:{profile.port('mail')}")
    say(f"  keys         {profile.keys.relative_to(REPOSITORY)}/")
    return 0


def run_down(arguments: argparse.Namespace, profile: Profile) -> int:
    if docker.engine_answers():
        return docker.compose("down")
    down(profile)
    return 0


def run_status(arguments: argparse.Namespace, profile: Profile) -> int:
    return docker.compose("ps") if docker.engine_answers() else show_status(profile)


def run_logs(arguments: argparse.Namespace, profile: Profile) -> int:
    if docker.engine_answers():
        return docker.compose("logs", "--follow", *([arguments.name] if arguments.name else []))
    show_logs(profile, arguments.name)
    return 0


def run_restart(arguments: argparse.Namespace, profile: Profile) -> int:
    if not arguments.name:
        raise LocalError("which program? for example: make restart S=tickets")
    restart_program(profile, arguments.name)
    return 0


def run_supervise(arguments: argparse.Namespace, profile: Profile) -> int:
    return supervise(profile, _names(arguments.services) or ())


def run_demo(arguments: argparse.Namespace, profile: Profile) -> int:
    return run_up(arguments, profile) or _module("deploy.demo", arguments.rest)


def run_test(arguments: argparse.Namespace, profile: Profile) -> int:
    if arguments.rest:
        return checks.tests(arguments.rest)
    return checks.lint() or checks.types() or checks.tests(())


def run_lint(arguments: argparse.Namespace, profile: Profile) -> int:
    return checks.lint()


def run_types(arguments: argparse.Namespace, profile: Profile) -> int:
    return checks.types()


def run_bench(arguments: argparse.Namespace, profile: Profile) -> int:
    return _module("tests.bench", arguments.rest)


def run_soak(arguments: argparse.Namespace, profile: Profile) -> int:
    return _module("tests.soak", [f"--minutes={arguments.minutes}", *arguments.rest])


def run_abuse(arguments: argparse.Namespace, profile: Profile) -> int:
    return checks.tests(["tests/abuse", *arguments.rest], times=LONG_ABUSE)


def run_screens(arguments: argparse.Namespace, profile: Profile) -> int:
    """Pictures of every page, of the demonstration's data."""
    return run_demo(argparse.Namespace(**{**vars(arguments), "rest": []}), profile) or _module(
        "tests.screens", arguments.rest
    )


def run_sbom(arguments: argparse.Namespace, profile: Profile) -> int:
    return supply.bill_of_materials()


def run_audit(arguments: argparse.Namespace, profile: Profile) -> int:
    return supply.audit()


def run_setup(arguments: argparse.Namespace, profile: Profile) -> int:
    keys.ensure_keys(profile)
    return 0


COMMANDS: dict[str, Command] = {
    "setup": run_setup,
    "up": run_up,
    "down": run_down,
    "status": run_status,
    "logs": run_logs,
    "restart": run_restart,
    "demo": run_demo,
    "test": run_test,
    "lint": run_lint,
    "types": run_types,
    "bench": run_bench,
    "soak": run_soak,
    "abuse": run_abuse,
    "screens": run_screens,
    "sbom": run_sbom,
    "audit": run_audit,
    "supervise": run_supervise,
}


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name for name in text.split(",") if name)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """What is before `--` and what is after it."""
    cut = words.index("--") if "--" in words else len(words)
    return words[:cut], words[cut + 1 :]


def _module(name: str, arguments: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", name, *arguments], cwd=REPOSITORY, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.local", description="servers and services on this machine")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument(
        "--profile", type=Profile.parse, default="dev", help=f"{', '.join(PROFILES)}, or name:first-port"
    )
    parser.add_argument("--services", help="start only these, separated by commas")
    parser.add_argument("--only-servers", action="store_true", help="start no services")
    parser.add_argument("--name", help="one program, for logs and restart")
    parser.add_argument("--minutes", type=int, default=30, help="length of a soak run")
    parser.epilog = "What follows -- is handed on to pytest, the demo, the benchmark."
    own, rest = _split(sys.argv[1:])
    arguments = parser.parse_args(own)
    arguments.rest = rest
    try:
        return COMMANDS[arguments.command](arguments, arguments.profile)
    except LocalError as problem:
        say(f"\n{problem}")
        return 1
    except KeyboardInterrupt:
        say("\ninterrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
