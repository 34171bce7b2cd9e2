"""A kind of job for the probe: things get a new name. What becomes of it is up to the test."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from shared import jobs
from shared.access.scope import EVERYTHING
from shared.ids import new_id
from shared.jobs import JOBS, Failure, Frozen, Job, JobKind
from shared.jobs.routes import jobs_router
from shared.outbox import Cause, Change
from shared.problems import Conflict
from tests.plumbing.probe import THINGS, Probe, Service, ThingChanged, ThingState
from tests.support.waiting import eventually

SLICE = 5


class Broken(Conflict):
    code = "thing_broken"


class Renaming:
    """Gives things a new name, each with one event; how a test makes it fail, wait or come to an end is up to it."""

    def __init__(self, **options: Any) -> None:
        self.poisoned: dict[str, Exception] = {}
        self.errors: list[Exception] = []
        self.slices: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.waits_before: str | None = None
        self.kind: JobKind[Service] = JobKind(**{"items": Frozen(self.find), **self.base, **options})

    @property
    def base(self) -> dict[str, Any]:
        return {"name": "plumbing.rename", "work": self.work, "slice_size": SLICE}

    async def find(self, deps: Service, job: Job) -> Sequence[str]:
        return sorted(await self._named(deps, {"$ne": job.about["name"]}))

    async def next(self, deps: Service, job: Job, limit: int) -> Sequence[str]:
        behind = {"_id": {"$gt": job.position or ""}}
        return sorted(await self._named(deps, {"$ne": job.about["name"]}, behind))[:limit]

    async def count(self, deps: Service, job: Job) -> int:
        return len(await self.find(deps, job))

    async def _named(self, deps: Service, name: Any, more: dict[str, Any] | None = None) -> list[str]:
        return [one["_id"] async for one in deps.db["things"].find({"name": name, **(more or {})}, {"_id": 1})]

    async def work(self, deps: Service, job: Job, items: Sequence[str]) -> Sequence[Failure]:
        self.slices.append(list(items))
        if self.errors:
            raise self.errors.pop(0)

        async def act(item: str) -> None:
            if item in self.poisoned:
                raise self.poisoned[item]
            if item == self.waits_before:
                await self.gate.wait()
            await deps.outbox.change(THINGS, item, renamed, scope=EVERYTHING, cause=job.cause)

        def renamed(document: dict[str, Any]) -> Change | None:
            name = str(job.about["name"])
            if document["name"] == name:
                return None
            return Change(set={"name": name}, events=[ThingChanged(thing=ThingState(name=name))])

        return await jobs.one_by_one(deps, items, act)


def running(probe: Probe, *kinds: JobKind[Service], **more: Any) -> AbstractAsyncContextManager[Service]:
    async def prepare(service: Service) -> None:
        await jobs.prepare(service.db)

    return probe.start(
        aggregates=[THINGS, JOBS],
        timers=[jobs.rule_of(kinds)],
        prepare=[prepare],
        routers=[jobs_router(kinds)],
        **more,
    )


async def things(service: Service, number: int) -> list[str]:
    ids = sorted(new_id() for _ in range(number))
    for one in ids:
        await service.outbox.insert(THINGS, {"_id": one, "name": "old"}, (), scope=EVERYTHING, cause=Cause("tester"))
    return ids


async def begin(service: Service, kind: JobKind[Service], *, by: str = "tester", account_id: str | None = None) -> str:
    cause = Cause(by, None, "test", "the correlation")
    row = jobs.row_of(
        kind, job_id=new_id(), about={"name": "new"}, account_id=account_id, cause=cause, now=service.clock()
    )
    await jobs.start(service, row, cause=cause)
    return row.id


async def job_of(service: Service, job_id: str) -> dict[str, Any]:
    document = await service.db["jobs"].find_one({"_id": job_id})
    assert document is not None
    return document


async def ended(service: Service, job_id: str, state: str = "done") -> dict[str, Any]:
    async def over() -> dict[str, Any]:
        document = await job_of(service, job_id)
        assert document["state"] == state and "next_at" not in document, f"{document['state']}: {document['done']}"
        return document

    return await eventually(over)


async def versions(service: Service) -> list[int]:
    """How many events each thing has got."""
    return [document["version"] async for document in service.db["things"].find().sort("_id", 1)]
