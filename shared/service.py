"""What every service is made of: store, outbox, consumers, timers, callers, and the HTTP application around them."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from shared import timers
from shared.access_views import follow_grants, follow_users
from shared.auth import VIEW_GRANTS, VIEW_USERS, Callers, Loader, grants_from_view, user_from_view
from shared.clock import Clock
from shared.health import health_router
from shared.kafka import Subscription, parking
from shared.kafka.consume import Consumers
from shared.kafka.producer import ProducerHolder
from shared.kafka.watch import Watch
from shared.leases import Lease
from shared.logs import configure_logs
from shared.outbox import Aggregate, Outbox, history
from shared.outbox.drain import Drain
from shared.outbox.sweep import Sweeper
from shared.problems import add_problem_handlers
from shared.requests import RequestContext
from shared.seen import wait_for_seen
from shared.settings import ServiceSettings
from shared.timers import TimerRule
from shared.tokens import Tokens
from shared.waiting import end, within

log = logging.getLogger(__name__)

STORE_PATIENCE_SECONDS = 60
STORE_TIMEOUT_MS = 5_000
POOL_SIZE = 40
END_LIMIT_SECONDS = 10


@dataclass(slots=True)
class Service:
    """The parts that operations, queries and consumers of a service use."""

    settings: Any
    clock: Clock
    db: AsyncDatabase[dict[str, Any]]
    outbox: Outbox
    callers: Callers
    producer: ProducerHolder
    tokens: Tokens
    watch: Watch
    consumers: Consumers | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    dead_tasks: list[str] = field(default_factory=list)


Prepare = Callable[[Service], Awaitable[None]]
Task = Callable[[Service], Coroutine[Any, Any, None]]


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Deps = Annotated[Service, Depends(_service)]


def create_service_app(
    settings: ServiceSettings,
    *,
    title: str,
    routers: Sequence[APIRouter],
    aggregates: Sequence[Aggregate] = (),
    subscriptions: Sequence[Subscription] = (),
    prepare: Sequence[Prepare] = (),
    timers: Sequence[TimerRule] = (),
    tasks: Sequence[Task] = (),
    followed: Mapping[str, str] | None = None,
    load_user: Loader | None = None,
    load_grants: Loader | None = None,
) -> FastAPI:
    """The application of one service.

    Without `load_user` or `load_grants` the service follows `identity.users` or `catalog.grants` in a view of its own;
    the owners pass their own documents instead. `followed` names the views that `Seen` marks may wait for, by noun.
    `prepare` makes indexes; it runs at each start and has to be repeatable. `tasks` run until the end.
    """
    configure_logs(settings.service, settings.instance, settings.log_level)
    own = list(subscriptions)
    nouns = dict(followed or {})
    if load_user is None:
        own.append(follow_users(settings.service))
        nouns.setdefault("users", VIEW_USERS)
    if load_grants is None:
        own.append(follow_grants(settings.service))
        nouns.setdefault("grants", VIEW_GRANTS)

    @contextlib.asynccontextmanager
    async def build() -> AsyncIterator[Service]:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            settings.store.url,
            tz_aware=True,
            w="majority",
            maxPoolSize=POOL_SIZE,
            serverSelectionTimeoutMS=STORE_TIMEOUT_MS,
            timeoutMS=STORE_TIMEOUT_MS,
        )
        db = client[settings.store.database]
        service = _assemble(settings, db, own, load_user or user_from_view, load_grants or grants_from_view)
        try:
            yield service
        finally:
            await service.producer.stop()
            with contextlib.suppress(TimeoutError):
                await within(END_LIMIT_SECONDS, client.close())

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with build() as service:
            app.state.service = service
            sweeper = Sweeper(service.db, service.producer, aggregates, Lease(service.db, "sweeper", _holder(settings)))
            await _prepared(service, sweeper, [*prepare, lambda s: _prepare_timers(s, timers)])
            consumers = service.consumers = Consumers(service, own)
            work: dict[str, Coroutine[Any, Any, None]] = {
                "drain": service.outbox.drain.run(),
                "sweeper": sweeper.run(),
                "keys": service.tokens.run(),
                "watch": service.watch.run(),
                "consumers": consumers.run(),
            }
            work |= {f"timers of {rule.aggregate.name}": _run_timers(service, rule) for rule in timers}
            work |= {f"task {number}": task(service) for number, task in enumerate(tasks)}
            running = [asyncio.create_task(one, name=name) for name, one in work.items()]
            for task in running:
                task.add_done_callback(lambda task: _say_when_it_dies(service, task))
            try:
                yield
            finally:
                await consumers.stop()
                await service.outbox.drain.idle()
                await end(running, END_LIMIT_SECONDS)

    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        dependencies=[Depends(wait_for_seen)],
        docs_url=None,
        redoc_url=None,
    )
    app.state.followed = nouns
    app.state.subscriptions = own
    app.state.build = build
    add_problem_handlers(app)
    app.add_middleware(RequestContext)
    app.include_router(health_router)
    for router in routers:
        app.include_router(router)
    return app


def _assemble(
    settings: ServiceSettings,
    db: AsyncDatabase[dict[str, Any]],
    subscriptions: Sequence[Subscription],
    load_user: Loader,
    load_grants: Loader,
) -> Service:
    guarding = frozenset({f"{settings.service}.users", f"{settings.service}.grants"})
    watch = Watch(settings.broker, subscriptions, guarding.intersection(one.group for one in subscriptions))
    tokens = Tokens(settings.tokens)
    clock = Clock(settings.clock.offset_file)
    producer = ProducerHolder(settings.broker, f"{settings.service}-{settings.instance}")
    return Service(
        settings=settings,
        clock=clock,
        db=db,
        outbox=Outbox(db, clock, f"/lockstep/{settings.service}", Drain(db, producer)),
        callers=Callers(
            db,
            tokens,
            service_name=settings.service,
            load_user=load_user,
            load_grants=load_grants,
            is_behind=lambda: watch.is_behind(settings.consumers.behind_limit_seconds),
        ),
        producer=producer,
        tokens=tokens,
        watch=watch,
    )


async def _prepared(service: Service, sweeper: Sweeper, steps: Sequence[Prepare]) -> None:
    """Make collections and indexes, waiting for a store that is still starting."""
    limit = asyncio.get_running_loop().time() + STORE_PATIENCE_SECONDS
    while True:
        try:
            await history.prepare(service.db)
            await parking.prepare(service.db)
            await sweeper.prepare()
            for step in steps:
                await step(service)
        except PyMongoError as error:
            if asyncio.get_running_loop().time() > limit:
                raise
            log.warning("the store is not ready yet", extra={"error": repr(error)})
            await asyncio.sleep(0.5)
        else:
            return


async def _prepare_timers(service: Service, rules: Sequence[TimerRule]) -> None:
    await timers.prepare(service, rules)


async def _run_timers(service: Service, rule: TimerRule) -> None:
    await timers.run(service, rule)


@contextlib.asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[Service]:
    """The service behind an application without its consumers and background work, for commands of operators."""
    async with app.state.build() as service:
        drain = asyncio.create_task(service.outbox.drain.run())
        try:
            yield service
        finally:
            await service.outbox.drain.idle()
            await end([drain], END_LIMIT_SECONDS)


def _holder(settings: ServiceSettings) -> str:
    return f"{settings.service}-{settings.instance}-{uuid.uuid4()}"


def _say_when_it_dies(service: Service, task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        service.dead_tasks.append(task.get_name())
        log.critical("a background task died", extra={"task": task.get_name()}, exc_info=error)
