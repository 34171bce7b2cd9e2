"""The generated documents say what the code does."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.layout import REPOSITORY
from deploy.topics import PARTIES, TOPICS
from shared.contracts.catalogue import DECLARED

ASYNCAPI = REPOSITORY / "docs" / "contracts" / "asyncapi.yaml"


@pytest.fixture(scope="module")
def asyncapi() -> Any:
    return yaml.load(ASYNCAPI.read_text(), yaml.CSafeLoader)


def test_the_documents_are_current() -> None:
    # In a process of its own: making applications configures the logs.
    done = subprocess.run(
        [sys.executable, "-m", "deploy.contracts", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run `python -m deploy.contracts`\n{done.stdout}{done.stderr}"


def test_each_type_travels_on_its_topic(asyncapi: Any) -> None:
    for event_class in DECLARED:
        assert event_class.type in asyncapi["channels"][event_class.topic]["messages"]
        assert event_class.type in asyncapi["components"]["messages"]


def test_each_reference_leads_somewhere(asyncapi: Any) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for item in node for found in references(item)] if isinstance(node, list) else []

    for reference in set(references(asyncapi)):
        node = asyncapi
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node


def test_a_party_finds_what_it_may_read_and_write(asyncapi: Any) -> None:
    for topic in TOPICS:
        if topic.name not in asyncapi["channels"]:
            continue
        for party in PARTIES:
            assert (f"{party}.send.{topic.name}" in asyncapi["operations"]) == (party in topic.writers)
            assert (f"{party}.receive.{topic.name}" in asyncapi["operations"]) == (party in topic.readers)


def test_nothing_else_lies_beside_the_documents() -> None:
    assert {path.suffix for path in Path(ASYNCAPI.parent).iterdir()} <= {".yaml", ".json"}
