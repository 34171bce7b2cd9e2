"""A Finnish service calendar, a contract and clocks started with them."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.tickets.clocks.calendars import ALL_WEEK, BusinessCalendar
from services.tickets.clocks.domain import Clock, start_clocks
from shared.contracts.catalog import Entitlement

HELSINKI = ZoneInfo("Europe/Helsinki")
WORKDAY = [{"start": "08:00", "end": "16:00"}]


def finland(*, version: int = 1, **rules: Any) -> BusinessCalendar:
    return BusinessCalendar.model_validate(
        {
            "code": "FI-OFFICE",
            "version": version,
            "time_zone": "Europe/Helsinki",
            "week": [WORKDAY] * 5 + [[], []],
            "holiday_country": "FI",
            **rules,
        }
    )


FINLAND = finland()
ALWAYS = BusinessCalendar(code="24x7", version=1, time_zone="Europe/Berlin", week=ALL_WEEK)
CONTRACT = Entitlement(level="plus", calendar="FI-OFFICE", response_minutes=240, parts_pause=True)
WITHOUT_PARTS = CONTRACT.model_copy(update={"parts_pause": False})


def at(text: str) -> datetime:
    """A moment of November or December 2026 in Helsinki, as `day.month. hour:minute`."""
    return datetime.strptime(f"2026 {text}", "%Y %d.%m. %H:%M").replace(tzinfo=HELSINKI)


def response_clock(received: str, calendar: BusinessCalendar = FINLAND) -> Clock:
    [clock] = start_clocks(CONTRACT, calendar, at(received))
    return clock
