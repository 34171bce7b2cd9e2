"""Samples of what really travels, taken from a running broker: `python -m deploy.samples [profile]`.

Writes `docs/samples/<type>.json`, one record of each type as a reader gets it: headers, key and value. The contracts'
documents show them as examples. Types that the broker does not hold keep the sample that they have.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from confluent_kafka import Consumer, Message

from deploy.broker_setup import connection
from deploy.contracts import SAMPLES
from deploy.local.environment import broker_bootstrap
from deploy.local.keys import broker_password
from deploy.local.layout import REPOSITORY, Profile
from deploy.topics import TOPICS

QUIET_SECONDS = 3.0
MOST_BYTES = 6_000
"""Of two records of one type the longer one shows more; beyond this nobody reads it."""


def main() -> int:
    profile = Profile.parse(sys.argv[1] if len(sys.argv) > 1 else "dev")
    chosen: dict[str, Message] = {}
    for record in _records(profile):
        kind = _headers(record).get("ce_type")
        size = len(record.value() or b"")
        if kind and 0 < size <= MOST_BYTES and (kind not in chosen or len(chosen[kind].value() or b"") < size):
            chosen[kind] = record
    SAMPLES.mkdir(parents=True, exist_ok=True)
    for kind, record in sorted(chosen.items()):
        path = SAMPLES / f"{kind}.json"
        path.write_text(json.dumps(_sample(record), indent=2, ensure_ascii=False) + "\n")
        print(path.relative_to(REPOSITORY))
    return 0 if chosen else 1


def _records(profile: Profile) -> Iterator[Message]:
    """All records of all declared topics, until nothing more comes."""
    consumer = Consumer(
        connection(broker_bootstrap(profile), broker_password(profile, "admin"))
        | {"group.id": "samples", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    )
    try:
        consumer.subscribe([topic.name for topic in TOPICS])
        patience = 10 * QUIET_SECONDS
        while (record := consumer.poll(patience)) is not None:
            patience = QUIET_SECONDS
            if record.error() is None:
                yield record
    finally:
        consumer.close()


def _headers(record: Message) -> dict[str, str]:
    headers: Iterable[tuple[str, Any]] = record.headers() or []  # type: ignore[assignment]
    return {name: value.decode() for name, value in headers if isinstance(value, bytes)}


def _sample(record: Message) -> dict[str, Any]:
    key, value = record.key(), record.value()
    return {
        "topic": record.topic(),
        "key": key.decode() if isinstance(key, bytes) else key,
        "headers": _headers(record),
        "payload": json.loads(value or b"null"),
    }


if __name__ == "__main__":
    sys.exit(main())
