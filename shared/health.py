"""Liveness, readiness and metrics. Ready means: commands can be accepted; a slow broker only makes it degraded."""

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pymongo.errors import PyMongoError

health_router = APIRouter(tags=["health"])


@health_router.get("/health/live")
async def live(request: Request, response: Response) -> dict[str, Any]:
    """The process answers, and all its background work goes on: what has died there needs a new process."""
    dead = request.app.state.service.dead_tasks
    if dead:
        response.status_code = 503
    return {"status": "dead" if dead else "live", "dead": dead}


@health_router.get("/health/ready")
async def ready(request: Request, response: Response) -> dict[str, Any]:
    """Store and keys are there. The body names what is degraded: consumers, broker, rights; and the lag."""
    service = request.app.state.service
    missing: list[str] = []
    try:
        await service.db.command("ping")
    except PyMongoError:
        missing.append("store")
    if not service.tokens.ready:
        missing.append("keys")
    degraded: dict[str, Any] = {}
    consumers = service.consumers
    if consumers is not None:
        if consumers.waiting:
            degraded["consumers"] = f"the broker has not taken them yet: {', '.join(consumers.waiting)}"
        if stopped := consumers.stopped():
            degraded["stopped"] = stopped
    if service.dead_tasks:
        degraded["dead"] = service.dead_tasks
    if not service.watch.sees_broker:
        degraded["broker"] = "it does not answer; commands are accepted and published later"
    if service.watch.is_behind(service.settings.consumers.behind_limit_seconds):
        degraded["rights"] = "views of users or grants are behind; only fresh tokens are accepted"
    if missing:
        response.status_code = 503
    return {
        "status": "not ready" if missing else "degraded" if degraded else "ready",
        "missing": missing,
        "degraded": degraded,
        "lag": service.watch.lag,
    }


@health_router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
