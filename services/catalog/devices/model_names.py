"""A model got another name: all its devices follow, as a job."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.catalog.devices import operations, store
from services.catalog.models import queries as models
from services.catalog.models.domain import Model
from services.catalog.service import Service
from shared import jobs
from shared.ids import derived_id
from shared.jobs import Cursor, Failure, Job, JobKind
from shared.outbox import Cause


async def start(deps: Service, *, model: Model, cause: Cause, now: datetime) -> None:
    """Let the devices of a model take its present name. One job a revision: a repeated record starts no second one."""
    if await store.devices(deps.db).find_one(_outdated(model), {"_id": 1}) is None:
        return
    model_id, revision = model.state.model_id, model.revision
    row = jobs.row_of(
        FOLLOW_MODEL,
        job_id=derived_id(FOLLOW_MODEL.name, model_id, str(revision)),
        about={"model_id": model_id, "revision": revision},
        account_id=None,
        cause=cause,
        now=now,
    )
    await jobs.start(deps, row, cause=cause)


async def _next(deps: Service, job: Job, limit: int) -> Sequence[str]:
    query = _outdated(await _model(deps, job)) | {"_id": {"$gt": job.position or ""}}
    found = store.devices(deps.db).find(query, {"_id": 1}).sort("_id", 1).hint(store.MODEL_INDEX).limit(limit)
    return [device["_id"] async for device in found]


async def _count(deps: Service, job: Job) -> int:
    return await store.devices(deps.db).count_documents(_outdated(await _model(deps, job)))


async def _follow(deps: Service, job: Job, device_ids: Sequence[str]) -> Sequence[Failure]:
    """Whatever revision the job is about: the devices get the name that the model has now."""

    async def with_model(model: Model) -> Sequence[Failure]:
        async def follow(device_id: str) -> None:
            await operations.follow_model(
                deps, device_id=device_id, model=model.state, cause=job.cause, now=deps.clock()
            )

        return await jobs.one_by_one(deps, device_ids, follow)

    return await jobs.with_newest(lambda: _model(deps, job), with_model)


async def _is_superseded(deps: Service, job: Job) -> bool:
    return (await _model(deps, job)).revision != job.about["revision"]


async def _model(deps: Service, job: Job) -> Model:
    model = await models.model(deps, str(job.about["model_id"]))
    assert model is not None, "models stay"
    return model


def _outdated(model: Model) -> dict[str, Any]:
    return {"model_id": model.state.model_id, "model_name": {"$ne": model.state.name}}


FOLLOW_MODEL: JobKind[Service] = JobKind(
    name="catalog.follow-model",
    items=Cursor(next=_next, count=_count),
    work=_follow,
    superseded=_is_superseded,
    cancellable=False,
)
"""It cannot be cancelled: nothing would bring the other devices in line later."""
