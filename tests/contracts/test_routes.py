"""Every route of every application, and all that it depends on, is a coroutine."""

from collections.abc import Iterator
from inspect import iscoroutinefunction

from fastapi.dependencies.models import Dependant

from deploy.contracts import WITHOUT_CONTRACT, application
from deploy.local.installations import assets_directory
from deploy.local.layout import existing_services
from services.portal.main import create_app
from services.portal.settings import Settings
from shared.problems import all_routes
from shared.settings import StoreSettings


def sync_calls(dependant: Dependant) -> Iterator[str]:
    """What of a route would be sent through a pool of threads, request by request."""
    call = dependant.call
    if call is not None and not (iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__)):
        yield getattr(call, "__qualname__", repr(call))
    for inner in dependant.dependencies:
        yield from sync_calls(inner)


def test_routes_and_their_dependencies_are_coroutines() -> None:
    apps = {name: application(name) for name in sorted(set(existing_services()) - WITHOUT_CONTRACT)}
    apps["portal"] = create_app(Settings(store=StoreSettings(database="unused"), assets_dir=assets_directory()))
    found = {
        f"{name} {route.path}: {call}"
        for name, app in apps.items()
        for route in all_routes(app.routes)
        for call in sync_calls(route.dependant)
    }
    assert not found, "make these `async def`"
