"""When a schema may take another one's place: it may have more optional fields, and must be equal otherwise."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.contracts.base import Event

Schema = Mapping[str, Any]

WORDS = frozenset({"title", "description", "examples"})


def schema_of(event_class: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event's value, complete in itself, without words that change no meaning."""
    schema = event_class.model_json_schema()
    definitions = schema.pop("$defs", {})
    resolved = _resolved(schema, definitions)
    assert isinstance(resolved, dict)
    return resolved


def differences(frozen: Any, today: Any, at: str = "") -> Iterator[str]:
    """What has changed beyond added optional fields, as sentences that name the place."""
    if not (isinstance(frozen, Mapping) and isinstance(today, Mapping)):
        if isinstance(frozen, list) and isinstance(today, list) and len(frozen) == len(today):
            for number, (before, now) in enumerate(zip(frozen, today, strict=True)):
                yield from differences(before, now, f"{at}[{number}]")
        elif frozen != today:
            yield f"{at or 'the value'}: {frozen!r} became {today!r}"
        return
    for keyword in sorted(set(frozen) | set(today)):
        if keyword == "properties":
            yield from _changed_properties(frozen.get(keyword, {}), today.get(keyword, {}), today, at)
        elif keyword == "required":
            yield from _changed_required(frozen, today, at)
        elif keyword not in frozen or keyword not in today:
            yield f"{at or 'the value'}: the rule {keyword!r} {'appeared' if keyword in today else 'went'}"
        else:
            yield from differences(frozen[keyword], today[keyword], f"{at}.{keyword}" if at else keyword)


def _changed_properties(frozen: Schema, today: Schema, owner: Schema, at: str) -> Iterator[str]:
    for name in sorted(set(frozen) - set(today)):
        yield f"{at}.{name}: the field went"
    for name in sorted(set(today) - set(frozen)):
        if name in owner.get("required", ()):
            yield f"{at}.{name}: a required field was added"
    for name in sorted(set(frozen) & set(today)):
        yield from differences(frozen[name], today[name], f"{at}.{name}")


def _changed_required(frozen: Schema, today: Schema, at: str) -> Iterator[str]:
    known = set(frozen.get("properties", {}))
    before, now = set(frozen.get("required", ())), set(today.get("required", ())) & known
    for name in sorted(before - now & known):
        if name in today.get("properties", {}):
            yield f"{at}.{name}: readers rely on it, and it became optional"
    for name in sorted(now - before):
        yield f"{at}.{name}: it became required"


def _resolved(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_resolved(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _resolved({**target, **rest}, definitions)
    return {
        key: {name: _resolved(field, definitions) for name, field in value.items()}
        if key == "properties"
        else _resolved(value, definitions)
        for key, value in node.items()
        if key not in WORDS
    }
