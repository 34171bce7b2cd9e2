"""Records of every inbound type, spoilt in every field: each is taken or answered, and the next good one is taken."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from shared.contracts.base import Event
from shared.contracts.inbound import EVENTS
from tests.abuse.conftest import TIMES, Cast
from tests.contracts.examples import example
from tests.support.waiting import eventually
from tests.support.wire import headers_for, value_of

EXTREMES: tuple[Any, ...] = (
    None,
    "",
    "\u200b",
    "x" * 100_000,
    "\ud83d\ude00" * 300,
    0,
    -1,
    2**63,
    -(2**63) - 1,
    10**40,
    1e308,
    True,
    [],
    {},
    [[[[]]]],
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "2026-13-45T99:99:99Z",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "'; DROP TABLE tickets; --",
    {"$ne": None},
    "\r\nBcc: everybody@lockstep.example",
)
HEADERS: tuple[dict[str, bytes], ...] = (
    {},
    {"ce_type": b"no.such.type.v1"},
    {"ce_id": b""},
    {"ce_sequence": b"9" * 100},
    {"ce_sequence": b"-1"},
    {"ce_time": b"0001-01-01T00:00:00+14:00"},
    {"ce_id": b"\xff\xfe"},
    {"ce_correlationid": b"x" * 5_000},
)
BODIES = (b"", b"null", b"[]", b"{", b"\xff\xfe", b'"text"', b"1" * 5_000, b'{"a":' * 500)


def spoilt(event: Event) -> Iterator[bytes]:
    """The event with each of its fields replaced by some of the extremes, and left out."""
    content = json.loads(event.model_dump_json())
    for number, name in enumerate(content):
        yield json.dumps({key: value for key, value in content.items() if key != name}).encode()
        for step in range(3 * TIMES):
            extreme = EXTREMES[(number * 5 + step * 7) % len(EXTREMES)]
            yield json.dumps({**content, name: extreme}).encode()


@pytest.mark.parametrize("event_class", EVENTS, ids=lambda one: one.type)
async def test_a_spoilt_record_is_answered_and_stops_nothing(cast: Cast, event_class: type[Event]) -> None:
    topic = event_class.topic
    wire, key = cast.stack.wire(topic.split(".")[1]), f"abuse-{uuid.uuid4().hex[:8]}"
    event, last = example(event_class), uuid.uuid4().hex
    good = event.model_dump_json().encode()
    records = [(body, headers_for(event_class.type, uuid.uuid4().hex)) for body in (*spoilt(event), *BODIES)]
    records += [(good, {**headers_for(event_class.type, uuid.uuid4().hex), **more}) for more in HEADERS]
    records.append((b"{}", headers_for(event_class.type, last)))
    async with wire.listening(f"{topic}.rejected") as heard:
        async with wire.producer() as producer:
            for body, headers in records:
                await producer.send(topic, body, key=key.encode(), headers=list(headers.items()))

        async def answered() -> bool:
            await heard.more()
            return any(value_of(record)["record_id"] == last for record in heard.of(key))

        await eventually(answered, within=60, what="the answer to the last of them")
        reasons = [str(value_of(record)["reason"]) for record in heard.of(key)]
    assert len(reasons) > len(BODIES)
    assert not [reason for reason in reasons if "our side" in reason or "Traceback" in reason]
