"""What OpenAPI says of a service beyond its routes: every answer, by the parts that a route is made of.

Refusals are problem details (RFC 9457), so one schema describes them all. A status stands where something that the
route uses may answer so: its door, its idempotency key, its `If-Match`, its path. What a route refuses besides is in
its own `responses`.
"""

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from shared.http import commands
from shared.http.caller import action_of
from shared.problems import ProblemDetails, all_routes

MEDIA_TYPE = "application/problem+json"
TEMPLATE = "#/components/schemas/{model}"
REF = {"$ref": TEMPLATE.format(model="ProblemDetails")}
GENERATED = ("HTTPValidationError", "ValidationError")
SERVERS = [{"url": "/", "description": "below the address of the portal's gateway, or of the service itself"}]
CONTACT = {"name": "Lockstep operations", "url": "https://lockstep.example/operations"}

KEY = {"type": "string", "minLength": 1, "maxLength": commands.MAX_KEY_LENGTH}

MEANINGS = {
    400: "A header, the cursor or the body cannot be read.",
    401: "No access token, or one that is not good any more.",
    403: "In sight, but not for this caller to do; the roles and scopes that could are named.",
    404: "Nothing here, or nothing that the caller may see.",
    409: "It contradicts the present state.",
    412: "It has another version by now.",
    413: "The body is too large, or what follows from it is too large to be passed on.",
    422: "A field breaks its rule; each is named.",
    428: "Say with `If-Match` which version this is about.",
    429: "Too many attempts; wait as `Retry-After` says.",
    503: "Not possible just now; try again as `Retry-After` says.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that refuses for reasons of its own."""
    return {status: {"description": MEANINGS[status]} for status in statuses}


def document(app: FastAPI, *, about: str) -> Callable[[], dict[str, Any]]:
    """The maker of an application's OpenAPI document, made once."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, about)
        return app.openapi_schema

    return made


def operation_id(route: APIRoute) -> str:
    """The name of the function: `open_ticket`."""
    return route.name


def _document(app: FastAPI, about: str) -> dict[str, Any]:
    routes = [route for route in all_routes(app.routes) if route.include_in_schema]
    found = get_openapi(
        title=app.title,
        version=app.version,
        description=about,
        routes=app.routes,
        tags=_tags(routes),
        servers=SERVERS,
        contact=CONTACT,
    )
    used: set[int] = set()
    for route in routes:
        for method in route.methods or ():
            used |= _complete(found["paths"][route.path_format][method.lower()], route, method)
    schemas = found["components"]["schemas"]
    for name in GENERATED:
        schemas.pop(name, None)
    _, definitions = models_json_schema([(ProblemDetails, "serialization")], ref_template=TEMPLATE)
    schemas.update(definitions["$defs"])
    content = {MEDIA_TYPE: {"schema": REF}}
    found["components"]["responses"] = {
        str(status): {"description": words, "content": content} for status, words in MEANINGS.items() if status in used
    }
    return found


def _tags(routes: Iterable[APIRoute]) -> list[dict[str, str]]:
    """The tags, with what the module of their routes says that it is."""
    found: dict[str, str] = {}
    for route in routes:
        for tag in route.tags:
            words = inspect.getdoc(sys.modules[route.endpoint.__module__]) or ""
            found.setdefault(str(tag), words.partition("\n\n")[0].replace("\n", " "))
    return [{"name": name, "description": words} for name, words in sorted(found.items())]


def _complete(operation: dict[str, Any], route: APIRoute, method: str) -> set[int]:
    """Describe all refusals of an operation; returns their statuses."""
    answers: dict[str, Any] = operation["responses"]
    refused = {*_statuses(route, method), *(int(code) for code in answers if code[0] in "45")}
    kept = {code: answer for code, answer in answers.items() if int(code) not in refused}
    operation["responses"] = kept | {
        str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(refused)
    }
    if _needs(route.dependant, (commands.required,)):
        for parameter in operation["parameters"]:
            if parameter["name"] == "idempotency-key":
                parameter |= {"required": True, "schema": KEY}
    return refused


def _statuses(route: APIRoute, method: str) -> set[int]:
    action = action_of(route)
    found = {503}
    is_public = action is not None and action.public
    if not is_public:
        found |= {401, 403}
    if route.param_convertors or (method != "GET" and not is_public):
        found.add(404)
    if route.body_field is not None:
        found.add(400)
    if route.body_field is not None or _takes_parameters(route.dependant):
        found.add(422)
    if any(parameter.alias == "cursor" for parameter in _query(route.dependant)):
        found.add(400)
    if method != "GET":
        found |= {409} if not is_public else set()
        found |= {413} if route.body_field is not None else set()
    if _needs(route.dependant, (commands.required, commands.optional)):
        found |= {400, 409, 422}
    if _needs(route.dependant, (commands.if_match,)):
        found |= {400, 412}
    return found


def _needs(dependant: Dependant, calls: tuple[Callable[..., Any], ...]) -> bool:
    return dependant.call in calls or any(_needs(inner, calls) for inner in dependant.dependencies)


def _takes_parameters(dependant: Dependant) -> bool:
    own = (*dependant.path_params, *dependant.query_params, *dependant.header_params)
    return bool(own) or any(_takes_parameters(inner) for inner in dependant.dependencies)


def _query(dependant: Dependant) -> list[Any]:
    return [*dependant.query_params, *(one for inner in dependant.dependencies for one in _query(inner))]
