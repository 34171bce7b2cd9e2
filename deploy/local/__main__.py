"""Set-up with the machine's own Python and the standard library alone; then the command, in the locked environment.

python3 -m deploy.local COMMAND …       the commands stand in `deploy/local/cli.py`
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this runs with whatever Python the machine has
    sys.exit("Python 3.11 or newer is needed (on Debian: python3, from bookworm on)")

from deploy.local import docker, installations, prerequisites, python_environment
from deploy.local.errors import LocalError
from deploy.local.layout import REPOSITORY
from deploy.local.progress import say, total

NEED_ONLY_PYTHON = ("lint", "types", "status", "logs", "down", "restart", "help")
NEED_A_BROWSER = ("test", "setup")


def main() -> int:
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    try:
        set_up(command)
    except LocalError as problem:
        say(f"\n{problem}")
        return 1
    except KeyboardInterrupt:
        say("\ninterrupted")
        return 130
    os.chdir(REPOSITORY)
    sys.stdout.flush()
    python = str(python_environment.LINK / "bin" / "python")
    os.execv(python, [python, "-m", "deploy.local.cli", command, *sys.argv[2:]])


def set_up(command: str) -> None:
    """Fetch and build what the command needs and what is not there yet."""
    if command in NEED_ONLY_PYTHON or (command in docker.COMMANDS and docker.engine_answers()):
        prerequisites.check([])
        python_environment.ensure()
        return
    installations.check_prerequisites()
    installations.ensure_all(for_tests=command in NEED_A_BROWSER, python_environment=python_environment.ensure)
    total("set-up is complete")


if __name__ == "__main__":
    sys.exit(main())
