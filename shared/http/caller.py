"""Who asks, and by which action: the caller of a request, from its bearer token, let in at the door of a route.

Each route says in its signature what is done by it, `caller: Annotated[Caller, may(actions.OPEN_TICKET)]`; one that
needs no caller says `dependencies=[public(actions.SIGN_IN)]`. Both can be found again in the route (`action_of`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.routing import BaseRoute

from shared.access.caller import Caller
from shared.access.callers import Callers
from shared.access.permissions import require
from shared.contracts.actions import Action, Relation
from shared.http.seen import Awaited, marks_of
from shared.problems import Unauthenticated

RIGHTS = ("users", "grants")
"""Whose marks, of his own, tell a caller apart from the one that he was a second ago."""

_bearer = HTTPBearer(auto_error=False, description="an access token of identity")


async def _caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    seen: Annotated[str | None, Header(description="marks of earlier answers, which this one has to take in")] = None,
) -> Caller:
    """Who asks. What he has seen is waited for after that, so that nobody unknown makes a service wait."""
    if credentials is None:
        raise Unauthenticated(headers={"WWW-Authenticate": "Bearer"})
    callers: Callers = request.app.state.service.callers
    caller = await callers.of_token(credentials.credentials)
    if not seen or not (marks := marks_of(seen)):
        return caller
    awaited: Awaited = request.app.state.awaited
    await awaited.wait(caller.id, marks)
    if all(mark.noun not in RIGHTS or mark.document_id != caller.id for mark in marks):
        return caller
    callers.forget(caller.id)
    return await callers.of_token(credentials.credentials)


CallerDep = Annotated[Caller, Depends(_caller)]
"""Who asks, for what belongs to no action of its own, such as the idempotency of a command."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A dependency that says which action its route is."""

    action: Action


@dataclass(frozen=True, slots=True)
class Door(Declaration):
    """Lets a caller in. Where there is an object, sight of it comes first, so the operation decides (`require`)."""

    async def __call__(self, caller: CallerDep) -> Caller:
        if self.action.relation is Relation.NONE:
            require(caller, self.action)
        return caller


@dataclass(frozen=True, slots=True)
class OpenDoor(Declaration):
    """Lets everybody in."""

    async def __call__(self) -> None:
        return None


def may(action: Action) -> Any:
    """The dependency of a route that is for callers who may do this; its value is the caller."""
    return Depends(Door(action))


def public(action: Action) -> Any:
    """The dependency of a route that needs no caller."""
    if not action.public:
        raise ValueError(f"{action.name} is not public")
    return Depends(OpenDoor(action))


def action_of(route: APIRoute) -> Action | None:
    """What a route declares; None for one that has forgotten it. Raises ValueError for two different actions."""
    declared = {call.action for call in _calls(route.dependant) if isinstance(call, Declaration)}
    if len(declared) > 1:
        raise ValueError(f"{route.path} declares {', '.join(sorted(action.name for action in declared))}")
    return declared.pop() if declared else None


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)


def describe_actions(routes: Iterable[BaseRoute]) -> None:
    """Let OpenAPI show of each route which action it is, and who may."""
    for route in routes:
        if isinstance(route, APIRoute) and (action := action_of(route)) is not None:
            route.openapi_extra = {**(route.openapi_extra or {}), "x-action": _described(action)}


def _described(action: Action) -> dict[str, Any]:
    who = {
        "roles": sorted(role.value for role in action.customer),
        "staff_roles": sorted(role.value for role in action.staff),
        "scopes": sorted(action.scopes),
    }
    if action.public:
        return {"name": action.name, "public": True}
    return {
        "name": action.name,
        "relation": action.relation.value,
        **({"everybody": True} if action.everybody else {}),
        **{name: codes for name, codes in who.items() if codes},
    }
