"""HTTP of jobs, the same in every service that has some."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from shared.access.caller import Caller
from shared.contracts import actions
from shared.http.caller import may
from shared.http.commands import CommandDep, with_etag
from shared.http.csv_file import csv_answer, csv_lines
from shared.http.paging import Cursor, Limit, Page
from shared.http.seen import seen
from shared.jobs import operations, outcomes
from shared.jobs.job import Document, JobState, Trouble, job_of
from shared.jobs.kinds import JobKind
from shared.service import Service, service_of

Deps = Annotated[Service[Any, Any], Depends(service_of)]
COLUMNS = ("item", "code", "data")


class JobView(BaseModel):
    """`total` is null where nobody knows it yet. `trouble`: the slice in work failed as a whole and comes again.

    `reason` says why the job ended otherwise than done: `cancelled`, `superseded`, or the code of a refusal.
    """

    job_id: str
    kind: str
    about: dict[str, str | int]
    state: JobState
    account_id: str | None
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    done: int
    failed: int
    total: int | None
    cancellable: bool
    cancel_wanted_by: str | None
    reason: str | None
    trouble: Trouble | None
    correlation_id: str | None


class RowView(BaseModel):
    """An item that could not be done: `code` is stable, `data` says more."""

    item: str
    code: str
    data: dict[str, Any]


def jobs_router(kinds: Sequence[JobKind[Any]]) -> APIRouter:
    """The routes of a service's jobs."""
    router = APIRouter(tags=["jobs"])
    cancellable = frozenset(kind.name for kind in kinds if kind.cancellable)

    def view(document: Document) -> JobView:
        job = job_of(document)
        return JobView(
            **job.model_dump(include=set(JobView.model_fields)),
            cancellable=job.kind in cancellable and not job.has_ended,
            correlation_id=job.cause.correlation_id,
        )

    def answer(document: Document, response: Response) -> JobView:
        with_etag(response, document["turn"])
        return view(document)

    @router.get("/v1/jobs")
    async def list_jobs(
        caller: Annotated[Caller, may(actions.LIST_JOBS)], deps: Deps, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[JobView]:
        """The jobs that the caller started, newest first."""
        page = await operations.own_jobs(deps, caller=caller, cursor=cursor, limit=limit)
        return Page(items=list(map(view, page.documents)), next=page.next, previous=page.previous)

    @router.get("/v1/jobs/{job_id}")
    async def get_job(
        job_id: str, caller: Annotated[Caller, may(actions.READ_JOB)], deps: Deps, response: Response
    ) -> JobView:
        """How far a job is; ask again while it goes on."""
        return answer(await operations.visible_job(deps, caller=caller, job_id=job_id), response)

    @router.get("/v1/jobs/{job_id}/rows")
    async def list_rows(
        job_id: str,
        caller: Annotated[Caller, may(actions.READ_JOB)],
        deps: Deps,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[RowView]:
        """The items that could not be done, in the order of the job."""
        document = await operations.visible_job(deps, caller=caller, job_id=job_id)
        page = await outcomes.rows(deps.db, document, cursor=cursor, limit=limit)
        items = list(map(RowView.model_validate, page.documents))
        return Page(items=items, next=page.next, previous=page.previous)

    @router.get("/v1/jobs/{job_id}/rows.csv", response_class=StreamingResponse)
    async def export_rows(
        job_id: str, caller: Annotated[Caller, may(actions.READ_JOB)], deps: Deps
    ) -> StreamingResponse:
        """All items that could not be done, as CSV (UTF-8, comma)."""
        document = await operations.visible_job(deps, caller=caller, job_id=job_id)

        async def lines() -> AsyncIterator[bytes]:
            yield csv_lines([COLUMNS])
            async for page in outcomes.all_rows(deps.db, document):
                yield csv_lines([(row["item"], row["code"], orjson.dumps(row["data"]).decode()) for row in page])

        return csv_answer(lines(), "job-rows")

    @router.post("/v1/jobs/{job_id}/cancel")
    async def cancel_job(
        job_id: str,
        caller: Annotated[Caller, may(actions.CANCEL_JOB)],
        deps: Deps,
        command: CommandDep,
        response: Response,
    ) -> JobView:
        """Let a job end before its next slice. What it has done stays done."""
        document = await operations.cancel(deps, caller=caller, job_id=job_id, cancellable=cancellable, command=command)
        seen(response, "jobs", job_id, document["version"])
        return answer(document, response)

    return router
