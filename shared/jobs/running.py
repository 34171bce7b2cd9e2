"""What carries jobs on: slice after slice, each recorded in one write, which whoever had it first makes.

A slice that was carried out but not recorded is repeated. Two processes with the same job carry out the same slice, and
one of them records it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from shared import faultpoints, metrics
from shared.consumers.patience import TRANSIENT
from shared.ids import new_id
from shared.jobs.job import JOBS, ROWS, SLICES, Document, Job, JobState, Trouble, job_of
from shared.jobs.kinds import Failure, Frozen, JobKind
from shared.outbox import Row, Stale
from shared.problems import Problem
from shared.service import Service
from shared.timers import CLAIM_LENGTH, TimerRule

log = logging.getLogger(__name__)

D = TypeVar("D", bound=Service[Any, Any])

JOBS_AT_ONCE = 4
BUDGET_SECONDS = 2.0
"""How long a job is kept in hand before others have their turn; a slice that has begun is carried out."""
SLICE_LIMIT_SECONDS = 20.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
WAITING_LIMIT = 1_000
"""Rows that still wait for the drain; beyond it the job waits as well, for the document must not grow with use."""
DRAIN_PAUSE_SECONDS = 1.0
SUPERSEDED = "superseded"
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a job comes to: fields to set, failures to keep, and when to go on."""

    set: dict[str, Any] = field(default_factory=dict)
    failures: Sequence[Failure] = ()
    pause_seconds: float = 0.0

    @property
    def ends(self) -> bool:
        return "ended_at" in self.set


def rule_of(kinds: Sequence[JobKind[D]]) -> TimerRule[D]:
    """The timer that carries on the jobs of a service."""
    by_name = {kind.name: kind for kind in kinds}

    async def fire(deps: D, document: Document, _: datetime) -> None:
        kind = by_name.get(document["kind"])
        if kind is None:
            log.warning("a job of a kind that this process does not know waits", extra={"kind": document["kind"]})
            return
        with metrics.JOBS_RUNNING.labels(kind.name).track_inprogress():
            await _carry_on(deps, kind, document)

    return TimerRule(JOBS, fire, at_once=JOBS_AT_ONCE, real_time=True)


async def carry_out(deps: D, kind: JobKind[D], job_id: str) -> None:
    """The first step of a job here and now, while somebody waits: all of it where one slice holds all its items.

    What fails or is left over, the timer carries on.
    """
    document = await deps.outbox.collection(JOBS).find_one({"_id": job_id})
    if document is not None:
        await _carry_on(deps, kind, document, budget_seconds=0.0)


async def _carry_on(deps: D, kind: JobKind[D], document: Document, *, budget_seconds: float = BUDGET_SECONDS) -> None:
    """Step after step, until the job ends or waits, another process has it, or its time in hand is over."""
    limit = time.monotonic() + budget_seconds
    while True:
        begun, job = time.monotonic(), job_of(document)
        if job.has_ended:
            await _clear(deps, job, document)
            return
        step = await _step(deps, kind, job, rows_waiting=len(document.get("outbox", ())))
        wait = step.pause_seconds
        if kind.slices_per_second and "slices" in step.set:
            wait = max(0.0, 1 / kind.slices_per_second - (time.monotonic() - begun))
        is_over = step.ends and job.list_id is None
        goes_on = not is_over and not wait and time.monotonic() < limit
        after = await _record(deps, job, document, step, wait_seconds=None if goes_on else wait)
        if after is None or not goes_on:
            return
        document = after


async def _step(deps: D, kind: JobKind[D], job: Job, *, rows_waiting: int) -> Step:
    try:
        async with asyncio.timeout(SLICE_LIMIT_SECONDS):
            if job.cancel_wanted_by is not None:
                return await _end(deps, kind, job, JobState.CANCELLED, {"reason": CANCELLED})
            if rows_waiting > WAITING_LIMIT:
                return Step(pause_seconds=DRAIN_PAUSE_SECONDS)
            try:
                return await _slice(deps, kind, job)
            except TRANSIENT:
                raise
            except Problem as refusal:
                log.warning("a job was refused", extra={"job": job.job_id, "kind": kind.name, "code": refusal.code})
                return await _end(deps, kind, job, JobState.FAILED, {"reason": refusal.code})
    except Exception as error:
        attempts = job.trouble.attempts + 1 if job.trouble else 1
        metrics.JOB_FAILURES.labels(kind.name).inc()
        log.warning("a slice failed and comes again", extra={"job": job.job_id, "attempts": attempts}, exc_info=True)
        trouble = Trouble(error=type(error).__name__, attempts=attempts, at=deps.clock())
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(attempts - 1, 10), LONGEST_PAUSE_SECONDS)
        return Step({"trouble": trouble.model_dump()}, pause_seconds=pause)


async def _slice(deps: D, kind: JobKind[D], job: Job) -> Step:
    """The next slice; or, where there are several in a list, first the list."""
    started: dict[str, Any] = {}
    if job.state is JobState.WAITING:
        started = {"state": JobState.RUNNING.value, "started_at": deps.clock()}
    if isinstance(kind.items, Frozen):
        if job.list_id is None:
            items = await kind.items.find(deps, job)
            started["total"] = len(items)
            if len(items) > kind.slice_size:
                return Step(started | {"list_id": await _keep(deps, job, items, kind.slice_size), "trouble": None})
            is_last = True
        else:
            kept = await deps.db[SLICES].find_one({"_id": _slice_id(job.list_id, job.slices)})
            items = kept["items"] if kept else ()
            is_last = job.done + job.failed + len(items) >= (job.total or 0)
    else:
        if started:
            started["total"] = await kind.items.count(deps, job)
        items = await kind.items.next(deps, job, kind.slice_size)
        is_last = len(items) < kind.slice_size
    failures = await kind.work(deps, job, items) if items else ()
    faultpoints.reach(faultpoints.JOB_SLICE_DONE)
    metrics.JOB_SLICES.labels(kind.name).inc()
    carried_out = started | {
        "done": job.done + len(items) - len(failures),
        "failed": job.failed + len(failures),
        "slices": job.slices + 1,
        "position": items[-1] if items else job.position,
        "trouble": None,
    }
    if is_last:
        return await _end(deps, kind, job, JobState.DONE, carried_out, failures)
    if kind.superseded is not None and await kind.superseded(deps, job):
        return await _end(deps, kind, job, JobState.CANCELLED, carried_out | {"reason": SUPERSEDED}, failures)
    return Step(carried_out, failures)


async def _end(
    deps: D,
    kind: JobKind[D],
    job: Job,
    state: JobState,
    fields: dict[str, Any],
    failures: Sequence[Failure] = (),
) -> Step:
    if kind.settle is not None:
        await kind.settle(deps, job, state)
    return Step(fields | {"state": state.value, "ended_at": deps.clock(), "trouble": None}, failures)


async def _keep(deps: D, job: Job, items: Sequence[str], size: int) -> str:
    """Keep a list in slices and return its id. Two processes keep two lists; the job follows the one it names."""
    list_id = new_id()
    await deps.db[SLICES].insert_many(
        [
            {"_id": _slice_id(list_id, number), "job_id": job.job_id, "items": list(items[begin : begin + size])}
            for number, begin in enumerate(range(0, len(items), size))
        ]
    )
    return list_id


def _slice_id(list_id: str, number: int) -> str:
    return f"{list_id}/{number}"


async def _record(deps: D, job: Job, document: Document, step: Step, *, wait_seconds: float | None) -> Document | None:
    """Write a step down; None where another process has done so. Without `wait_seconds` the job stays in hand."""
    now = datetime.now(UTC)
    sets, unsets = dict(step.set), []
    if step.ends and job.list_id is None:
        unsets = ["next_at", "claimed_by"]
    elif wait_seconds is None:
        sets["next_at"] = now + CLAIM_LENGTH
    else:
        sets["next_at"] = now + timedelta(seconds=wait_seconds)
        unsets = ["claimed_by"]
    while True:
        try:
            after = await deps.outbox.update(
                JOBS,
                document,
                sets | {"turn": document["turn"] + 1},
                (),
                cause=job.cause,
                unset=unsets,
                rows=_rows(job, step.failures),
                guard={"slices": job.slices, "state": job.state.value},
            )
        except Stale:
            found = await deps.outbox.collection(JOBS).find_one({"_id": job.job_id})
            if found is None or (found["slices"], found["state"]) != (job.slices, job.state.value):
                return None
            document = found  # somebody wants it cancelled; what was done is told all the same
        else:
            _count(job, after)
            return after


async def _clear(deps: D, job: Job, document: Document) -> None:
    """Drop the lists of a job that has ended; only then it leaves the timer."""
    await deps.db[SLICES].delete_many({"job_id": job.job_id})
    with contextlib.suppress(Stale):  # another process has done the same
        await deps.outbox.update(JOBS, document, {}, (), cause=job.cause, unset=["list_id", "next_at", "claimed_by"])


def _rows(job: Job, failures: Sequence[Failure]) -> list[Row]:
    """Their ids put them in the order of the slices."""
    return [
        Row(
            ROWS,
            f"{job.job_id}/{job.slices:08}-{number:05}",
            {"job_id": job.job_id, "item": failure.item, "code": failure.code, "data": dict(failure.data)},
        )
        for number, failure in enumerate(failures)
    ]


def _count(job: Job, after: Document) -> None:
    metrics.JOB_ITEMS.labels(job.kind, "done").inc(after["done"] - job.done)
    metrics.JOB_ITEMS.labels(job.kind, "failed").inc(after["failed"] - job.failed)
    if after["ended_at"] is not None:
        metrics.JOBS_ENDED.labels(job.kind, after["state"]).inc()
