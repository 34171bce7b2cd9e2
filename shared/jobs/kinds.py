"""What a service declares of a kind of job: how its items are found and what is done with a slice of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from pymongo.errors import PyMongoError

from shared.consumers.patience import TRANSIENT
from shared.jobs.job import Job, JobState
from shared.problems import Problem
from shared.service import Service

log = logging.getLogger(__name__)

AT_ONCE = 8
ATTEMPTS = 2
UNEXPECTED = "unexpected"

D_contra = TypeVar("D_contra", contravariant=True)
V = TypeVar("V")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that could not be done. `code` is stable; `data` says more, without prose and personal data."""

    item: str
    code: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frozen(Generic[D_contra]):
    """All items are found when the job begins; the list is kept, in slices, until the job ends."""

    find: Callable[[D_contra, Job], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Cursor(Generic[D_contra]):
    """Items are found slice by slice: `next(deps, job, limit)` is the next ones in order after `job.position`.

    Fewer than `limit` are the last ones. `count` tells how many there will be, as far as the beginning knows.
    """

    next: Callable[[D_contra, Job, int], Awaitable[Sequence[str]]]
    count: Callable[[D_contra, Job], Awaitable[int]]


Items: TypeAlias = Frozen[D_contra] | Cursor[D_contra]


@dataclass(frozen=True, slots=True)
class JobKind(Generic[D_contra]):
    """One kind of sliced work.

    `work(deps, job, items)` carries out one slice and returns what could not be done. It may be repeated as a whole or
    in part, also by two processes at once, so it has to be harmless for what is done already; and it has to come to its
    end within twenty seconds. A Problem that it raises ends the job as failed; any other error repeats the slice.

    `superseded` is asked after each slice: a later job does the rest. `settle(deps, job, state)` runs before the job
    comes to its end and may be repeated. A kind that is not `cancellable` would leave things half done.
    """

    name: str
    items: Items[D_contra]
    work: Callable[[D_contra, Job, Sequence[str]], Awaitable[Sequence[Failure]]]
    slice_size: int = 100
    slices_per_second: float | None = None
    superseded: Callable[[D_contra, Job], Awaitable[bool]] | None = None
    settle: Callable[[D_contra, Job, JobState], Awaitable[None]] | None = None
    cancellable: bool = True


async def one_by_one(
    deps: Service[Any, Any], items: Sequence[str], act: Callable[[str], Awaitable[object]]
) -> list[Failure]:
    """Do something with each item, some at once; what is refused or broken becomes a failure and stops no other.

    An error that is about the store or the broker, not about the item, is raised when all have come to their end.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def placed(item: str) -> Failure | None:
        async with places:
            return await _tried(deps, item, act)

    results = await asyncio.gather(*map(placed, items), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, Failure)]


async def _tried(deps: Service[Any, Any], item: str, act: Callable[[str], Awaitable[object]]) -> Failure | None:
    failure: Failure | None = None
    for _ in range(ATTEMPTS):  # what fails each time is a bug, not a race that is over next time
        try:
            await act(item)
        except TRANSIENT:
            raise
        except Problem as refusal:
            return Failure(item, refusal.code, refusal.extra)
        except Exception as error:
            if isinstance(error, PyMongoError):
                await deps.db.command("ping")  # a store that has lost its own database refuses everything
            log.exception("an item of a job failed", extra={"item": item})
            failure = Failure(item, UNEXPECTED, {"error": type(error).__name__})
        else:
            return None
    return failure


async def with_newest(read: Callable[[], Awaitable[V]], work: Callable[[V], Awaitable[R]]) -> R:
    """Do work with what `read` gives, and again while that has changed meanwhile.

    So a slice that began with an older wish never has the last word.
    """
    found = await read()
    while True:
        result = await work(found)
        again = await read()
        if again == found:
            return result
        found = again
