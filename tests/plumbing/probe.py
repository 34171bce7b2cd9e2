"""A small service of this folder's own, run inside the test: things that are named and renamed."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeAlias

import httpx
from fastapi import APIRouter, FastAPI

from deploy.local.environment import store_url
from deploy.local.layout import Profile
from shared import service
from shared.access.callers import Loader
from shared.application import create_service_app
from shared.consumers import Subscription, deployment
from shared.consumers.subscription import Kind
from shared.contracts.base import Contract, Event
from shared.contracts.catalogue import BY_TYPE
from shared.health import Running
from shared.outbox import Aggregate
from shared.settings import BrokerSettings, ServiceSettings, StoreSettings, TokenSettings
from tests.support.wire import Wire

THINGS = Aggregate("things", "things")
TOPIC = f"plumbing.things-{uuid.uuid4().hex[:8]}"


class ThingState(Contract):
    name: str
    count: int = 0


class ThingChanged(Event):
    topic: ClassVar[str] = TOPIC
    type: ClassVar[str] = "plumbing.thing.changed.v1"
    thing: ThingState


class ThingWanted(Event):
    topic: ClassVar[str] = TOPIC
    type: ClassVar[str] = "plumbing.thing.wanted.v1"
    name: str


BY_TYPE[ThingChanged.type] = ThingChanged
BY_TYPE[ThingWanted.type] = ThingWanted


@dataclass(slots=True)
class ProbeParts:
    """The application around a running probe, for tests that look behind it or knock at its door."""

    app: FastAPI = field(default_factory=FastAPI)

    @property
    def running(self) -> Running:
        running: Running = self.app.state.running
        return running


Service: TypeAlias = service.Service[ServiceSettings, ProbeParts]
Start = Callable[..., AbstractAsyncContextManager[Service]]
Step = Callable[[Service], Awaitable[None]]

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
"""Reactions of a probe are there since then, so that they handle what a test sends before it starts them."""


@dataclass(frozen=True)
class Probe:
    """How to start the service, once or several times, and the broker as its administrator."""

    start: Start
    wire: Wire


async def nobody(*_: Any) -> None:
    return None


def probe_on(profile: Profile, topics: Wire) -> Probe:
    """A service on a profile's servers, with a database of its own."""
    database = f"plumbing_{uuid.uuid4().hex[:10]}"

    @contextlib.asynccontextmanager
    async def start(
        subscriptions: Sequence[Subscription[Service]] = (),
        *,
        service_name: str = "plumbing",
        instance: str | None = "0",
        routers: Sequence[APIRouter] = (),
        key_set_url: str = "http://127.0.0.1:9/keys",
        broker: BrokerSettings | None = None,
        load_user: Loader | None = nobody,
        load_grants: Loader | None = nobody,
        load_revocation: Loader | None = nobody,
        deployed: datetime | None = LONG_AGO,
        prepare: Sequence[Step] = (),
        aggregates: Sequence[Aggregate] = (THINGS,),
        **parts: Any,
    ) -> AsyncIterator[Service]:
        own_broker = BrokerSettings(bootstrap=topics.bootstrap, username=topics.username, password=topics.password)
        settings = ServiceSettings(
            service=service_name,
            instance=f"{instance}-{database}" if instance is not None else "",
            log_level="WARNING",
            store=StoreSettings(url=store_url(profile), database=database),
            broker=broker or own_broker,
            tokens=TokenSettings(key_set_url=key_set_url),
        )

        async def deployed_before(service: Service) -> None:
            for one in subscriptions:
                if deployed is not None and one.kind is Kind.REACTION:
                    mark = {"$setOnInsert": {"at": deployed}}
                    await service.db[deployment.COLLECTION].update_one({"_id": one.group}, mark, upsert=True)

        settings.consumers.attempts = 2
        settings.consumers.burial_limit = 3
        app: FastAPI = create_service_app(
            settings,
            title="plumbing",
            about="Tests.",
            routers=routers,
            build_parts=lambda _db, _settings: ProbeParts(),
            aggregates=aggregates,
            subscriptions=subscriptions,
            prepare=[deployed_before, *prepare],
            load_user=load_user,
            load_grants=load_grants,
            load_revocation=load_revocation,
            **parts,
        )
        async with app.router.lifespan_context(app):
            started: Service = app.state.service
            started.parts.app = app
            yield started

    return Probe(start, topics)


def front_door(service: Service, **headers: str) -> httpx.AsyncClient:
    """A client of a running probe."""
    transport = httpx.ASGITransport(app=service.parts.app)
    return httpx.AsyncClient(transport=transport, base_url="http://probe", headers=headers, timeout=15)
