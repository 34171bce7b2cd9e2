"""Time zones by the names of the IANA database."""

from functools import cache
from zoneinfo import available_timezones

NO_PLACES = frozenset({"localtime", "Factory", "posixrules"})
"""Files beside the database: what the machine is set to, and what stands for "not set"."""


def is_time_zone(name: str) -> bool:
    return name in _names()


@cache
def _names() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if name not in NO_PLACES)
