"""Liveness, readiness and metrics. Ready means: commands can be accepted; a slow broker only makes it degraded."""

from dataclasses import dataclass, field
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from shared.access.tokens import Tokens
from shared.consumers.consume import Consumers
from shared.consumers.watch import Watch
from shared.contracts import actions
from shared.http.caller import public


@dataclass(slots=True)
class Running:
    """What runs behind a service, for those who look after it: kept in `app.state.running`."""

    db: AsyncDatabase[dict[str, Any]]
    tokens: Tokens
    watch: Watch
    consumers: Consumers
    behind_limit_seconds: float
    dead_tasks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class State:
    """What a service lacks to accept commands, and what is degraded though it accepts them."""

    missing: list[str]
    degraded: dict[str, Any]

    @property
    def status(self) -> Literal["ready", "degraded", "not ready"]:
        return "not ready" if self.missing else "degraded" if self.degraded else "ready"


async def state_of(running: Running) -> State:
    """How a service is now."""
    missing: list[str] = []
    try:
        await running.db.command("ping")
    except PyMongoError:
        missing.append("store")
    if not running.tokens.ready:
        missing.append("keys")
    degraded: dict[str, Any] = {}
    if running.consumers.waiting:
        degraded["consumers"] = f"the broker has not taken them yet: {', '.join(running.consumers.waiting)}"
    if stopped := running.consumers.stopped():
        degraded["stopped"] = stopped
    if running.dead_tasks:
        degraded["dead"] = running.dead_tasks
    if not running.watch.sees_broker:
        degraded["broker"] = "it does not answer; commands are accepted and published later"
    if running.watch.is_behind(running.behind_limit_seconds):
        degraded["rights"] = "views of users or grants are behind; only fresh tokens are accepted"
    return State(missing, degraded)


health_router = APIRouter(tags=["health"], dependencies=[public(actions.READ_HEALTH)])


@health_router.get("/health/live")
async def live(request: Request, response: Response) -> dict[str, Any]:
    """The process answers, and all its background work goes on: what has died there needs a new process."""
    dead = request.app.state.running.dead_tasks
    if dead:
        response.status_code = 503
    return {"status": "dead" if dead else "live", "dead": dead}


@health_router.get("/health/ready")
async def ready(request: Request, response: Response) -> dict[str, Any]:
    """Store and keys are there. The body names what is degraded: consumers, broker, rights; and the lag."""
    running: Running = request.app.state.running
    state = await state_of(running)
    if state.missing:
        response.status_code = 503
    return {
        "status": state.status,
        "missing": state.missing,
        "degraded": state.degraded,
        "lag": running.watch.lag,
    }


@health_router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
