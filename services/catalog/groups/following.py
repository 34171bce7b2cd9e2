"""The devices follow the wanted members of a group, as a job."""

from collections.abc import Sequence

from services.catalog.devices import operations as devices
from services.catalog.devices import store as device_store
from services.catalog.groups import domain, store
from services.catalog.service import Service
from shared import jobs
from shared.access.scope import EVERYTHING
from shared.jobs import Failure, Frozen, Job, JobKind, JobState
from shared.outbox import Change


async def _differing(deps: Service, job: Job) -> Sequence[str]:
    """The devices that are in the group and should not be, and the other way round."""
    wanted = (await store.group(deps.db, group_id_of(job))).device_ids
    return sorted(await _present(deps, job) ^ set(wanted))


async def _follow(deps: Service, job: Job, device_ids: Sequence[str]) -> Sequence[Failure]:
    """Whichever change the job is about: the devices follow the members that are wanted now."""

    async def wanted() -> frozenset[str]:
        return frozenset(device_ids).intersection((await store.group(deps.db, group_id_of(job))).device_ids)

    async def with_wanted(members: frozenset[str]) -> Sequence[Failure]:
        async def follow(device_id: str) -> None:
            await devices.set_membership(
                deps,
                device_id=device_id,
                group_id=group_id_of(job),
                account_id=job.account_id or "",
                member=device_id in members,
                cause=job.cause,
                now=deps.clock(),
            )

        return await jobs.one_by_one(deps, device_ids, follow)

    return await jobs.with_newest(wanted, with_wanted)


async def _is_superseded(deps: Service, job: Job) -> bool:
    return (await store.group(deps.db, group_id_of(job))).job_id != job.job_id


async def _settle(deps: Service, job: Job, state: JobState) -> None:
    """The group is complete. Where the job does not come to its natural end, the members are those that there are."""
    members = None if state is JobState.DONE else await _present(deps, job)

    def decide(document: store.Document) -> Change | None:
        group = store.group_of(document)
        if group.job_id != job.job_id:
            return None  # a later change has a job of its own
        completed, events = domain.complete(group, members)
        return Change(set=store.fields(completed), events=events)

    await deps.outbox.change(store.GROUPS, group_id_of(job), decide, scope=EVERYTHING, cause=job.cause)


async def _present(deps: Service, job: Job) -> set[str]:
    found = device_store.devices(deps.db).find({"group_ids": group_id_of(job)}, {"_id": 1})
    return {device["_id"] async for device in found}


def group_id_of(job: Job) -> str:
    return str(job.about["group_id"])


FOLLOW_MEMBERS: JobKind[Service] = JobKind(
    name="catalog.follow-members",
    items=Frozen(find=_differing),
    work=_follow,
    superseded=_is_superseded,
    settle=_settle,
)
