"""Sign-in: passwords, growing delays, refresh tokens, secrets of machine clients."""

from datetime import UTC, datetime, timedelta

import pytest

from services.identity.clients.domain import accepts, is_scope, with_new_secret
from services.identity.sessions.domain import (
    LONGEST_DELAY,
    Presented,
    RefreshToken,
    attempts_id,
    delay_after,
    hash_of,
    judge_refresh,
    password_fault,
    read_refresh_token,
    words_about,
)

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ABOUT = words_about("Jürgen", "Müller-Lüdenscheidt", "juergen@muster.example")


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("short", "password_too_short"),
        ("x" * 257, "password_too_long"),
        ("aaaaaaaaaaaaaa", "password_guessable"),
        ("abcdefghijklmnop", "password_guessable"),
        ("1234567890123", "password_guessable"),
        ("Lockstep-2026", "password_guessable"),
        ("juergen.muster1", "password_guessable"),
        ("Passwort12345", "password_guessable"),
    ],
)
def test_a_weak_password_names_its_rule(password: str, rule: str) -> None:
    fault = password_fault(password, about_user=ABOUT)
    assert fault is not None
    assert fault.rule == rule


@pytest.mark.parametrize("password", ["correct horse battery", "vX3-kq8_ZrTnLw", "grüne Äpfel im Schnee"])
def test_a_good_password_needs_no_special_form(password: str) -> None:
    assert password_fault(password, about_user=ABOUT) is None


def test_delays_begin_after_five_failures_and_grow_to_a_quarter_of_an_hour() -> None:
    assert [delay_after(n).total_seconds() for n in (1, 5, 6, 7, 8)] == [0, 0, 2, 4, 8]
    assert delay_after(1000) == LONGEST_DELAY


def test_failures_are_counted_apart_for_each_address() -> None:
    assert attempts_id("a@example.com", "10.0.0.1") != attempts_id("a@example.com", "10.0.0.2")
    assert "example" not in attempts_id("a@example.com", "10.0.0.1")


def test_a_refresh_token_survives_its_text() -> None:
    token = RefreshToken("session", "family", "secret")
    assert read_refresh_token(token.text()) == token
    assert read_refresh_token("no token") is None
    assert read_refresh_token("a..b") is None


def test_an_old_secret_of_the_family_is_reuse_and_a_guess_is_not() -> None:
    hashes = {"family_hash": hash_of("family"), "secret_hash": hash_of("new")}
    assert judge_refresh(RefreshToken("s", "family", "new"), **hashes) is Presented.GENUINE
    assert judge_refresh(RefreshToken("s", "family", "old"), **hashes) is Presented.REUSED
    assert judge_refresh(RefreshToken("s", "guess", "new"), **hashes) is Presented.UNKNOWN


def test_a_rotated_secret_works_for_its_grace_time() -> None:
    first = with_new_secret([], "one", now=NOW, grace=timedelta(0))
    both = with_new_secret(first, "two", now=NOW, grace=timedelta(hours=1))
    assert accepts(both, "one", now=NOW + timedelta(minutes=59))
    assert not accepts(both, "one", now=NOW + timedelta(hours=1))
    assert accepts(both, "two", now=NOW + timedelta(days=400))


def test_a_second_rotation_does_not_prolong_the_first_secret() -> None:
    first = with_new_secret([], "one", now=NOW, grace=timedelta(0))
    second = with_new_secret(first, "two", now=NOW, grace=timedelta(hours=1))
    third = with_new_secret(second, "three", now=NOW + timedelta(minutes=30), grace=timedelta(hours=1))
    assert not accepts(third, "one", now=NOW + timedelta(minutes=61))
    assert accepts(third, "two", now=NOW + timedelta(minutes=61))


def test_a_scope_is_one_that_some_action_asks_for() -> None:
    assert is_scope("tickets:read")
    assert not is_scope("tickets:everything")
    assert not is_scope("*")
