"""Progress on the terminal: one line when a step ends, with its time; one when a long step begins."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

BEGUN = time.monotonic()


def say(text: str) -> None:
    """Print one line at once; a single write, so that lines of parallel steps never mix."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def step(title: str, *, announce: bool = True) -> Iterator[None]:
    """Tell that a step begins and how many seconds it took; a failing step says so and raises on."""
    begun = time.monotonic()
    if announce:
        say(f"  …  {title}")
    try:
        yield
    except BaseException:
        say(f"  ✗  {title}: failed after {time.monotonic() - begun:.1f} s")
        raise
    say(f"  ✓  {title} ({time.monotonic() - begun:.1f} s)")


def total(title: str) -> None:
    """Tell the time since this program began."""
    say(f"{title} ({time.monotonic() - BEGUN:.1f} s)")
