"""The files that hold what was published: schemas and samples, one or more revisions a type."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import ConsumerRecord

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
SAMPLES = HERE / "samples"


@dataclass(frozen=True)
class Revision:
    """One state of a type's schema, with a record of that time as it was on the wire."""

    type: str
    number: int

    @property
    def file_name(self) -> str:
        return f"{self.type}.json" if self.number == 1 else f"{self.type}.{self.number}.json"

    @property
    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = json.loads((SCHEMAS / self.file_name).read_text())
        return schema

    @property
    def sample(self) -> dict[str, Any]:
        sample: dict[str, Any] = json.loads((SAMPLES / self.file_name).read_text())
        return sample

    def record(self) -> ConsumerRecord:
        """The sample as a consumer receives it."""
        sample = self.sample
        value = json.dumps(sample["value"]).encode()
        key = sample["key"].encode()
        return ConsumerRecord(
            topic=sample["topic"],
            partition=0,
            offset=0,
            timestamp=0,
            timestamp_type=0,
            key=key,
            value=value,
            checksum=None,
            serialized_key_size=len(key),
            serialized_value_size=len(value),
            headers=tuple((name, text.encode()) for name, text in sample["headers"].items()),
        )

    def write(self, schema: Mapping[str, Any], sample: Mapping[str, Any]) -> None:
        """Freeze it. Raises FileExistsError: what was published is never written again."""
        for folder, content in ((SCHEMAS, schema), (SAMPLES, sample)):
            folder.mkdir(exist_ok=True)
            with (folder / self.file_name).open("x") as file:
                file.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def revisions(event_type: str) -> list[Revision]:
    """All frozen revisions of a type, oldest first."""
    found = []
    number = 1
    while (SCHEMAS / Revision(event_type, number).file_name).is_file():
        found.append(Revision(event_type, number))
        number += 1
    return found
