"""A portal in this process, on the real store and in front of the real services, with a browser's cookie jar."""

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import FastAPI

from deploy.local import installations, keys
from deploy.local.environment import service_url, store_url
from services.portal.main import create_app
from services.portal.settings import Patience, PortalSettings, ServiceAddresses, Settings
from shared.settings import StoreSettings
from tests.support.stack import Stack
from tests.support.world import Person

NOWHERE = "http://127.0.0.1:9"
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def settings(stack: Stack, *, public_url: str = "http://portal.test", more: Any = None, **away: str) -> Settings:
    """The settings of a portal beside the stack's own; services named in `away` have another address."""
    names = ("identity", "catalog", "tickets", "notifier")
    addresses = {name: away.get(name, service_url(stack.profile, name)) for name in names}
    return Settings(
        store=StoreSettings(url=store_url(stack.profile), database="lockstep_portal"),
        services=ServiceAddresses(**addresses),
        portal=PortalSettings(public_url=public_url),
        assets_dir=installations.assets_directory(),
        patience=Patience(read=15),  # so that a page of a slow machine has all its parts
        front_door_key_file=keys.front_door_key_file(stack.profile),
        **(more or {}),
    )


@contextlib.asynccontextmanager
async def portal(chosen: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(chosen)
    async with app.router.lifespan_context(app):
        yield app


def browser(app: FastAPI, **more: Any) -> httpx.AsyncClient:
    """A browser without JavaScript: keeps cookies, does not follow redirects by itself."""
    base: str = app.state.settings.portal.public_url
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base, timeout=20, **more)


def csrf_of(page: httpx.Response) -> str:
    found = CSRF.search(page.text)
    assert found, page.text[:500]
    return found[1]


async def sign_in(client: httpx.AsyncClient, person: Person, **fields: str) -> httpx.Response:
    form = {"csrf": csrf_of(await client.get("/sign-in")), "email": person.email, "password": person.password}
    return await client.post("/sign-in", data=form | fields)
