"""What the operations, queries and consumers of a service use. It knows nothing of what keeps them running."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from pymongo.asynchronous.database import AsyncDatabase

from shared.access.callers import Callers
from shared.clock import Clock
from shared.outbox import Outbox
from shared.settings import ServiceSettings

S_co = TypeVar("S_co", bound=ServiceSettings, covariant=True)
P_co = TypeVar("P_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Service(Generic[S_co, P_co]):
    """The parts of one service: those that all services have, its settings, and parts of its own.

    Each service names its form once, in `services/<name>/service.py`.
    """

    settings: S_co
    clock: Clock
    db: AsyncDatabase[dict[str, Any]]
    outbox: Outbox
    callers: Callers
    parts: P_co


async def service_of(request: Request) -> Any:
    """The service that answers a request. For the dependency `Deps` of each service."""
    return request.app.state.service
