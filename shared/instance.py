"""What tells a process from the other replicas of its service: a name of its own, the same after a restart."""

import contextlib
import hashlib
import re
import socket
from collections.abc import Iterator

MOST_ON_ONE_HOST = 100
NOT_IN_NAMES = re.compile("[^A-Za-z0-9._-]")  # of members of Kafka's groups


class NoNameLeft(Exception):
    """More processes of one service on one host than there are names."""


@contextlib.contextmanager
def named(given: str, *, service: str, place: str) -> Iterator[str]:
    """The given name; without one the host's (in a container its own) with the lowest number that is free on it.

    Whoever starts again takes his number again, unless another process was quicker to the one that he left. `place`
    tells apart systems that share a host, such as by the address of their broker. Raises NoNameLeft.
    """
    if given:
        yield given
        return
    number, claim = _claim(f"{service}@{place}")
    with claim:
        yield f"{NOT_IN_NAMES.sub('-', socket.gethostname())}.{number}"


def _claim(what: str) -> tuple[int, socket.socket]:
    """A number, held by a socket in Linux's abstract namespace: the kernel frees it however the process ends."""
    mark = hashlib.sha256(what.encode()).hexdigest()
    for number in range(MOST_ON_ONE_HOST):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0lockstep-{mark}-{number}")
        except OSError:
            claim.close()
        else:
            return number, claim
    raise NoNameLeft(f"{MOST_ON_ONE_HOST} processes have names on this host")
