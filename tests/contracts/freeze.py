"""Freeze what is new: `python -m tests.contracts.freeze`.

A type that is not frozen yet gets a schema and a sample as it is on the wire. A frozen type that has grown by optional
fields gets a further revision beside the first. A frozen type that has changed in any other way is refused: that
change needs a new version of the type.
"""

import json
import sys
from datetime import UTC, datetime
from typing import Any

from shared.contracts.base import Event
from shared.contracts.catalogue import BY_TYPE
from shared.outbox import Cause
from shared.outbox.entry import entries_for
from tests.contracts.compatibility import differences, schema_of
from tests.contracts.examples import example
from tests.contracts.frozen import Revision, revisions

PUBLISHED_AT = datetime(2026, 12, 7, 8, 0, tzinfo=UTC)


def main() -> int:
    """Freeze all that may be frozen; 1 when a type was refused."""
    refused = 0
    for event_type, event_class in sorted(BY_TYPE.items()):
        known = revisions(event_type)
        schema = schema_of(event_class)
        if known and known[-1].schema == schema:
            continue
        wrong = list(differences(known[-1].schema, schema)) if known else []
        if wrong:
            refused += 1
            print(f"refused: {event_type} is published and must not change. It needs a new version.")
            print(*(f"    {sentence}" for sentence in wrong), sep="\n")
        else:
            revision = Revision(event_type, len(known) + 1)
            revision.write(schema, sample_of(event_class))
            print(f"frozen:  {revision.file_name}")
    return 1 if refused else 0


def sample_of(event_class: type[Event]) -> dict[str, Any]:
    """A record as our outbox, or a party following our guide, puts it on the wire."""
    (entry,) = entries_for(
        "aggregate-1",
        6,
        [example(event_class)],
        source="/lockstep/sample",
        cause=Cause("user-1", channel="portal", correlation_id="correlation-1", causation_id="cause-1"),
        product_time=PUBLISHED_AT,
        real_time=PUBLISHED_AT,
    )
    return {
        "topic": entry["topic"],
        "key": entry["key"],
        "headers": entry["headers"],
        "value": json.loads(entry["value"]),
    }


if __name__ == "__main__":
    sys.exit(main())
