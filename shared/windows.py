"""Windows of time as people read them: one rule for pages, mails and calendars."""

from datetime import datetime, time, timedelta


def is_within_a_day(first: datetime, last: datetime) -> bool:
    """Whether a window, as both ends stand on one clock, is told with a single day.

    Midnight is the end of a day, not the beginning of another one.
    """
    if last.time() == time(0) and last > first:
        last -= timedelta(minutes=1)
    return first.date() == last.date()
