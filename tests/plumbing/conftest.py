"""A small service of this folder's own, run inside the test: things that are named and renamed."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from fastapi import FastAPI

from deploy.local.environment import broker_bootstrap, store_url
from deploy.local.keys import broker_password
from deploy.local.servers import Servers
from shared.contracts.base import Contract, Event
from shared.contracts.catalogue import BY_TYPE
from shared.kafka import Subscription
from shared.outbox import Aggregate
from shared.service import Service, create_service_app
from shared.settings import BrokerSettings, ServiceSettings, StoreSettings, TokenSettings
from tests.support.wire import Wire

THINGS = Aggregate("things", "things")
TOPIC = f"plumbing.things-{uuid.uuid4().hex[:8]}"
INBOUND = f"plumbing.inbound-{uuid.uuid4().hex[:8]}"
REACTION_GROUP = "plumbing.reaction"
INBOUND_GROUP = "plumbing.inbound"
BURIAL_GROUP = "plumbing.burials"


class ThingState(Contract):
    name: str
    count: int = 0


class ThingChanged(Event):
    topic: ClassVar[str] = TOPIC
    type: ClassVar[str] = "plumbing.thing.changed.v1"
    thing: ThingState


class ThingWanted(Event):
    topic: ClassVar[str] = INBOUND
    type: ClassVar[str] = "plumbing.thing.wanted.v1"
    name: str


BY_TYPE[ThingChanged.type] = ThingChanged
BY_TYPE[ThingWanted.type] = ThingWanted

Start = Callable[..., AbstractAsyncContextManager[Service]]


@dataclass(frozen=True)
class Probe:
    """How to start the service, once or several times, and the broker as its administrator."""

    start: Start
    wire: Wire


@pytest.fixture(scope="session")
def topics(servers: Servers) -> Wire:
    """The topics of this folder on the real broker."""
    profile = servers.profile
    wire = Wire(broker_bootstrap(profile), "admin", broker_password(profile, "admin"))
    admin = AdminClient(
        {
            "bootstrap.servers": wire.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": wire.username,
            "sasl.password": wire.password,
        }
    )
    names = [TOPIC, INBOUND, f"{INBOUND}.rejected"]
    names += [f"{TOPIC}.{REACTION_GROUP}.dlq", f"{INBOUND}.{INBOUND_GROUP}.dlq", f"{TOPIC}.{BURIAL_GROUP}.dlq"]
    for future in admin.create_topics([NewTopic(name, 3, 1) for name in names]).values():
        future.result(15)
    return wire


@pytest.fixture
def probe(servers: Servers, topics: Wire) -> Probe:
    """A service with a database of this test's own."""
    database = f"plumbing_{uuid.uuid4().hex[:10]}"

    @contextlib.asynccontextmanager
    async def start(
        subscriptions: Sequence[Subscription] = (), *, instance: str = "0", **parts: Any
    ) -> AsyncIterator[Service]:
        settings = ServiceSettings(
            service="plumbing",
            instance=f"{instance}-{database}",
            store=StoreSettings(url=store_url(servers.profile), database=database),
            broker=BrokerSettings(bootstrap=topics.bootstrap, username=topics.username, password=topics.password),
            tokens=TokenSettings(key_set_url="http://127.0.0.1:9/keys"),
        )
        settings.consumers.attempts = 2
        settings.consumers.burial_limit = 3
        app: FastAPI = create_service_app(
            settings,
            title="plumbing",
            routers=(),
            aggregates=[THINGS],
            subscriptions=subscriptions,
            load_user=_nobody,
            load_grants=_nobody,
            **parts,
        )
        async with app.router.lifespan_context(app):
            yield app.state.service

    return Probe(start, topics)


async def _nobody(*_: Any) -> None:
    return None
