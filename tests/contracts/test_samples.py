"""The samples in the documents were really on the wire, and are what the contracts say."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deploy.contracts import FOLDER, SAMPLES
from shared.contracts.catalogue import BY_TYPE, DECLARED

FILES = sorted(SAMPLES.glob("*.json"))


@pytest.fixture(scope="module")
def asyncapi() -> Any:
    return yaml.load((FOLDER / "asyncapi.yaml").read_text(), yaml.CSafeLoader)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sample_is_what_the_contract_says(path: Path, asyncapi: Any) -> None:
    sample = json.loads(path.read_text())
    message = asyncapi["components"]["messages"][path.stem]
    assert sample["headers"]["ce_type"] == path.stem
    assert path.stem in asyncapi["channels"][sample["topic"]]["messages"]
    for part in ("headers", "payload"):
        Draft202012Validator({**message[part], "components": asyncapi["components"]}).validate(sample[part])
        assert message["examples"][0][part] == sample[part]
    if path.stem in BY_TYPE:
        BY_TYPE[path.stem].model_validate(sample["payload"])


def test_most_types_have_a_sample() -> None:
    declared = {event_class.type for event_class in DECLARED}
    assert len({path.stem for path in FILES} & declared) >= 0.85 * len(declared)
