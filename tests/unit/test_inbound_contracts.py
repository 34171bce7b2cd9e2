"""What parties send is refused by name of field and rule where it could not be kept, whatever type it is."""

import json
from datetime import date, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from shared.contracts.base import Event
from shared.contracts.inbound import EVENTS, PartyMessage
from shared.problems import field_errors
from tests.contracts.examples import example

Place = tuple[int | str, ...]


def places(value: Any, kind: type, place: Place = ()) -> list[Place]:
    """Where values of a kind stand in an event, at any depth."""
    if isinstance(value, BaseModel):
        return [found for name, part in value for found in places(part, kind, (*place, name))]
    if isinstance(value, dict):
        return [found for name, part in value.items() for found in places(part, kind, (*place, name))]
    if isinstance(value, tuple):
        return [found for number, part in enumerate(value) for found in places(part, kind, (*place, number))]
    return [place] if type(value) is kind else []


def put(event: Event, place: Place, value: Any) -> bytes:
    """The event on the wire with another value in one place."""
    content = json.loads(event.model_dump_json())
    part = content
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    return json.dumps(content).encode()


def refused(event: Event, place: Place, value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        type(event).model_validate_json(put(event, place, value))
    assert ".".join(map(str, place)) in {one.field for one in field_errors(error.value)}, (place, value)


def taken(event: Event, place: Place, value: Any) -> None:
    type(event).model_validate_json(put(event, place, value))


@pytest.mark.parametrize("event_class", EVENTS, ids=lambda one: one.type)
def test_every_message_is_bounded_at_any_depth(event_class: type[Event]) -> None:
    assert issubclass(event_class, PartyMessage)
    event = example(event_class)
    for place in places(event, int):
        refused(event, place, 2**63)
    for place in places(event, datetime):
        for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
            refused(event, place, moment)
    for place in places(event, date):
        refused(event, place, "0001-01-01")
        taken(event, place, "9999-12-31")
    texts = places(event, str)
    assert texts
    for place in texts:
        refused(event, place, "with a \0 in it")


def test_a_large_number_is_taken_and_one_that_the_store_cannot_keep_is_refused() -> None:
    event = next(example(one) for one in EVENTS if one.type == "back-office.model.updated.v1")
    taken(event, ("revision",), 2**53)
    refused(event, ("revision",), 2**63)
    refused(event, ("revision",), 10**40)


def test_names_of_counters_are_texts_too() -> None:
    event = next(example(one) for one in EVENTS if one.type == "engineer.visit.reported.v1")
    with pytest.raises(ValidationError) as error:
        type(event).model_validate_json(put(event, ("counters",), {"tot\0al": 1}))
    assert all(one.field.startswith("counters") for one in field_errors(error.value))


def test_half_of_a_surrogate_pair_is_refused_before_it_is_a_text() -> None:
    event = next(example(one) for one in EVENTS if one.type == "back-office.model.updated.v1")
    with pytest.raises(ValidationError, match="Invalid JSON"):
        type(event).model_validate_json(put(event, ("name",), "\ud800 alone"))
    with pytest.raises(ValidationError, match=r"surrogate pair|unicode string"):
        type(event).model_validate({**event.model_dump(), "name": "\ud800 alone"})


def test_an_address_is_as_short_and_as_complete_as_at_the_customer_s_door() -> None:
    event = next(example(one) for one in EVENTS if one.type == "back-office.device.updated.v1")
    for name in ("name", "street", "postcode", "city"):
        refused(event, ("site", name), "")
        refused(event, ("site", name), "\u200b")
        refused(event, ("site", name), "x" * 201)
        taken(event, ("site", name), "x" * 200)
    refused(event, ("site", "access_notes"), "x" * 1_001)
    taken(event, ("site", "access_notes"), "x" * 1_000)
    refused(event, ("location", "room"), "x" * 201)
    contract = next(example(one) for one in EVENTS if one.type == "back-office.contract.updated.v1")
    refused(contract, ("entitlement", "level"), "x" * 1_001)
