"""Assembly and life of a service: store, outbox, consumers, timers, callers, and the HTTP application around them."""

import asyncio
import contextlib
import logging
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, FastAPI
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from shared import instance
from shared.access.callers import VIEW_GRANTS, VIEW_REVOCATIONS, VIEW_USERS, Callers, Loader
from shared.access.tokens import Tokens
from shared.clock import Clock
from shared.consumers import Subscription, access_views, deployment, parking
from shared.consumers.access_views import follow_grants, follow_revocations, follow_users
from shared.consumers.consume import Consumers
from shared.consumers.watch import Watch
from shared.health import Running, health_router
from shared.http.body_limit import BodyLimit
from shared.http.caller import describe_actions
from shared.http.head import Head
from shared.http.openapi import document, operation_id
from shared.http.requests import RequestContext
from shared.http.seen import Awaited
from shared.leases import Lease
from shared.logs import configure_logs
from shared.operations.figures import Operations, OwnBacklogs, no_backlogs
from shared.operations.parked import Requeues
from shared.operations.routes import router as operations_router
from shared.outbox import Aggregate, Outbox, history
from shared.outbox.drain import Drain
from shared.outbox.statements import Statements
from shared.outbox.sweep import Sweeper
from shared.problems import add_problem_handlers
from shared.service import Service
from shared.settings import ServiceSettings
from shared.timers import TimerRule
from shared.timers import prepare as prepare_timers
from shared.timers import run as run_timers
from shared.waiting import end, within
from shared.wire.producer import ProducerHolder

log = logging.getLogger(__name__)

STORE_PATIENCE_SECONDS = 60
STORE_TIMEOUT_MS = 5_000
POOL_SIZE = 40
END_LIMIT_SECONDS = 10


S = TypeVar("S", bound=ServiceSettings)
P = TypeVar("P")

BuildParts = Callable[[AsyncDatabase[dict[str, Any]], S], P]
"""Makes a service's own parts, at each start. It may raise: without them the service does not start."""
Step = Callable[[Service[S, P]], Awaitable[None]]
Work = Callable[[Service[S, P]], Coroutine[Any, Any, None]]


def create_service_app(
    settings: S,
    *,
    title: str,
    about: str,
    routers: Sequence[APIRouter],
    build_parts: BuildParts[S, P],
    aggregates: Sequence[Aggregate] = (),
    subscriptions: Sequence[Subscription[Service[S, P]]] = (),
    prepare: Sequence[Step[S, P]] = (),
    timers: Sequence[TimerRule[Service[S, P]]] = (),
    tasks: Sequence[Work[S, P]] = (),
    followed: Mapping[str, str] | None = None,
    load_user: Loader | None = None,
    load_grants: Loader | None = None,
    load_revocation: Loader | None = None,
    backlogs: OwnBacklogs = no_backlogs,
) -> FastAPI:
    """The application of one service.

    Without `load_user`, `load_grants` or `load_revocation` the service follows `identity.users`, `catalog.grants` or
    `identity.revocations` in a view of its own; the owners pass their own documents instead. `followed` names the
    views that `Seen` marks may wait for, by noun. `about` says in OpenAPI what the service is. `prepare` makes indexes;
    it runs at each start and has to be repeatable. `tasks` run until the end. `backlogs` counts what waits in the
    service's own documents, for operators.
    """
    configure_logs(settings.service, settings.instance, settings.log_level)
    own: list[Subscription[Service[S, P]]] = list(subscriptions)
    nouns = dict(followed or {})
    if load_user is None:
        own.append(follow_users(settings.service))
        nouns.setdefault("users", VIEW_USERS)
    if load_grants is None:
        own.append(follow_grants(settings.service))
        nouns.setdefault("grants", VIEW_GRANTS)
    if load_revocation is None:
        own.append(follow_revocations(settings.service))

    @contextlib.asynccontextmanager
    async def build(instance_name: str) -> AsyncIterator[Assembly[S, P]]:
        with instance.named(instance_name, service=settings.service, place=settings.broker.bootstrap) as name:
            configure_logs(settings.service, name, settings.log_level)
            client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
                settings.store.url,
                tz_aware=True,
                w="majority",
                maxPoolSize=POOL_SIZE,
                serverSelectionTimeoutMS=STORE_TIMEOUT_MS,
                timeoutMS=STORE_TIMEOUT_MS,
            )
            db = client[settings.store.database]
            named = settings.model_copy(update={"instance": name})
            assembly = _assemble(
                named,
                db,
                own,
                build_parts,
                load_user or _rows_of(db, VIEW_USERS),
                load_grants or _rows_of(db, VIEW_GRANTS),
                load_revocation or _rows_of(db, VIEW_REVOCATIONS),
            )
            try:
                yield assembly
            finally:
                await assembly.producer.stop()
                with contextlib.suppress(TimeoutError):
                    await within(END_LIMIT_SECONDS, client.close())

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with build(settings.instance) as assembly:
            service = assembly.service
            sweeper = Sweeper(
                service.db,
                service.outbox.drain,
                assembly.producer,
                aggregates,
                Lease(service.db, "sweeper", _holder(service.settings)),
            )
            await _prepared(service, sweeper, own, prepare, timers)
            consumers = Consumers(service, own)
            app.state.service = service
            app.state.awaited = Awaited(service.db, nouns)
            running = app.state.running = Running(
                service.db, assembly.tokens, assembly.watch, consumers, settings.consumers.behind_limit_seconds
            )
            operations = Operations(service, running, aggregates, timers, own, backlogs)
            app.state.operations, app.state.requeues = operations, Requeues(service, own)
            work: dict[str, Coroutine[Any, Any, None]] = {
                "drain": service.outbox.drain.run(),
                "sweeper": sweeper.run(),
                "keys": assembly.tokens.run(),
                "watch": assembly.watch.run(),
                "consumers": consumers.run(),
                "gauges": operations.keep_gauges(),
            }
            work |= {
                f"timers of {rule.aggregate.name}": run_timers(service.db, service.clock, rule, service)
                for rule in timers
            }
            work |= {f"task {number}": task(service) for number, task in enumerate(tasks)}
            started = [asyncio.create_task(one, name=name) for name, one in work.items()]
            for task in started:
                task.add_done_callback(lambda task: _say_when_it_dies(running, task))
            try:
                yield
            finally:
                await consumers.stop()
                await service.outbox.drain.idle()
                await end(started, END_LIMIT_SECONDS)

    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.openapi = document(app, about=about)  # type: ignore[method-assign]
    app.state.subscriptions = own
    app.state.build = build
    add_problem_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestContext)
    app.add_middleware(Head)
    for router in (health_router, operations_router, *routers):
        describe_actions(router.routes)
        app.include_router(router)
    return app


@dataclass(frozen=True, slots=True)
class Assembly(Generic[S, P]):
    """A service with what runs behind it."""

    service: Service[S, P]
    producer: ProducerHolder
    tokens: Tokens
    watch: Watch


def _assemble(
    settings: S,
    db: AsyncDatabase[dict[str, Any]],
    subscriptions: Sequence[Subscription[Service[S, P]]],
    build_parts: BuildParts[S, P],
    load_user: Loader,
    load_grants: Loader,
    load_revocation: Loader,
) -> Assembly[S, P]:
    guarding = frozenset(f"{settings.service}.{name}" for name in ("users", "grants", "revocations"))
    watch = Watch(settings.broker, subscriptions, guarding.intersection(one.group for one in subscriptions))
    tokens = Tokens(settings.tokens)
    clock = Clock(settings.clock.offset_file)
    producer = ProducerHolder(settings.broker, f"{settings.service}-{settings.instance}")
    service = Service(
        settings=settings,
        clock=clock,
        db=db,
        outbox=Outbox(db, clock, f"/lockstep/{settings.service}", Drain(db, producer)),
        callers=Callers(
            db,
            tokens,
            load_user=load_user,
            load_grants=load_grants,
            load_revocation=load_revocation,
            is_behind=lambda: watch.is_behind(settings.consumers.behind_limit_seconds),
        ),
        parts=build_parts(db, settings),
    )
    return Assembly(service, producer, tokens, watch)


async def _prepared(
    service: Service[S, P],
    sweeper: Sweeper,
    subscriptions: Sequence[Subscription[Service[S, P]]],
    steps: Sequence[Step[S, P]],
    rules: Sequence[TimerRule[Service[S, P]]],
) -> None:
    """Make collections and indexes, waiting for a store that is still starting."""
    limit = asyncio.get_running_loop().time() + STORE_PATIENCE_SECONDS
    while True:
        try:
            await history.prepare(service.db)
            await parking.prepare(service.db)
            await access_views.prepare(service.db)
            await sweeper.prepare()
            for step in steps:
                await step(service)
            await deployment.remember(service.db, subscriptions)
            await prepare_timers(service.db, [rule.aggregate for rule in rules])
        except PyMongoError as error:
            if asyncio.get_running_loop().time() > limit:
                raise
            log.warning("the store is not ready yet", extra={"error": repr(error)})
            await asyncio.sleep(0.5)
        else:
            return


@contextlib.asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[Service[Any, Any]]:
    """The service behind an application without its consumers and background work, for commands of operators."""
    async with app.state.build(f"command-{os.getpid()}") as assembly:
        service = assembly.service
        drain = asyncio.create_task(service.outbox.drain.run())
        try:
            yield service
        finally:
            await service.outbox.drain.idle()
            await end([drain], END_LIMIT_SECONDS)


def _rows_of(db: AsyncDatabase[dict[str, Any]], collection: str) -> Loader:
    """Looks rows of a view up, in one question for all who ask at the same time."""
    read = Statements(db[collection]).read

    async def load(_: AsyncDatabase[dict[str, Any]], document_id: str) -> Mapping[str, Any] | None:
        return await read(document_id)

    return load


def _holder(settings: ServiceSettings) -> str:
    return f"{settings.service}-{settings.instance}-{uuid.uuid4()}"


def _say_when_it_dies(running: Running, task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        running.dead_tasks.append(task.get_name())
        log.critical("a background task died", extra={"task": task.get_name()}, exc_info=error)
