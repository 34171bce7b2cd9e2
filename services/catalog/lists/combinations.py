"""What the filters of the device list offer, and for how long that is remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Combination:
    """Devices of one account, site, model and status: how many, and one of them."""

    devices: int
    sample: Mapping[str, Any]


Combinations = dict[str, tuple[float, list[Combination]]]
"""By query: until when (monotonic seconds) the combinations are remembered."""
