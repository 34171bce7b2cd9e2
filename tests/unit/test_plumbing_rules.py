"""Small rules of the plumbing: search keys, cursors, problems, envelopes, the clock, entity tags."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord
from pydantic import BaseModel, ValidationError

from shared.clock import Clock
from shared.contracts.catalogue import BY_TYPE, DECLARED
from shared.contracts.notifier import MessageChanged, MessageState, MessageStatus
from shared.http.paging import CursorInvalid, decode_cursor, encode_cursor
from shared.ids import derived_id, new_id
from shared.outbox import Cause
from shared.outbox.entry import EventTooLarge, entries_for
from shared.problems import Invalid, field_errors
from shared.text import folded, search_key, search_words
from shared.wire.envelope import Malformed, headers_of, parse, sequence_of


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Müller", "mueller"),
        ("MUELLER", "mueller"),
        ("Straße 5", "strasse 5"),
        ("Hämeenlinna", "haemeenlinna"),
        ("Città", "citta"),
        ("  AB-12/34  ", "ab 12 34"),
        ("", ""),
    ],
)
def test_a_search_key_is_the_same_for_all_spellings(text: str, key: str) -> None:
    assert search_key(text) == key


def test_folding_finds_an_umlaut_typed_without_its_dots() -> None:
    assert folded("Müller") == "muller"
    assert search_words("Beta alpha beta") == ["beta", "alpha"]


def test_a_cursor_comes_back_as_it_went() -> None:
    assert decode_cursor(encode_cursor({"at": "2026-12-04", "id": "x"})) == {"at": "2026-12-04", "id": "x"}


@pytest.mark.parametrize("cursor", ["%%%", "WzFd", "bm90IGpzb24", "ä"])
def test_a_foreign_cursor_is_refused_by_name(cursor: str) -> None:
    with pytest.raises(CursorInvalid) as refusal:
        decode_cursor(cursor)
    assert refusal.value.errors[0].field == "cursor"


def test_a_broken_rule_names_the_field_and_never_the_input() -> None:
    class SignIn(BaseModel):
        password: int

    with pytest.raises(ValidationError) as error:
        SignIn.model_validate({"password": "correct horse"})
    assert field_errors(error.value)[0].field == "password"
    assert "correct horse" not in str([one.model_dump() for one in field_errors(error.value)])
    assert Invalid("no", field="site.city", rule="required").body()["errors"][0]["field"] == "site.city"


def test_ids_sort_by_time_or_are_the_same_for_the_same_parts() -> None:
    assert new_id() < new_id()
    assert derived_id("a", "b") == derived_id("a", "b") != derived_id("ab")


def test_the_clock_follows_its_offset_file(tmp_path: Path) -> None:
    file = tmp_path / "offset"
    file.write_text("86400")
    assert abs(Clock(file)() - datetime.now(UTC) - timedelta(days=1)) < timedelta(seconds=1)
    assert abs(Clock(tmp_path / "missing")() - datetime.now(UTC)) < timedelta(seconds=1)


def message(text: str = "ok") -> MessageChanged:
    return MessageChanged(
        message=MessageState(
            message_id="m1",
            user_id="u1",
            kind="ticket_opened",
            status=MessageStatus.SENT,
            reason=text,
            template_version="1",
            at=datetime(2026, 12, 4, tzinfo=UTC),
        )
    )


def wire(headers: list[tuple[str, bytes | None]], value: bytes | None, key: bytes | None = b"m1") -> ConsumerRecord:
    return ConsumerRecord("notifier.messages", 0, 7, 1_700_000_000_000, 0, key, value, None, 2, 2, tuple(headers))


def test_an_event_survives_the_wire() -> None:
    now = datetime(2026, 12, 4, 15, 40, tzinfo=UTC)
    entry = entries_for(
        "m1", 3, [message()], source="/lockstep/notifier", cause=Cause("u1"), product_time=now, real_time=now
    )[0]
    record = wire([(name, text.encode()) for name, text in entry["headers"].items()], entry["value"].encode())
    envelope = parse(record, headers_of(record), MessageChanged)
    assert (envelope.event, envelope.sequence, envelope.actor, envelope.time) == (message(), 4, "u1", now)
    assert envelope.correlation_id == envelope.id


def test_an_event_over_the_limit_is_refused_before_anything_is_written() -> None:
    now = datetime.now(UTC)
    with pytest.raises(EventTooLarge):
        entries_for("m1", 0, [message("ö" * 460_000)], source="s", cause=Cause(None), product_time=now, real_time=now)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([("ce_type", b"notifier.message.changed.v1")], b"m1"),
        ([("ce_id", b"1"), ("ce_type", None)], b"m1"),
        ([("ce_id", b"1"), ("ce_type", b"x"), ("ce_sequence", b"minus one")], b"m1"),
        ([("ce_id", b"1"), ("ce_type", b"x")], None),
    ],
)
def test_a_record_against_the_contract_says_which_rule_it_breaks(
    headers: list[tuple[str, bytes | None]], key: bytes | None
) -> None:
    record = wire(headers, message().model_dump_json().encode(), key)
    with pytest.raises(Malformed):
        parse(record, headers_of(record), MessageChanged)


def test_null_and_broken_headers_never_raise() -> None:
    record = wire([("a", None), ("b", b"\xff\xfe"), ("ce_sequence", b"12")], b"{}")
    assert headers_of(record)["a"] == ""
    assert sequence_of(headers_of(record)) == 12


def test_every_event_of_the_contracts_is_in_the_catalogue_once() -> None:
    assert len({event.type for event in DECLARED}) == len(DECLARED)
    assert all(BY_TYPE[event.type] is event for event in DECLARED)
    assert all(event.type.endswith(".v1") and event.topic for event in DECLARED)
