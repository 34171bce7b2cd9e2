"""Limits on how often one session or one address may ask."""

import time
from dataclasses import dataclass

from shared.problems import Problem

MOST_BUCKETS = 50_000


class TooManyRequests(Problem):
    status = 429
    code = "too_many_requests"
    title = "Too many requests in a short time"


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class RateLimit:
    """A token bucket per key: `per_minute` requests, refilled evenly. Real time, this process only."""

    def __init__(self, per_minute: int) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str) -> None:
        """Take one. Raises TooManyRequests, naming the seconds to wait."""
        now = time.monotonic()
        bucket = self._buckets.pop(key, None) or _Bucket(self._size, now)
        bucket.left = min(self._size, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.pop(next(iter(self._buckets)))
        if bucket.left < 1:
            wait = int((1 - bucket.left) / self._per_second) + 1
            raise TooManyRequests(f"Try again in {wait} s.", headers={"Retry-After": str(wait)})
        bucket.left -= 1
