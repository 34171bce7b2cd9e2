"""Records of yesterday are read today, and records of today by yesterday's readers."""

from typing import Any

import jsonschema
import pytest

from shared.contracts.catalogue import DECLARED
from shared.wire.envelope import event_class_of, headers_of, parse
from tests.contracts.compatibility import differences, schema_of
from tests.contracts.examples import example
from tests.contracts.frozen import SAMPLES, SCHEMAS, Revision, revisions

# Not the catalogue itself: the plumbing's tests put types of their own into it.
TYPES = {event.type: event for event in DECLARED}
FROZEN = [revision for event_type in sorted(TYPES) for revision in revisions(event_type)]


def name_of(revision: Revision) -> str:
    return revision.file_name.removesuffix(".json")


def test_each_type_has_one_class() -> None:
    assert len(TYPES) == len(DECLARED)


@pytest.mark.parametrize("event_type", sorted(TYPES))
def test_each_type_is_frozen_as_it_is(event_type: str) -> None:
    known = revisions(event_type)
    assert known, "run `python -m tests.contracts.freeze`"
    assert schema_of(TYPES[event_type]) == known[-1].schema, "run `python -m tests.contracts.freeze`"


def test_nothing_is_frozen_that_no_class_stands_for() -> None:
    expected = {revision.file_name for revision in FROZEN}
    assert {path.name for path in SCHEMAS.iterdir()} == expected
    assert {path.name for path in SAMPLES.iterdir()} == expected


@pytest.mark.parametrize("revision", FROZEN, ids=name_of)
def test_a_type_only_grows_by_optional_fields(revision: Revision) -> None:
    assert list(differences(revision.schema, schema_of(TYPES[revision.type]))) == []


@pytest.mark.parametrize("revision", FROZEN, ids=name_of)
def test_an_old_record_is_read_by_todays_class_without_loss(revision: Revision) -> None:
    record = revision.record()
    headers = headers_of(record)
    envelope = parse(record, headers, event_class_of(headers))
    assert type(envelope.event) is TYPES[revision.type]
    assert envelope.sequence == 7
    assert _as_far_as(revision.sample["value"], envelope.event.model_dump(mode="json")) == revision.sample["value"]


def _as_far_as(said: Any, read: Any) -> Any:
    """What was read, without the fields that the record did not have yet."""
    if isinstance(said, dict) and isinstance(read, dict):
        return {name: _as_far_as(said[name], read[name]) for name in said if name in read}
    if isinstance(said, list) and isinstance(read, list) and len(said) == len(read):
        return [_as_far_as(one, other) for one, other in zip(said, read, strict=True)]
    return read


@pytest.mark.parametrize("revision", FROZEN, ids=name_of)
def test_a_record_of_today_keeps_the_old_schema(revision: Revision) -> None:
    written = example(TYPES[revision.type]).model_dump(mode="json")
    jsonschema.Draft202012Validator(revision.schema).validate(written)


@pytest.mark.parametrize("revision", FROZEN, ids=name_of)
def test_a_field_that_is_not_known_yet_is_passed_over(revision: Revision) -> None:
    event_class = TYPES[revision.type]
    value = revision.sample["value"]
    assert event_class.model_validate({**value, "added_tomorrow": 1}) == event_class.model_validate(value)
