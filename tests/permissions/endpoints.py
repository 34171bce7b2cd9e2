"""The endpoints of all applications, as they declare themselves: no list of them is kept anywhere."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from starlette.routing import BaseRoute

from deploy.contracts import WITHOUT_CONTRACT, application
from deploy.local import installations
from deploy.local.layout import existing_services
from services.portal.main import create_app
from services.portal.settings import Settings
from shared.contracts.actions import Action
from shared.http.caller import action_of
from shared.problems import all_routes
from shared.settings import StoreSettings


@dataclass(frozen=True)
class Endpoint:
    service: str
    method: str
    path: str
    action: Action | None

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path}"


def service_endpoints() -> list[Endpoint]:
    """Those of all services behind the portal."""
    names = sorted(set(existing_services()) - WITHOUT_CONTRACT)
    return [one for name in names for one in _endpoints(name, application(name).routes)]


def portal_endpoints() -> list[Endpoint]:
    """Pages, forms, files and the ways through to the services."""
    settings = Settings(store=StoreSettings(database="unused"), assets_dir=installations.assets_directory())
    return list(_endpoints("portal", create_app(settings).routes))


def _endpoints(service: str, routes: Iterable[BaseRoute]) -> Iterator[Endpoint]:
    for route in all_routes(routes):
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield Endpoint(service, method, route.path, action_of(route))
