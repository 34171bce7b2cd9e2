"""Service calendars and the arithmetic on their open time (TIC-5)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.tickets.clocks.business_time import (
    CalendarNeverOpens,
    add_business_time,
    business_time_between,
    next_open,
    opening_intervals,
)
from services.tickets.clocks.calendars import ALL_WEEK, BusinessCalendar, CalendarRules, Segment, hours_of

NO_SEGMENTS: tuple[Segment, ...] = ()


def segments(*spans: str) -> tuple[Segment, ...]:
    return tuple(Segment(start=span.split("-")[0], end=span.split("-")[1]) for span in spans)


def office(time_zone: str, *spans: str, **rules: Any) -> BusinessCalendar:
    """Monday to Friday on these segments."""
    week = (segments(*spans),) * 5 + (NO_SEGMENTS,) * 2
    return BusinessCalendar.model_validate(
        {"code": "OFFICE", "version": 1, "time_zone": time_zone, "week": week, **rules}
    )


def daily(time_zone: str, *spans: str) -> BusinessCalendar:
    return BusinessCalendar(code="DAILY", version=1, time_zone=time_zone, week=(segments(*spans),) * 7)


def local(text: str, time_zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone))


HELSINKI, BERLIN, ROME = "Europe/Helsinki", "Europe/Berlin", "Europe/Rome"
FINLAND = office(HELSINKI, "08:00-16:00", holiday_country="FI")
ITALY = office(ROME, "08:00-12:00", "13:00-17:00", holiday_country="IT")
ALWAYS = BusinessCalendar(code="24x7", version=1, time_zone=BERLIN, week=ALL_WEEK)


@pytest.mark.parametrize(
    ("calendar", "moment", "opens"),
    [
        pytest.param(FINLAND, "2026-12-04T15:59", "2026-12-04T15:59", id="within a segment it is open already"),
        pytest.param(FINLAND, "2026-12-04T16:00", "2026-12-07T08:00", id="the end of a segment is closed"),
        pytest.param(FINLAND, "2026-12-04T17:40", "2026-12-07T08:00", id="Friday evening waits for Monday"),
        pytest.param(FINLAND, "2026-12-04T08:00", "2026-12-04T08:00", id="the start of a segment is open"),
        pytest.param(FINLAND, "2026-12-04T03:12", "2026-12-04T08:00", id="at night the same day's morning"),
        pytest.param(FINLAND, "2027-12-03T17:40", "2027-12-07T08:00", id="Independence Day on a Monday is closed"),
        pytest.param(FINLAND, "2026-12-23T16:00", "2026-12-28T08:00", id="Finland's Christmas Eve is a holiday"),
        pytest.param(FINLAND, "2026-06-18T18:00", "2026-06-22T08:00", id="Midsummer Eve is a holiday"),
        pytest.param(ITALY, "2026-11-03T12:00", "2026-11-03T13:00", id="over lunch it is closed"),
        pytest.param(ITALY, "2026-11-03T11:59", "2026-11-03T11:59", id="before lunch it is open"),
        pytest.param(ALWAYS, "2026-12-25T03:00", "2026-12-25T03:00", id="day and night is open at Christmas"),
    ],
)
def test_next_open_is_the_first_open_moment(calendar: BusinessCalendar, moment: str, opens: str) -> None:
    found = next_open(calendar, local(moment, calendar.time_zone))
    assert found == local(opens, calendar.time_zone)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("calendar", "moment", "minutes", "deadline"),
    [
        pytest.param(FINLAND, "2026-12-04T17:40", 240, "2026-12-07T12:00", id="evening before Independence Day"),
        pytest.param(FINLAND, "2026-12-04T15:30", 240, "2026-12-07T11:30", id="half an hour today, the rest on Monday"),
        pytest.param(FINLAND, "2026-12-23T15:30", 240, "2026-12-28T11:30", id="over Christmas"),
        pytest.param(FINLAND, "2026-12-04T12:00", 240, "2026-12-04T16:00", id="used up with the end of the day"),
        pytest.param(FINLAND, "2026-12-04T12:00", 241, "2026-12-07T08:01", id="one minute more is the next day"),
        pytest.param(ITALY, "2026-11-03T11:30", 60, "2026-11-03T13:30", id="lunch does not count"),
        pytest.param(ITALY, "2026-11-03T12:20", 60, "2026-11-03T14:00", id="received at lunch"),
        pytest.param(ITALY, "2026-11-03T11:00", 60, "2026-11-03T12:00", id="used up with the start of lunch"),
        pytest.param(ALWAYS, "2026-12-24T22:00", 240, "2026-12-25T02:00", id="day and night over Christmas"),
        pytest.param(FINLAND, "2026-03-27T15:00", 240, "2026-03-30T11:00", id="over the weekend of the clock jump"),
        pytest.param(ITALY, "2026-10-23T16:00", 120, "2026-10-26T09:00", id="over the weekend the clock goes back"),
        pytest.param(ALWAYS, "2026-03-29T01:30", 60, "2026-03-29T03:30", id="an hour through the clock jump"),
    ],
)
def test_a_deadline_falls_where_the_open_time_is_used_up(
    calendar: BusinessCalendar, moment: str, minutes: int, deadline: str
) -> None:
    found = add_business_time(calendar, local(moment, calendar.time_zone), timedelta(minutes=minutes))
    assert found == local(deadline, calendar.time_zone)


def test_an_hour_through_the_repeated_hour_ends_in_its_second_pass() -> None:
    deadline = add_business_time(ALWAYS, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), timedelta(hours=1))
    assert deadline == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert deadline.astimezone(ZoneInfo(BERLIN)).strftime("%H:%M %Z") == "02:30 CET"


SPRING, AUTUMN = "2026-03-29", "2026-10-25"


@pytest.mark.parametrize(
    ("time_zone", "day", "spans", "minutes"),
    [
        pytest.param(BERLIN, SPRING, ["00:00-24:00"], 23 * 60, id="a spring day has 23 hours in Berlin"),
        pytest.param(HELSINKI, SPRING, ["00:00-24:00"], 23 * 60, id="and in Helsinki"),
        pytest.param(ROME, AUTUMN, ["00:00-24:00"], 25 * 60, id="an autumn day has 25 hours in Rome"),
        pytest.param(HELSINKI, AUTUMN, ["00:00-24:00"], 25 * 60, id="and in Helsinki "),
        pytest.param(BERLIN, SPRING, ["01:00-05:00"], 180, id="a segment over the skipped hour is shorter"),
        pytest.param(HELSINKI, SPRING, ["02:00-05:00"], 120, id="Helsinki skips the hour from 03:00"),
        pytest.param(BERLIN, SPRING, ["02:00-03:00"], 0, id="the skipped hour itself is nothing"),
        pytest.param(BERLIN, SPRING, ["02:15-02:45"], 0, id="nor is a part of it"),
        pytest.param(BERLIN, SPRING, ["02:30-04:00"], 60, id="starting in the skipped hour is starting at the jump"),
        pytest.param(BERLIN, SPRING, ["01:00-02:30"], 60, id="ending in the skipped hour is ending at the jump"),
        pytest.param(ROME, AUTUMN, ["01:00-04:00"], 240, id="a segment over the repeated hour is longer"),
        pytest.param(ROME, AUTUMN, ["02:15-02:45"], 30, id="a part of the repeated hour is its first pass"),
        pytest.param(ROME, AUTUMN, ["02:00-02:30", "02:30-03:00"], 120, id="touching segments share both passes"),
        pytest.param("America/Havana", "2026-03-08", ["00:00-24:00"], 23 * 60, id="a jump at midnight"),
        pytest.param("Australia/Lord_Howe", "2026-10-04", ["00:00-24:00"], 23 * 60 + 30, id="a jump of half an hour"),
        pytest.param("Pacific/Apia", "2011-12-30", ["00:00-24:00"], 0, id="a day that a zone left out"),
    ],
)
def test_a_segment_is_as_long_as_it_really_is(time_zone: str, day: str, spans: list[str], minutes: int) -> None:
    calendar = daily(time_zone, *spans)
    start = local(f"{day}T00:00", time_zone)
    assert business_time_between(calendar, start, start + timedelta(days=1)) == timedelta(minutes=minutes)


def test_no_time_is_lost_where_the_clock_goes_back_over_midnight() -> None:
    start, end = datetime(2006, 10, 28, 12, tzinfo=UTC), datetime(2006, 10, 29, 2, 45, tzinfo=UTC)
    assert end.astimezone(ZoneInfo("America/St_Johns")).strftime("%d %H:%M %Z") == "28 23:15 NST"
    assert business_time_between(daily("America/St_Johns", "00:00-24:00"), start, end) == end - start


@pytest.mark.parametrize(
    ("region", "deadline"),
    [
        pytest.param("BE", "2026-01-06T09:00", id="Berlin works on Epiphany"),
        pytest.param("BY", "2026-01-07T09:00", id="Bavaria does not"),
    ],
)
def test_regional_holidays_close_their_region_alone(region: str, deadline: str) -> None:
    calendar = office(BERLIN, "08:00-17:00", holiday_country="DE", holiday_subdivision=region)
    received = local("2026-01-05T16:00", BERLIN)
    assert add_business_time(calendar, received, timedelta(hours=2)) == local(deadline, BERLIN)


def test_holidays_carry_their_local_name() -> None:
    assert [hours_of(FINLAND, date(2026, 12, day)).name for day in (6, 23, 24)] == [
        "Itsenäisyyspäivä",
        None,
        "Jouluaatto",
    ]


def test_own_days_win_over_holidays_and_weekdays() -> None:
    calendar = office(
        HELSINKI,
        "08:00-16:00",
        holiday_country="FI",
        closed_days=[{"day": "2026-12-07", "name": "Stocktaking"}],
        opened_days=[{"day": "2026-12-24"}, {"day": "2026-12-05", "segments": [{"start": "10:00", "end": "12:00"}]}],
    )
    found = {day: hours_of(calendar, date(2026, 12, day)) for day in (4, 5, 6, 7, 24)}
    assert {day: (hours.rule, " ".join(map(str, hours.segments))) for day, hours in found.items()} == {
        4: ("weekday", "08:00-16:00"),
        5: ("opened", "10:00-12:00"),
        6: ("holiday", ""),
        7: ("closed", ""),
        24: ("opened", "08:00-16:00"),
    }
    assert found[7].name == "Stocktaking"


def test_opening_intervals_are_cut_to_the_span_asked_for() -> None:
    found = opening_intervals(ITALY, local("2026-11-03T11:00", ROME), local("2026-11-04T08:30", ROME))
    assert [
        (interval.start.astimezone(ITALY.zone).strftime("%d %H:%M"), str(interval.length)) for interval in found
    ] == [
        ("03 11:00", "1:00:00"),
        ("03 13:00", "4:00:00"),
        ("04 08:00", "0:30:00"),
    ]


def test_nothing_lies_between_a_moment_and_an_earlier_one() -> None:
    later, earlier = datetime(2026, 11, 3, 12, tzinfo=UTC), datetime(2026, 11, 3, 9, tzinfo=UTC)
    assert business_time_between(ALWAYS, later, earlier) == timedelta(0)


def test_a_calendar_whose_only_day_is_past_says_that_it_never_opens() -> None:
    over = BusinessCalendar.model_validate(
        {
            "code": "FAIR",
            "version": 3,
            "time_zone": BERLIN,
            "week": [[]] * 7,
            "opened_days": [{"day": "2026-05-05", "segments": [{"start": "09:00", "end": "18:00"}]}],
        }
    )
    with pytest.raises(CalendarNeverOpens, match="FAIR version 3"):
        next_open(over, datetime(2026, 6, 1, tzinfo=UTC))
    with pytest.raises(CalendarNeverOpens, match="10:00:00 of open time"):
        add_business_time(over, datetime(2026, 5, 5, tzinfo=UTC), timedelta(hours=10))


@pytest.mark.parametrize(
    "compute", [next_open, lambda calendar, at: opening_intervals(calendar, at, at + timedelta(1))]
)
def test_a_moment_without_time_zone_is_refused(compute: Any) -> None:
    with pytest.raises(ValueError, match="time zone"):
        compute(FINLAND, datetime(2026, 6, 1))  # noqa: DTZ001


WORKWEEK: list[list[dict[str, str]]] = [[{"start": "08:00", "end": "16:00"}]] * 5 + [[], []]


@pytest.mark.parametrize(
    ("rules", "field", "rule"),
    [
        ({"time_zone": "Europe/Helsinky"}, "time_zone", "IANA time zone"),
        ({"time_zone": "Europe"}, "time_zone", "IANA time zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "IANA time zone"),
        ({"week": WORKWEEK[:6]}, "week", "seven lists"),
        ({"week": [[{"start": "8:00", "end": "16:00"}], *WORKWEEK[1:]]}, "week.0.0.start", "HH:MM"),
        ({"week": [[{"start": "08:00", "end": "24:01"}], *WORKWEEK[1:]]}, "week.0.0.end", "HH:MM"),
        ({"week": [[{"start": "16:00", "end": "08:00"}], *WORKWEEK[1:]]}, "week.0.0", "start before it ends"),
        ({"week": [[{"start": "08:00", "end": "08:00"}], *WORKWEEK[1:]]}, "week.0.0", "start before it ends"),
        (
            {
                "week": [
                    *WORKWEEK[:2],
                    [{"start": "11:00", "end": "17:00"}, {"start": "08:00", "end": "12:00"}],
                    *WORKWEEK[3:],
                ]
            },
            "week",
            "Wednesday: segments 08:00-12:00 and 11:00-17:00 overlap",
        ),
        ({"week": [[]] * 7}, "", "week: at least one segment"),
        ({"holiday_country": "XX"}, "holiday_country", "ISO 3166"),
        ({"holiday_country": "DE", "holiday_subdivision": "ZZ"}, "holiday_subdivision", "region of DE"),
        ({"holiday_subdivision": "BY"}, "holiday_subdivision", "needs a holiday_country"),
        ({"closed_days": [{"day": "2026-12-31"}] * 2}, "closed_days", "2026-12-31 is named twice"),
        ({"opened_days": [{"day": "2026-12-31"}] * 2}, "opened_days", "2026-12-31 is named twice"),
        (
            {"closed_days": [{"day": "2026-12-31"}], "opened_days": [{"day": "2026-12-31"}]},
            "opened_days",
            "2026-12-31 is a closed day too",
        ),
        ({"opened_days": [{"day": "2026-12-05"}]}, "opened_days", "Saturday"),
        ({"opened_days": [{"day": "2026-12-05", "segments": []}]}, "opened_days.0.segments", "needs a segment"),
        ({"holiday_contry": "FI"}, "holiday_contry", "not permitted"),
    ],
)
def test_a_wrong_calendar_is_refused_by_field_and_rule(rules: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        CalendarRules.model_validate({"time_zone": HELSINKI, "week": WORKWEEK, **rules})
    [error] = refusal.value.errors()
    assert ".".join(map(str, error["loc"])) == field
    assert rule in error["msg"]


def test_a_calendar_survives_its_json() -> None:
    calendar = office(BERLIN, "08:00-12:00", "13:00-24:00", holiday_country="DE", closed_days=[{"day": "2026-12-31"}])
    assert BusinessCalendar.model_validate(calendar.model_dump(mode="json")) == calendar


# Any calendar at all. The examples are few because each walks over many days; no time limit on a shared machine.

quick = settings(max_examples=40, deadline=None)


def wall_clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


day_segments = st.lists(st.integers(0, 288).map(lambda five: five * 5), unique=True, max_size=6).map(
    lambda minutes: [
        {"start": wall_clock(start), "end": wall_clock(end)}
        for start, end in zip(sorted(minutes)[::2], sorted(minutes)[1::2], strict=False)
    ]
)
calendars = st.fixed_dictionaries(
    {
        "code": st.just("ANY"),
        "version": st.just(1),
        "time_zone": st.sampled_from([HELSINKI, BERLIN, "UTC", "America/Havana", "Australia/Lord_Howe"]),
        "week": st.lists(day_segments, min_size=7, max_size=7).filter(any),
        "holiday_country": st.sampled_from([None, "FI", "DE"]),
    }
).map(BusinessCalendar.model_validate)
# Half of the moments lie around the clock changes.
moments = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.datetimes(datetime(2026, 3, 27), datetime(2026, 3, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.datetimes(datetime(2026, 10, 23), datetime(2026, 10, 27), timezones=st.just(UTC)),  # noqa: DTZ001
)
amounts = st.timedeltas(timedelta(0), timedelta(minutes=600))


@quick
@given(calendars, moments, amounts)
def test_what_is_added_can_be_measured_again(calendar: BusinessCalendar, moment: datetime, amount: timedelta) -> None:
    deadline = add_business_time(calendar, moment, amount)
    assert deadline >= moment
    assert business_time_between(calendar, moment, deadline) == amount


@quick
@given(calendars, moments, amounts, amounts)
def test_more_time_is_never_due_earlier(
    calendar: BusinessCalendar, moment: datetime, one: timedelta, other: timedelta
) -> None:
    less, more = sorted((one, other))
    assert add_business_time(calendar, moment, less) <= add_business_time(calendar, moment, more)


@quick
@given(calendars, moments, st.timedeltas(timedelta(0), timedelta(days=3)), amounts)
def test_received_later_is_never_due_earlier(
    calendar: BusinessCalendar, moment: datetime, delay: timedelta, amount: timedelta
) -> None:
    assume(amount)
    assert add_business_time(calendar, moment, amount) <= add_business_time(calendar, moment + delay, amount)


@quick
@given(calendars, st.lists(moments, min_size=3, max_size=3))
def test_open_time_adds_up(calendar: BusinessCalendar, unordered: list[datetime]) -> None:
    first, second, third = sorted(unordered)
    assert business_time_between(calendar, first, third) == business_time_between(
        calendar, first, second
    ) + business_time_between(calendar, second, third)


@quick
@given(calendars, moments)
def test_next_open_is_open(calendar: BusinessCalendar, moment: datetime) -> None:
    opens = next_open(calendar, moment)
    assert opens >= moment
    assert next_open(calendar, opens) == opens
    assert business_time_between(calendar, moment, opens) == timedelta(0)
    assert business_time_between(calendar, opens, opens + timedelta(seconds=1)) > timedelta(0)


@quick
@given(calendars, moments)
def test_open_time_is_what_a_wall_clock_would_see(calendar: BusinessCalendar, moment: datetime) -> None:
    """Looked up every five minutes, without any arithmetic; the repeated hour has rules of its own."""
    start = moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0)
    ticks = [(start + timedelta(minutes=5 * tick)).astimezone(calendar.zone) for tick in range(36 * 12)]
    offsets = [tick.utcoffset() or timedelta(0) for tick in ticks]
    assume(offsets == sorted(offsets))
    seen = sum(
        segment.start <= tick.strftime("%H:%M") < segment.end
        for tick in ticks
        for segment in hours_of(calendar, tick.date()).segments
    )
    assert business_time_between(calendar, start, start + timedelta(hours=36)) == timedelta(minutes=5 * seen)
