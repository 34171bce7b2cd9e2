"""Public holidays per country and region, from the `holidays` library."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache

import holidays


def holidays_of(country: str, subdivision: str | None) -> Callable[[date], bool]:
    """Whether a local day is a public holiday there. Raises NotImplementedError for an unknown country or region."""
    return _calendar(country, subdivision).__contains__


@lru_cache(maxsize=256)
def _calendar(country: str, subdivision: str | None) -> holidays.HolidayBase:
    # Any other name would be taken for what else the library's package holds.
    if country not in holidays.list_supported_countries(include_aliases=False):
        raise NotImplementedError(country)
    return holidays.country_holidays(country, subdiv=subdivision)
