"""Looking at jobs and cancelling them."""

from datetime import UTC, datetime
from typing import Any

from shared.access.caller import Caller
from shared.access.permissions import require
from shared.access.scope import Scope, all_of, visible_people
from shared.contracts import actions
from shared.jobs.job import JOBS, Document, job_of
from shared.lists import Order, Position, Slice, slice_of
from shared.outbox import Cause, Change
from shared.outbox.command import Command
from shared.problems import Conflict, NotFound
from shared.service import Service

NEWEST_FIRST = Order("created", "created_at", datetime, descending=True)


class JobNotFound(NotFound):
    code = "job_not_found"
    title = "There is no such job, or none that you may see"


class JobNotCancellable(Conflict):
    code = "job_not_cancellable"
    title = "This would leave things half done: it goes on to its end"


class JobEnded(Conflict):
    code = "job_ended"
    title = "The job has ended already"


def visible_jobs(caller: Caller) -> Scope:
    """A job is seen by whoever started it and by the administrators of its account."""
    return visible_people(caller, actions.READ_JOB, person="created_by", accounts="account_id")


async def visible_job(deps: Service[Any, Any], *, caller: Caller, job_id: str) -> Document:
    """The job's document. Raises JobNotFound for one that is unknown or out of scope."""
    document = await deps.outbox.collection(JOBS).find_one(all_of(visible_jobs(caller), {"_id": job_id}))
    if document is None:
        raise JobNotFound()
    return document


async def own_jobs(deps: Service[Any, Any], *, caller: Caller, cursor: str | None, limit: int) -> Slice:
    """The jobs that the caller started, newest first. Raises CursorInvalid."""

    async def read(order: Order, position: Position | None, count: int) -> list[Document]:
        query = all_of(visible_jobs(caller), {"created_by": caller.id}, order.beyond(position))
        return await deps.outbox.collection(JOBS).find(query).sort(order.keys()).limit(count).to_list()

    return await slice_of(NEWEST_FIRST, cursor=cursor, limit=limit, read=read)


async def cancel(
    deps: Service[Any, Any], *, caller: Caller, job_id: str, cancellable: frozenset[str], command: Command
) -> Document:
    """Let a job end before its next slice; what it has done stays done.

    Raises JobNotFound, Forbidden for who sees it but may not, JobEnded, JobNotCancellable.
    """

    def permit(document: Document) -> None:
        if document["created_by"] != caller.id:
            require(caller, actions.CANCEL_JOB, account_id=document["account_id"])

    def decide(document: Document) -> Change | None:
        job = job_of(document)
        if job.has_ended:
            raise JobEnded()
        if job.kind not in cancellable:
            raise JobNotCancellable()
        # A job in nobody's hand is looked at now; else whoever has it sees this after his slice.
        now = {} if "claimed_by" in document else {"next_at": datetime.now(UTC)}
        return Change(set={"cancel_wanted_by": caller.id, "turn": job.turn + 1, **now})

    return await deps.outbox.change(
        JOBS,
        job_id,
        decide,
        scope=visible_jobs(caller),
        cause=Cause.of(caller),
        command=command,
        not_found=JobNotFound(),
        permit=permit,
    )
