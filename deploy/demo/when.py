"""When the story plays: twenty to six in the evening before a Finnish public holiday between two working days."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays

HELSINKI = ZoneInfo("Europe/Helsinki")
EVENING = time(17, 40)
ONE_DAY = timedelta(days=1)
NOTICED_SECONDS = 0.25


def eve(after: date) -> tuple[date, str]:
    """The working day before the next fitting holiday that is not before `after`, and the holiday's name."""
    known = holidays.country_holidays("FI", years=range(after.year, after.year + 3), language="en_US")
    for day in sorted(known):
        before, behind = day - ONE_DAY, day + ONE_DAY
        free = [other for other in (before, behind) if other in known or other.weekday() > 4]
        if before >= after and day.weekday() < 5 and not free:
            return before, str(known[day])
    raise ValueError(f"no Finnish public holiday between two working days in the three years from {after}")


def begins(after: date) -> datetime:
    """The story's first moment, in UTC."""
    return datetime.combine(eve(after)[0], EVENING, HELSINKI).astimezone(UTC)


def set_clock(offset_file: Path, moment: datetime) -> None:
    """Move the product's clock, which goes on running from there."""
    offset = moment - datetime.now(UTC)
    fresh = offset_file.with_name(f"{offset_file.name}.new")
    fresh.write_text(f"{offset.total_seconds():.6f}\n")
    fresh.replace(offset_file)


async def move_clock(offset_file: Path, moment: datetime) -> None:
    """Move the product's clock and wait until every process has noticed: they look at the file ten times a second.

    Else one service would date an event by the old time and the next one judge its age by the new.
    """
    set_clock(offset_file, moment)
    await asyncio.sleep(NOTICED_SECONDS)
