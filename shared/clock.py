"""Product time: UTC, moved by a file during development so that all processes live on the same moved clock."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """Call it for the current product time.

    Deadlines, windows and timers use it. Tokens, leases, time-outs and latencies use real time instead, because they
    must go on running while the product's clock is moved. The offset file holds seconds as text; a missing file means
    no offset.
    """

    def __init__(self, offset_file: Path | None = None) -> None:
        self._offset_file = offset_file
        self._offset = timedelta(0)
        self._looked_at = float("-inf")

    def __call__(self) -> datetime:
        if self._offset_file is not None and time.monotonic() - self._looked_at > 0.1:
            self._looked_at = time.monotonic()
            self._offset = _read_offset(self._offset_file)
        return datetime.now(UTC) + self._offset


def _read_offset(path: Path) -> timedelta:
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return timedelta(0)
    return timedelta(seconds=float(text)) if text else timedelta(0)
