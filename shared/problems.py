"""Refusals as problem details (RFC 9457). A refusal is a class beside the code that raises it."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure, PyMongoError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match

log = logging.getLogger(__name__)


class FieldError(BaseModel):
    """Which field, which rule, and the rule in words."""

    field: str
    rule: str
    message: str


class ProblemDetails(BaseModel):
    """A refusal as it is answered (RFC 9457); some say more beside these."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="for people")
    code: str = Field(description="stable, for programs")
    errors: list[FieldError] = []


class Problem(Exception):
    """A refusal that a client can understand. `code` is stable; `detail` is for people."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "The request cannot be carried out"

    def __init__(
        self,
        detail: str = "",
        *,
        field: str | None = None,
        rule: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = list(errors)
        if field is not None:
            self.errors.append(FieldError(field=field, rule=rule or self.code, message=self.detail))
        self.headers = dict(headers or {})
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {
            **self.extra,
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "errors": [error.model_dump() for error in self.errors],
        }


class Unauthenticated(Problem):
    status = 401
    code = "unauthenticated"
    title = "Sign in first"


class Forbidden(Problem):
    status = 403
    code = "forbidden"
    title = "You may see this but not do it"


class NotFound(Problem):
    status = 404
    code = "not_found"
    title = "There is nothing here, or nothing that you may see"


class Conflict(Problem):
    status = 409
    code = "conflict"
    title = "The request contradicts the present state"


class VersionConflict(Problem):
    status = 412
    code = "version_conflict"
    title = "Somebody else changed it first"


class Invalid(Problem):
    status = 422
    code = "invalid"
    title = "A field breaks its rule"


class KeyReused(Problem):
    status = 422
    code = "idempotency_key_reused"
    title = "This idempotency key was used for another request"


class Unavailable(Problem):
    status = 503
    code = "unavailable"
    title = "Not possible just now"

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 1, **extra: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)}, **extra)


def field_errors(error: ValidationError | RequestValidationError) -> list[FieldError]:
    """The broken rules by field. The rejected input is left out: it may be a password."""
    skipped = {"body", "query", "path", "header"}
    return [
        FieldError(
            field=".".join(str(part) for i, part in enumerate(item["loc"]) if i > 0 or part not in skipped) or "body",
            rule=item["type"],
            message=item["msg"],
        )
        for item in error.errors()
    ]


def response_of(problem: Problem) -> Response:
    """The answer; what a refusal says beside its text may be any value that events hold, moments among them."""
    return Response(
        orjson.dumps(problem.body()), problem.status, headers=problem.headers, media_type="application/problem+json"
    )


class _Unexpected(Problem):
    status = 500
    code = "unexpected"
    title = "Something broke on our side"


class _Plain(Problem):
    code = "http_error"


def all_routes(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """The routes of an application, those of its routers among them."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (included := getattr(route, "original_router", None)) is not None:
            yield from all_routes(included.routes)


def allowed_methods(request: Request, status: int) -> dict[str, str]:
    """The header `Allow` of a 405: all methods that a path has, of all its routes (RFC 9110, 15.5.6)."""
    if status != 405:
        return {}
    found: set[str] = set()
    for route in all_routes(request.app.routes):
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return {"Allow": ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))}


async def client_gone(_: Request, __: Exception) -> Response:
    """Whoever asked went away before all of the request had come: nothing was done, and nobody reads this."""
    return Response(status_code=400)


def add_problem_handlers(app: FastAPI) -> None:
    """Turn every error of the application into problem details."""

    async def on_problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return response_of(error)

    async def on_validation(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = field_errors(error)
        return response_of(Invalid(f"{errors[0].field}: {errors[0].message}", errors=errors))

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {}) | allowed_methods(request, error.status_code)
        body = _Plain(str(error.detail)).body() | {"status": error.status_code, "title": str(error.detail)}
        body["code"] = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        return JSONResponse(body, error.status_code, headers=headers, media_type="application/problem+json")

    async def on_store_away(_: Request, error: Exception) -> Response:
        log.error("the store did not answer", exc_info=error)
        return response_of(Unavailable("The store does not answer; nothing was changed or the change will be found."))

    async def on_store_refusal(request: Request, error: Exception) -> Response:
        """A store that has lost its own database refuses operations before it stops answering."""
        try:
            await request.app.state.service.db.command("ping")
        except PyMongoError:
            return await on_store_away(request, error)
        return await on_unexpected(request, error)

    async def on_unexpected(_: Request, error: Exception) -> Response:
        log.error("unexpected error", exc_info=error)
        return response_of(_Unexpected())

    app.add_exception_handler(ClientDisconnect, client_gone)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(ConnectionFailure, on_store_away)
    app.add_exception_handler(ExecutionTimeout, on_store_away)
    app.add_exception_handler(OperationFailure, on_store_refusal)
    app.add_exception_handler(Exception, on_unexpected)
