"""The portal: one front door for browsers and API users."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, Response

from services.portal.gateway import routes as gateway
from services.portal.gateway.backends import Backends
from services.portal.gateway.rates import RateLimit
from services.portal.gateway.security import SecurityHeaders
from services.portal.gateway.sessions import Sessions
from services.portal.pages import account, components, contact, devices, home, live, rendering, report, staff, tickets
from services.portal.pages.errors import add_error_pages
from services.portal.settings import Settings
from shared import instance
from shared.clock import Clock
from shared.contracts import actions
from shared.http.caller import public
from shared.http.requests import RequestContext
from shared.logs import configure_logs

STORE_TIMEOUT_MS = 5_000
CONNECTIONS = httpx.Limits(max_connections=400, max_keepalive_connections=100, keepalive_expiry=2)
"""Expiry in seconds: less than the five that a service keeps an idle connection, or a request meets its closing."""


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    configure_logs(settings.service, settings.instance, settings.log_level)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            settings.store.url, tz_aware=True, w="majority", timeoutMS=STORE_TIMEOUT_MS
        )
        async with httpx.AsyncClient(limits=CONNECTIONS, trust_env=False) as client:
            app.state.db = store[settings.store.database]
            app.state.sessions = Sessions(app.state.db, settings.session_hours)
            app.state.backends = Backends(settings, app.state.sessions, client)
            await app.state.sessions.prepare()
            try:
                with instance.named(settings.instance, service=settings.service, place=settings.store.url) as name:
                    configure_logs(settings.service, name, settings.log_level)
                    yield
            finally:
                await store.close()

    app = FastAPI(title="Portal", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.clock = Clock(settings.clock.offset_file)
    app.state.assets = rendering.load_assets(settings.assets_dir)
    app.state.templates = rendering.Templates(app.state.assets)
    app.state.form_key = _form_key(settings.session_key_file)
    app.state.editions = {}
    app.state.rates = {
        "session": RateLimit(settings.rates.session),
        "address": RateLimit(settings.rates.address),
        "sign_in": RateLimit(settings.rates.sign_in),
    }
    add_error_pages(app)
    app.add_middleware(GZipMiddleware, minimum_size=800, compresslevel=5)
    app.add_middleware(SecurityHeaders, https=settings.https)
    app.add_middleware(RequestContext)
    seen_by_all = [public(actions.READ_HEALTH)]
    app.add_api_route("/health/live", _live, dependencies=seen_by_all)
    app.add_api_route("/health/ready", _ready, dependencies=seen_by_all)
    app.add_api_route("/metrics", _metrics, include_in_schema=False, dependencies=seen_by_all)
    pages = (report, tickets, staff, devices, home, account, contact, components, live)
    for module in (gateway, rendering, *pages):
        app.include_router(module.router)
    return app


def _form_key(path: Path | None) -> bytes:
    """The key of forms before sign-in. Without a file each process has its own: right for one process only."""
    return path.read_bytes().strip() if path else secrets.token_bytes(32)


async def _live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


async def _ready(request: Request) -> Response:
    """The store of sessions is there. Services that are away make the portal degraded, not unready."""
    try:
        await request.app.state.db.command("ping")
    except PyMongoError:
        return JSONResponse({"status": "not ready", "missing": ["store"]}, 503)
    return JSONResponse({"status": "ready", "missing": []})


async def _metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
