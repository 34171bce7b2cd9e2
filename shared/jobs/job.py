"""The job's document: what it is about, how far it is, and how it ended."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from shared.contracts.base import Contract
from shared.outbox import Aggregate, Cause

Document = dict[str, Any]

JOBS = Aggregate(name="jobs", collection="jobs")
SLICES = "job_slices"
ROWS = "job_rows"


class JobState(StrEnum):
    """`failed`: it was refused as a whole. Items that could not be done do not make a job fail: they are counted."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


ENDED = frozenset({JobState.DONE, JobState.CANCELLED, JobState.FAILED})


class Trouble(Contract):
    """The slice in work failed as a whole, so often by now; it comes again after a pause."""

    error: str
    attempts: int
    at: datetime


class Job(Contract):
    """`about` says what the job is about in ids, never in personal data. Times are product time.

    `slices` counts the slices that are carried out: it is the lock of every write about progress. `position` is the
    last item of the newest slice. `reason` says why a job ended otherwise than done. `turn` grows with every change
    that a reader sees.
    """

    job_id: str
    kind: str
    about: dict[str, str | int]
    state: JobState = JobState.WAITING
    account_id: str | None = None
    created_by: str | None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    done: int = 0
    failed: int = 0
    total: int | None = None
    slices: int = 0
    turn: int = 1
    position: str | None = None
    list_id: str | None = None
    cancel_wanted_by: str | None = None
    reason: str | None = None
    trouble: Trouble | None = None
    cause: Cause

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


async def prepare(db: AsyncDatabase[Document]) -> None:
    """Create the indexes; harmless when they are there."""
    newest_first = [("created_by", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]
    await db[JOBS.collection].create_index(newest_first, name="own")
    await db[SLICES].create_index([("job_id", ASCENDING)], name="job")
    await db[ROWS].create_index([("job_id", ASCENDING), ("_id", ASCENDING)], name="job")


def job_of(document: Mapping[str, Any]) -> Job:
    return Job.model_validate({**document, "job_id": document["_id"]})


def fields(job: Job) -> Document:
    return {**job.model_dump(exclude={"job_id"}), "state": job.state.value}
