"""What operators read about a parked record holds nothing of a person."""

import orjson
import pytest

from shared.operations.redaction import LONGEST_REASON, shown_key, shown_reason

PERSON = {
    "reporter": {
        "name": "Marked Väinämöinen-Smith",
        "mail": "marked.person@customer.example",
        "phone": "+358 40 1234567",
    },
    "text": "the tray of Ylermi does not close and nobody knows why it is so",
    "work_order_id": "6f0c1d52-8c0e-4b8a-9d3b-2f6f1f5d7a10",
    "visit_id": "visit-6f0c1d52-8c0e-4b8a-9d3b-2f6f1f5d7a10",
    "status": "planned",
}


def told(reason: str, key: str = "k", value: object = PERSON) -> str:
    return shown_reason(reason, key=key, value=value if isinstance(value, bytes) else orjson.dumps(value))


@pytest.mark.parametrize(
    "reason",
    [
        "no user marked.person@customer.example",
        "no user MARKED.PERSON@customer.example here",
        "unknown person Marked Väinämöinen-Smith",
        "unknown person marked väinämöinen-smith",
        "unknown person MARKEDVÄINÄMÖINENSMITH",
        "KeyError: 'Väinämöinen-Smith'",
        "cannot call +358 40 1234567",
        "cannot call +358401234567",
        "someone.else@customer.example is not known",
        "what does Ylermi mean",
        "unknown is Marked, who is called Smith",
        "dup key: { name: 'Marked' }",
    ],
)
def test_names_addresses_and_numbers_of_the_record_are_covered(reason: str) -> None:
    shown = told(reason).casefold()
    assert "[…]" in shown
    for secret in ("marked", "väinämöinen", "smith", "@", "1234567", "ylermi"):
        assert secret not in shown


@pytest.mark.parametrize(
    "reason",
    [
        "the work order 6f0c1d52-8c0e-4b8a-9d3b-2f6f1f5d7a10 is not known",
        "thing.count: Input should be a valid integer",
        "A ticket that is closed cannot be planned",
        "an earlier record of this key is parked",
        "ZeroDivisionError: oh",
    ],
)
def test_what_says_why_stays_readable(reason: str) -> None:
    assert told(reason) == reason


def test_a_name_that_the_record_does_not_hold_is_covered_inside_a_sentence() -> None:
    assert told("no account of Ylermi Markedson, or 'Öhman'", value={}) == "no account of […] […], or '[…]'"
    assert told("thing.count: Input should be a valid JSON of ZeroDivisionError", value={}).count("[…]") == 0


def test_a_record_that_is_no_json_gives_nothing_away_either() -> None:
    assert told("expected value near Marked", value=b"{Marked Person") == "expected value near […]"
    assert told("not text: Marked", value=b"\xff\xfe Marked") == "not text: […]"


def test_a_key_that_may_name_somebody_is_a_mark_by_which_it_can_be_told_apart() -> None:
    assert shown_key("6f0c1d52-8c0e-4b8a-9d3b-2f6f1f5d7a10") == "6f0c1d52-8c0e-4b8a-9d3b-2f6f1f5d7a10"
    assert shown_key("WO-1042") == "WO-1042"
    assert shown_key("") == ""
    for name in ("anna", "marked.person@customer.example", "Anna Müller"):
        shown = shown_key(name)
        assert shown.startswith("#") and name not in shown and shown == shown_key(name) != shown_key(name + "x")
    assert "anna" not in told("anna is not known", key="anna", value={})


def test_a_reason_as_long_as_a_page_is_cut() -> None:
    assert len(told("x " * 1_000)) <= LONGEST_REASON + 1
