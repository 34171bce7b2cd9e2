"""One example of each event with every field filled in, from the field's name and type."""

import types
from collections.abc import Mapping
from datetime import date, time
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from shared.contracts.base import Event

MOMENT = "2026-12-07T08:00:00Z"

TEXTS: Mapping[str, str] = {
    "action": "Fuser unit replaced",
    "advice": "Use paper of at most 120 g/m²",
    "billing_number": "B-204117",
    "calendar": "fi-8x5",
    "cause": "Fuser unit worn out",
    "city": "Tampere",
    "country": "FI",
    "description": "Grinds, then paper jams in tray 2",
    "email": "maija@customer.example",
    "error_code": "E602-0001",
    "first_name": "Maija",
    "holiday_country": "FI",
    "holiday_subdivision": "19",
    "language": "fi",
    "last_name": "Mäkinen",
    "model_name": "Aurora C3020",
    "number": "T-104217",
    "own_name": "Kopiokone 3, pohjoinen",
    "phone": "+358 9 555 0100",
    "postcode": "33200",
    "serial": "LS7K004213",
    "service_number": "S-778",
    "street": "Satamakatu 4",
    "subdivision": "FI-11",
    "symptom": "Grinding noise",
    "time_zone": "Europe/Helsinki",
    "url": "https://www.lockstep.example/drivers",
}


def example(event_class: type[Event]) -> Event:
    """A valid event in which no field keeps its default for want of a value."""
    return event_class.model_validate(_fields(event_class))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {name: _value(name, field.annotation) for name, field in model.model_fields.items()}


def _value(name: str, annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value(name, arguments[0])
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return _value(name, next(choice for choice in arguments if choice is not type(None)))
    if origin is tuple:
        return [_value(name.removesuffix("s"), arguments[0])]
    if origin is dict:
        return {"total": _value(name, arguments[1])}
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return _fields(annotation)
        if issubclass(annotation, Enum):
            return next(iter(annotation)).value
        if issubclass(annotation, bool):
            return True
        if issubclass(annotation, int):
            return 1
        if issubclass(annotation, str):
            return TEXTS.get(name, f"{name.replace('_', '-')}-1")
        if issubclass(annotation, time):
            return "08:00:00"
        if issubclass(annotation, date):
            return MOMENT if annotation is not date else "2026-12-07"
    if "AwareDatetime" in repr(annotation):
        return MOMENT
    raise TypeError(f"no example for {name}: {annotation!r}")
