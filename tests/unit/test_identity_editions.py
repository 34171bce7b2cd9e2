"""Contact hours: open now, opens next."""

from datetime import UTC, date, datetime, time

import pytest

from services.identity.editions.domain import Opening, faults, opening
from services.identity.editions.holiday_calendar import holidays_of
from shared.contracts.identity import EditionState, OpeningHours


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
