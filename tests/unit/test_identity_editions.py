"""Contact hours: open now, opens next."""

from datetime import UTC, date, datetime, time

import pytest
from pydantic import ValidationError

from services.identity.editions.domain import Opening, faults, opening
from services.identity.editions.holiday_calendar import holidays_of
from services.identity.editions.routes import EditionWanted
from shared.contracts.identity import EditionState, Link, OpeningHours


def edition(**changes: object) -> EditionState:
    hours = [OpeningHours(weekday=day, opens=time(8), closes=time(12)) for day in range(5)]
    hours += [OpeningHours(weekday=day, opens=time(13), closes=time(17)) for day in range(5)]
    state = EditionState(
        country="DE",
        languages=("de", "en"),
        time_zone="Europe/Berlin",
        holiday_country="DE",
        holiday_subdivision="BY",
        opening_hours=tuple(hours),
        phone="+49 89 1234",
        email="service@example.com",
        address="Musterweg 1, München",
        terms_version="2026-01",
        team_name="Service team",
    )
    return state.model_copy(update=changes)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def opening_at(text: str, **changes: object) -> Opening:
    return opening(edition(**changes), now=at(text), is_holiday=holidays_of("DE", "BY"))


def test_open_in_a_segment_says_when_it_closes_and_opens_again() -> None:
    assert opening_at("2026-11-23T09:00") == Opening(
        open_now=True, closes_at=at("2026-11-23T11:00"), opens_next_at=at("2026-11-23T12:00")
    )


def test_closed_at_lunch_opens_the_same_day() -> None:
    assert opening_at("2026-11-23T11:00") == Opening(open_now=False, opens_next_at=at("2026-11-23T12:00"))


def test_closed_on_friday_evening_opens_on_monday() -> None:
    assert opening_at("2026-11-20T16:00").opens_next_at == at("2026-11-23T07:00")


def test_summer_time_moves_the_opening_in_utc() -> None:
    assert opening_at("2026-03-27T17:00").opens_next_at == at("2026-03-30T06:00")


def test_a_regional_holiday_is_closed() -> None:
    assert opening_at("2026-01-06T09:00") == Opening(open_now=False, opens_next_at=at("2026-01-07T07:00"))


def test_a_closed_day_of_the_company_is_closed() -> None:
    assert not opening_at("2026-11-23T09:00", closed_days=(date(2026, 11, 23),)).open_now


def test_round_the_clock_has_no_gap_at_midnight() -> None:
    always = tuple(OpeningHours(weekday=day, opens=time(0), closes=time(0)) for day in range(7))
    found = opening(edition(opening_hours=always), now=at("2026-11-23T22:59"), is_holiday=lambda _: False)
    assert found.open_now
    assert found.opens_next_at is None


def test_without_hours_it_never_opens() -> None:
    assert opening_at("2026-11-23T09:00", opening_hours=()) == Opening(open_now=False)


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"time_zone": "Europe/Nowhere"}, "time_zone", "time_zone"),
        ({"languages": ("xx",)}, "languages", "language"),
        (
            {"opening_hours": (OpeningHours(weekday=0, opens=time(12), closes=time(8)),)},
            "opening_hours.0.closes",
            "after_opens",
        ),
        (
            {
                "opening_hours": (
                    OpeningHours(weekday=0, opens=time(8), closes=time(12)),
                    OpeningHours(weekday=0, opens=time(11), closes=time(13)),
                )
            },
            "opening_hours.1.opens",
            "overlap",
        ),
    ],
)
def test_a_broken_edition_names_field_and_rule(changes: dict[str, object], field: str, rule: str) -> None:
    assert [(fault.field, fault.rule) for fault in faults(edition(**changes))] == [(field, rule)]


def test_a_good_edition_has_no_faults() -> None:
    assert faults(edition()) == []


@pytest.mark.parametrize(
    "country", ["__name__", "utils", "HolidaySum", "EntityLoader", "HolidayBase", "XNYS", "Finland", "FIN", "", "xx"]
)
def test_only_a_country_has_holidays(country: str) -> None:
    with pytest.raises(NotImplementedError):
        holidays_of(country, None)


def test_who_is_always_open_never_closes() -> None:
    always = tuple(OpeningHours(weekday=day, opens=time(0), closes=time(0)) for day in range(7))
    open_always = edition(opening_hours=always, time_zone="Pacific/Apia")
    found = opening(open_always, now=at("2026-11-23T22:59"), is_holiday=never)
    assert (found.open_now, found.closes_at) == (True, None)


def never(_: date) -> bool:
    return False


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "localtime"}, "time_zone"),
        ({"time_zone": "Factory"}, "time_zone"),
        ({"languages": ("fi", "fi")}, "languages"),
        ({"links": (Link(code="a", url="https://a.example"), Link(code="a", url="https://b.example"))}, "links"),
    ],
)
def test_a_zone_is_a_place_and_nothing_is_named_twice(changes: dict[str, object], field: str) -> None:
    assert [fault.field for fault in faults(edition(**changes))] == [field]


HOURS = {"weekday": 0, "opens": "08:00", "closes": "17:00"}
BODY = edition(opening_hours=()).model_dump(mode="json") | {"opening_hours": [HOURS], "phone": "+49 89 123 45"}


def test_an_edition_as_people_write_it_is_taken() -> None:
    seconds = HOURS | {"opens": "08:00:00"}
    assert EditionWanted.model_validate(BODY | {"opening_hours": [seconds]}).edition().opening_hours[0].opens == time(8)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"opening_hours": [HOURS | {"opens": "08:00Z"}]}, "opening_hours.0.opens"),
        ({"opening_hours": [HOURS | {"closes": "16:00+05:00"}]}, "opening_hours.0.closes"),
        ({"opening_hours": [HOURS | {"opens": "00:00:00.5"}]}, "opening_hours.0.opens"),
        ({"opening_hours": [HOURS | {"opens": 28800}]}, "opening_hours.0.opens"),
        ({"opening_hours": [HOURS | {"weekday": True}]}, "opening_hours.0.weekday"),
        ({"opening_hours": [HOURS | {"colour": "red"}]}, "opening_hours.0.colour"),
        ({"closed_days": [0]}, "closed_days.0"),
        ({"closed_days": ["0001-01-01"]}, "closed_days.0"),
        ({"closed_days": ["2026-02-30"]}, "closed_days.0"),
        ({"holiday_subdivision": ""}, "holiday_subdivision"),
        ({"links": [{"code": "maker", "url": "https://good@evil.example"}]}, "links.0.url"),
        ({"links": [{"code": "maker", "url": "https://a.example", "x": 1}]}, "links.0.x"),
        ({"team_name": "\u200b"}, "team_name"),
        ({"phone": "call us"}, "phone"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_by_its_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        EditionWanted.model_validate(BODY | changes)
    assert [".".join(map(str, error["loc"])) for error in refused.value.errors()] == [field]
