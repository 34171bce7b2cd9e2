"""How a job begins: within the write that wants it, or by itself."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.access.scope import EVERYTHING
from shared.jobs.job import JOBS, Job, fields
from shared.jobs.kinds import JobKind
from shared.outbox import Cause, Duplicate, Row
from shared.service import Service

AT_ONCE = timedelta(0)
UNWRITTEN = {"revision": 1, "version": 0, "outbox": []}
"""What the outbox gives a document that it creates; a row is put into its collection by the drain, as it is."""


def row_of(
    kind: JobKind[Any],
    *,
    job_id: str,
    about: Mapping[str, str | int],
    account_id: str | None,
    cause: Cause,
    now: datetime,
    after: timedelta = AT_ONCE,
) -> Row:
    """A job as a row of the aggregate whose change wants it: so it begins although the process dies after that write.

    It is taken up `after` so long, by whoever started it or by the timer.
    """
    job = Job(
        job_id=job_id,
        kind=kind.name,
        about=dict(about),
        account_id=account_id,
        created_by=cause.actor,
        created_at=now,
        cause=dataclasses.asdict(cause),
    )
    return Row(JOBS.collection, job_id, {**fields(job), **UNWRITTEN, "next_at": datetime.now(UTC) + after})


async def start(deps: Service[Any, Any], row: Row, *, cause: Cause) -> None:
    """Start a job now. One that has been started already, also by the drain of its aggregate, goes on as it is."""
    content = {name: value for name, value in row.fields.items() if name not in UNWRITTEN}
    try:
        await deps.outbox.insert(JOBS, {"_id": row.id, **content}, (), scope=EVERYTHING, cause=cause)
    except Duplicate:
        return
