"""The contracts as documents, generated from the code that serves them: `python -m deploy.contracts`.

Writes `docs/contracts/asyncapi.yaml` (every topic with its records, from the event classes, the table of topics and
the samples in `docs/samples`; no broker is needed) and `docs/contracts/openapi-<service>.json` (from each service's
application). `--check` writes nothing and names the documents that are not current.
"""

import argparse
import importlib
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from deploy.local.layout import REPOSITORY, existing_services
from deploy.topics import PARTIES, TOPICS, Topic
from shared.contracts.base import Event
from shared.contracts.catalogue import BY_TYPE
from shared.http.openapi import CONTACT

FOLDER = REPOSITORY / "docs" / "contracts"
SAMPLES = REPOSITORY / "docs" / "samples"

# The portal has no contract of its own: it passes /api/<service>/… on and serves pages.
WITHOUT_CONTRACT = frozenset({"portal"})

# An application is only made, never started: it needs these values to exist, not to lead anywhere.
UNUSED_SETTINGS: Mapping[str, Any] = {
    "store": {"database": "unused"},
    "broker": {"username": "unused", "password": "unused"},
    "tokens": {"key_set_url": "http://unused.example/v1/keys"},
    "signing_key_file": Path("unused"),
}

REJECTED_TYPE = "lockstep.record.rejected.v1"
REJECTED_SCHEMA = {
    "type": "object",
    "description": "The answer to a record that was refused; the record itself is kept for a person to look at.",
    "properties": {
        "reason": {"type": "string", "description": "which rule was broken, without the values that broke it"},
        "record_id": {"type": ["string", "null"], "description": "ce_id of the refused record"},
        "record_type": {"type": ["string", "null"], "description": "ce_type of the refused record"},
        "topic": {"type": "string"},
        "partition": {"type": "integer"},
        "offset": {"type": "integer"},
    },
    "required": ["reason", "topic", "partition", "offset"],
}

HEADERS = {
    "type": "object",
    "description": "CloudEvents 1.0 in Kafka's binary mode.",
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "description": "a record seen twice has the same id"},
        "ce_source": {"type": "string"},
        "ce_type": {"type": "string", "description": "owner.noun.past-participle.vN"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "description": "id of the aggregate"},
        "ce_sequence": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "version of the aggregate after this event; a reader skips what is not newer",
        },
        "ce_partitionkey": {"type": "string"},
        "ce_correlationid": {"type": "string"},
        "ce_causationid": {"type": "string"},
        "ce_actor": {"type": "string"},
        "ce_onbehalfof": {"type": "string"},
        "ce_channel": {"type": "string"},
        "traceparent": {"type": "string"},
        "content-type": {"const": "application/json"},
    },
    "required": ["ce_id", "ce_type"],
}

ABOUT = """\
Every topic with the records that travel on it. The value is JSON, the key is the id that orders records. Within a
version of a type only optional fields are added; readers pass over fields and types that they do not know. What an
inbound topic's owner refuses is answered on the topic's `.rejected`."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate the contracts' documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a document is not current")
    check = parser.parse_args().check
    wanted = dict(documents())
    stale = [name for name, content in wanted.items() if _present(name) != content]
    stale += [path.name for path in FOLDER.glob("*") if path.name not in wanted]
    if check:
        print(*(f"not current: docs/contracts/{name}" for name in stale), sep="\n")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name])
        else:
            (FOLDER / name).unlink()
        print(f"docs/contracts/{name}")
    return 0


def _present(name: str) -> str | None:
    path = FOLDER / name
    return path.read_text() if path.is_file() else None


def documents() -> Iterator[tuple[str, str]]:
    """Every document by file name."""
    yield (
        "asyncapi.yaml",
        yaml.dump(asyncapi(), Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=120),
    )
    for service in sorted(set(existing_services()) - WITHOUT_CONTRACT):
        yield f"openapi-{service}.json", json.dumps(openapi(service), indent=2, ensure_ascii=False) + "\n"


def openapi(service: str) -> dict[str, Any]:
    """One service's HTTP interface; each operation says in `x-action` what it is and who may."""
    return application(service).openapi()


def application(service: str) -> FastAPI:
    """One service's application, made but never started."""
    settings_class = importlib.import_module(f"services.{service}.settings").Settings
    needed = {name: value for name, value in UNUSED_SETTINGS.items() if name in settings_class.model_fields}
    app: FastAPI = importlib.import_module(f"services.{service}.main").create_app(settings_class(**needed))
    return app


def asyncapi() -> dict[str, Any]:
    """All topics as an AsyncAPI 3 document."""
    by_topic: dict[str, list[str]] = {}
    for event_type, event_class in BY_TYPE.items():
        by_topic.setdefault(event_class.topic, []).append(event_type)
    by_topic |= {topic.name: [REJECTED_TYPE] for topic in TOPICS if topic.name.endswith(".rejected")}
    told = [topic for topic in TOPICS if topic.name in by_topic]
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Lockstep: records between services and parties",
            "version": "1",
            "description": ABOUT,
            "contact": CONTACT,
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "{bootstrap}",
                "protocol": "kafka-secure",
                "variables": {"bootstrap": {"description": "host and port of the broker that the operator names"}},
                "security": [{"type": "scramSha512", "description": "one user per service and party"}],
            }
        },
        "channels": {topic.name: _channel(topic, by_topic[topic.name]) for topic in told},
        "operations": {name: operation for topic in told for name, operation in _operations(topic, by_topic)},
        "components": {
            "messages": {
                **{event_type: _message(event_type, event_class) for event_type, event_class in BY_TYPE.items()},
                REJECTED_TYPE: _message(REJECTED_TYPE, None),
            },
            "schemas": {"RecordHeaders": HEADERS, "RecordRejected": REJECTED_SCHEMA, **_schemas()},
        },
    }


def _channel(topic: Topic, types: list[str]) -> dict[str, Any]:
    kept = {
        "cleanup.policy": [topic.config["cleanup.policy"]],
        **({"retention.ms": int(topic.config["retention.ms"])} if "retention.ms" in topic.config else {}),
    }
    return {
        "address": topic.name,
        "messages": {event_type: {"$ref": f"#/components/messages/{event_type}"} for event_type in types},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": kept,
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations(topic: Topic, by_topic: Mapping[str, list[str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for action, principals in (("send", topic.writers), ("receive", topic.readers)):
        for principal in principals:
            yield (
                f"{principal}.{action}.{topic.name}",
                {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{topic.name}"},
                    "messages": [
                        {"$ref": f"#/channels/{topic.name}/messages/{event_type}"}
                        for event_type in by_topic[topic.name]
                    ],
                    "tags": [{"name": principal, "description": "party" if principal in PARTIES else "service"}],
                },
            )


def _message(event_type: str, event_class: type[Event] | None) -> dict[str, Any]:
    words = inspect.cleandoc(event_class.__doc__ or "") if event_class and "__doc__" in vars(event_class) else ""
    schema = event_class.__name__ if event_class else "RecordRejected"
    return {
        "name": event_type,
        "title": schema,
        **({"summary": words} if words else {}),
        "contentType": "application/json",
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "headers": {
            "allOf": [
                {"$ref": "#/components/schemas/RecordHeaders"},
                {"type": "object", "properties": {"ce_type": {"const": event_type}}},
            ]
        },
        "payload": {"$ref": f"#/components/schemas/{schema}"},
        **_examples(event_type),
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
    }


def _examples(event_type: str) -> dict[str, Any]:
    path = SAMPLES / f"{event_type}.json"
    if not path.is_file():
        return {}
    sample = json.loads(path.read_text())
    return {"examples": [{"name": "as-sent", "headers": sample["headers"], "payload": sample["payload"]}]}


def _schemas() -> dict[str, Any]:
    events = [(event_class, "validation") for event_class in BY_TYPE.values()]
    _, definitions = models_json_schema(events, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas: dict[str, Any] = definitions["$defs"]
    missing = {event_class.__name__ for event_class in BY_TYPE.values()} - schemas.keys()
    if missing:
        raise ValueError(f"two classes share a name: {', '.join(sorted(missing))}")
    return schemas


if __name__ == "__main__":
    sys.exit(main())
