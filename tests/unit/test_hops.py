"""Durations are counted by the minute, and what is said of them is never shorter than they were."""

import pytest

from shared.hops import MINUTES_KEPT, STEP, Minutes, merged, quantile, seconds_of, step_of


@pytest.mark.parametrize("seconds", [0.0, -3.0, 0.0004, 0.001, 0.02, 1.0, 59.9, 3_600.0])
def test_a_step_is_at_most_fifteen_percent_too_long(seconds: float) -> None:
    said = seconds_of(step_of(seconds))
    assert max(seconds, 0.001) <= said * 1.000001 and said <= max(seconds, 0.001) * STEP * 1.000001


def test_a_duration_of_years_has_the_last_step() -> None:
    assert step_of(1e12) == step_of(1e9)


def test_half_of_all_are_within_the_median_and_one_slow_one_shows_at_the_end() -> None:
    minutes = Minutes()
    for _ in range(99):
        minutes.add(0.01, at=60.0)
    minutes.add(30.0, at=61.0)
    (_, counts) = minutes.kept(at=61.0)[0]
    middle, most = quantile(counts, 0.5), quantile(counts, 1.0)
    assert middle is not None and 0.01 <= middle < 0.012
    assert most is not None and 30 <= most < 35


def test_of_nothing_there_is_no_median() -> None:
    assert quantile({}, 0.5) is None


def test_minutes_without_anything_are_left_out_and_those_of_more_than_an_hour_ago_are_gone() -> None:
    minutes = Minutes()
    minutes.add(0.01, at=0.0)
    minutes.add(0.01, at=600.0)
    assert [at for at, _ in minutes.kept(at=600.0)] == [0, 600]
    assert [at for at, _ in minutes.kept(at=60.0 * MINUTES_KEPT)] == [600]
    assert minutes.kept(at=1e9) == []


def test_counts_of_several_processes_are_one() -> None:
    assert merged([{1: 2}, {1: 3, 5: 1}]) == {1: 5, 5: 1}
