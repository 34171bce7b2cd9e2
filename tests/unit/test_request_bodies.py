"""A misspelt field is refused: it must not count as left out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DOCUMENTS = sorted((Path(__file__).parents[2] / "docs" / "contracts").glob("openapi-*.json"))
WHOLE_STATES = {"EditionState", "PreferencesView"}
"""What is written as a whole and read as the same form; all its fields that matter are required."""


def bodies() -> Iterator[Any]:
    for document in DOCUMENTS:
        openapi = json.loads(document.read_text())
        for path, methods in openapi["paths"].items():
            for method, operation in methods.items():
                for name in _names(operation.get("requestBody", {})):
                    schema = openapi["components"]["schemas"][name]
                    yield pytest.param(name, schema, id=f"{document.stem} {method} {path}")


def _names(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        if "$ref" in body:
            yield body["$ref"].rsplit("/", 1)[-1]
        for part in body.values():
            yield from _names(part)
    elif isinstance(body, list):
        for part in body:
            yield from _names(part)


@pytest.mark.parametrize(("name", "schema"), list(bodies()))
def test_every_request_refuses_fields_that_it_does_not_know(name: str, schema: dict[str, Any]) -> None:
    assert schema.get("additionalProperties") is False or name in WHOLE_STATES, name
