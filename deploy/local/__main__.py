"""Set-up with the machine's own Python and the standard library alone; then the command, in the locked environment.

python3 -m deploy.local COMMAND …       the commands stand in `deploy/local/cli.py`
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this runs with whatever Python the machine has
    sys.exit("Python 3.11 or newer is needed (on Debian: python3, from bookworm on)")

from deploy.local import installations, needs, python_environment
from deploy.local.errors import LocalError
from deploy.local.layout import REPOSITORY
from deploy.local.progress import say, total


def main() -> int:
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    try:
        set_up(needs.of_command(command, sys.argv[2:]))
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


def set_up(wanted: needs.Needs) -> None:
    """Fetch and build what is wanted and what is not there yet."""
    installations.check_prerequisites(wanted)
    installations.ensure_all(wanted, python_environment=python_environment.ensure)
    if wanted:
        total("set-up is complete")


if __name__ == "__main__":
    sys.exit(main())
