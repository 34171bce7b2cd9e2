"""How long things take from one place to the next, as this process saw it: the last hour, minute by minute.

The same durations are a histogram in the metrics. What is measured:

- `published`: from the command's write to the broker's acknowledgement, by the service that wrote.
- `consumed`: from the record's time stamp to the end of its handling, for records written since this process began:
  what is older than itself tells of a stop, not of a way.
- `mailed`: from the moment a mail was queued to the mail server's word that it has it, by the product's clock.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from enum import StrEnum

from shared import metrics

SMALLEST_SECONDS = 0.001
STEP = 1.15
LARGEST = 128
"""Durations are counted in steps of 15 %: from a millisecond to a day."""

MINUTES_KEPT = 60
MINUTE_SECONDS = 60

Counts = Mapping[int, int]
"""How many durations fell into each step."""


class Hop(StrEnum):
    PUBLISHED = "published"
    CONSUMED = "consumed"
    MAILED = "mailed"


class Minutes:
    """The durations of one hop, by the minute in which they ended; an hour of them is kept."""

    def __init__(self) -> None:
        self._minutes: deque[tuple[int, Counter[int]]] = deque(maxlen=MINUTES_KEPT)

    def add(self, seconds: float, *, at: float) -> None:
        """One duration that ended `at` (seconds since 1970, real time)."""
        minute = int(at // MINUTE_SECONDS)
        if not self._minutes or self._minutes[-1][0] < minute:
            self._minutes.append((minute, Counter()))
        self._minutes[-1][1][step_of(seconds)] += 1

    def kept(self, *, at: float) -> list[tuple[int, Counts]]:
        """The start of each minute of the last hour in which something ended, and its counts; oldest first."""
        oldest = int(at // MINUTE_SECONDS) - MINUTES_KEPT
        return [(minute * MINUTE_SECONDS, dict(counts)) for minute, counts in self._minutes if minute > oldest]


SEEN: Mapping[Hop, Minutes] = {hop: Minutes() for hop in Hop}
"""Of this process, like the registry of its metrics."""

STARTED_AT = time.time()


def observe(hop: Hop, seconds: float) -> None:
    """Note a duration that has just ended."""
    SEEN[hop].add(seconds, at=time.time())
    metrics.HOPS.labels(hop).observe(max(0.0, seconds))


def step_of(seconds: float) -> int:
    if seconds <= SMALLEST_SECONDS:
        return 0
    return min(LARGEST, math.ceil(math.log(seconds / SMALLEST_SECONDS, STEP)))


def seconds_of(step: int) -> float:
    """The longest duration of a step."""
    return float(SMALLEST_SECONDS * STEP**step)


def merged(several: Iterable[Counts]) -> Counts:
    total: Counter[int] = Counter()
    for counts in several:
        total.update(counts)
    return total


def quantile(counts: Counts, share: float) -> float | None:
    """The duration in seconds within which this share of all ended, at most 15 % too long; None of nothing."""
    rank = math.ceil(share * sum(counts.values()))
    passed = 0
    for step in sorted(counts):
        passed += counts[step]
        if passed >= rank:
            return seconds_of(step)
    return None
