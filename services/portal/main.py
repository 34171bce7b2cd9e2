"""The portal: one front door for browsers and API users."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request
from prometheus_client import start_http_server
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from services.portal.gateway import routes as gateway
from services.portal.gateway.backends import Backends
from services.portal.gateway.rates import RateLimit
from services.portal.gateway.same_site import SameSite
from services.portal.gateway.security import SecurityHeaders
from services.portal.gateway.sessions import Sessions
from services.portal.gateway.streams import Streams
from services.portal.pages.areas import AREAS
from services.portal.pages.base import live, rendering
from services.portal.pages.components import saved_views
from services.portal.pages.components.saved_views import SavedViews
from services.portal.pages.errors.handlers import add_error_pages
from services.portal.settings import Settings
from shared import instance
from shared.clock import Clock
from shared.contracts import actions
from shared.http.body_limit import BodyLimit
from shared.http.caller import public
from shared.http.client_address import read_key
from shared.http.head import Head
from shared.http.requests import RequestContext
from shared.logs import configure_logs

STORE_TIMEOUT_MS = 5_000
STREAMS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
"""Their number is bounded by `Streams`."""
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
        async with (
            _metrics_at(settings.metrics_address),
            httpx.AsyncClient(limits=CONNECTIONS, trust_env=False) as client,
            httpx.AsyncClient(limits=STREAMS, trust_env=False) as streaming,
        ):
            app.state.db = store[settings.store.database]
            app.state.sessions = Sessions(app.state.db, settings.session_hours)
            app.state.backends = Backends(
                settings, app.state.sessions, client, streaming, read_key(settings.front_door_key_file)
            )
            await app.state.sessions.prepare()
            app.state.views = SavedViews(app.state.db)
            await app.state.views.prepare()
            try:
                with instance.named(settings.instance, service=settings.service, place=settings.store.url) as name:
                    configure_logs(settings.service, name, settings.log_level)
                    yield
            finally:
                await store.close()

    app = FastAPI(title="Portal", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.settings = settings
    app.state.clock = Clock(settings.clock.offset_file)
    app.state.assets = rendering.load_assets(settings.assets_dir)
    app.state.templates = rendering.Templates(app.state.assets)
    app.state.form_key = _form_key(settings.session_key_file)
    app.state.editions = {}
    app.state.streams = Streams(each=settings.streams.session, all_together=settings.streams.all_together)
    app.state.rates = {
        "session": RateLimit(settings.rates.session),
        "address": RateLimit(settings.rates.address),
        "sign_in": RateLimit(settings.rates.sign_in),
    }
    add_error_pages(app)
    app.add_middleware(GZipMiddleware, minimum_size=800, compresslevel=5)
    app.add_middleware(SecurityHeaders, https=settings.https)
    app.add_middleware(BodyLimit)
    app.add_middleware(SameSite, public_url=settings.portal.public_url)
    app.add_middleware(RequestContext)
    app.add_middleware(Head)
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
    seen_by_all = [public(actions.READ_HEALTH)]
    app.add_api_route("/health/live", _live, dependencies=seen_by_all)
    app.add_api_route("/health/ready", _ready, dependencies=seen_by_all)
    for module in (gateway, rendering, live, saved_views, *AREAS):
        app.include_router(module.router)
    return app


@contextlib.asynccontextmanager
async def _metrics_at(address: str) -> AsyncIterator[None]:
    """The metrics at a port of their own, for as long as the portal runs. Raises OSError where it is taken."""
    if not address:
        yield
        return
    host, _, port = address.rpartition(":")
    server, thread = start_http_server(int(port), host)
    try:
        yield
    finally:
        await asyncio.to_thread(server.shutdown)
        await asyncio.to_thread(thread.join)


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
