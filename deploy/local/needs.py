"""What a command needs on this machine, so that it waits for nothing else. Standard library only."""

from collections.abc import Sequence
from enum import Flag, auto

from deploy.local import docker
from deploy.local.layout import REPOSITORY


class Needs(Flag):
    """Besides Python: the servers (Kafka, FerretDB, PostgreSQL), what pages are made of, a browser."""

    PYTHON = 0
    SERVERS = auto()
    ASSETS = auto()
    BROWSER = auto()


ALL = Needs.SERVERS | Needs.ASSETS | Needs.BROWSER
OF_TESTS = {
    "unit": Needs.PYTHON,
    "contracts": Needs.ASSETS,
    "plumbing": Needs.SERVERS,
    "service": Needs.SERVERS | Needs.ASSETS,
    "flows": Needs.SERVERS | Needs.ASSETS,
    "abuse": Needs.SERVERS | Needs.ASSETS,
    "faults": Needs.SERVERS | Needs.ASSETS,
}
"""By folder; the others need everything."""
PYTHON_ALONE = ("lint", "types", "sbom", "audit", "status", "logs", "down", "restart", "help")
TESTS = REPOSITORY / "tests"


def of_command(command: str, arguments: Sequence[str]) -> Needs:
    """What a command needs; `arguments` are all that follow it."""
    if command in PYTHON_ALONE or (command in docker.COMMANDS and docker.engine_answers()):
        return Needs.PYTHON
    if command == "test":
        return of_tests(arguments)
    return ALL if command in ("setup", "screens") else Needs.SERVERS | Needs.ASSETS


def of_tests(arguments: Sequence[str]) -> Needs:
    """What the chosen tests need: those of the folders that are named, or all where none is."""
    folders = [folder for argument in arguments if (folder := folder_of(argument)) is not None]
    if not folders:
        return ALL
    needs = Needs.PYTHON
    for folder in folders:
        needs |= OF_TESTS.get(folder, ALL)
    return needs


def folder_of(argument: str) -> str | None:
    """The folder of tests that an argument of pytest names; "" for all of them, None where it names no tests."""
    if argument.startswith("-"):
        return None
    path = REPOSITORY / argument.partition("::")[0]
    if not path.is_relative_to(TESTS):
        return None
    inside = path.relative_to(TESTS).parts
    return inside[0] if inside else ""
