"""Jobs on the real store: once in spite of repetitions, resumed, cancelled, with what could not be done kept."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect

from shared import jobs
from shared.access.scope import EVERYTHING
from shared.ids import new_id
from shared.jobs import Cursor, Job, JobKind
from shared.outbox import Cause, Change
from shared.problems import Invalid
from tests.plumbing.probe import THINGS, Probe, Service
from tests.plumbing.renaming import Broken, Renaming, begin, ended, job_of, running, things, versions
from tests.support.waiting import eventually


async def test_a_list_is_worked_off_in_slices_and_each_item_changes_once(probe: Probe) -> None:
    renaming = Renaming()
    async with running(probe, renaming.kind) as service:
        ids = await things(service, 12)
        document = await ended(service, await begin(service, renaming.kind))
        assert (document["done"], document["failed"], document["total"]) == (12, 0, 12)
        assert renaming.slices == [ids[:5], ids[5:10], ids[10:]]
        assert await versions(service) == [1] * 12
        assert document["started_at"] and document["ended_at"] >= document["started_at"]
        assert await service.db["job_slices"].count_documents({}) == 0, "the list goes with the job"
        thing = await service.db["things"].find_one({"_id": ids[0]})
        [row] = await service.outbox.history(THINGS, thing or {})
        assert (row.actor, row.correlation_id) == ("tester", "the correlation")


async def test_a_cursor_finds_its_items_slice_by_slice(probe: Probe) -> None:
    renaming = Renaming()
    renaming.kind = JobKind(**renaming.base, items=Cursor(next=renaming.next, count=renaming.count))
    async with running(probe, renaming.kind) as service:
        ids = await things(service, 10)
        document = await ended(service, await begin(service, renaming.kind))
        assert (document["done"], document["total"]) == (10, 10)
        assert renaming.slices == [ids[:5], ids[5:]]
        assert await versions(service) == [1] * 10


async def test_a_job_that_is_started_twice_runs_once(probe: Probe) -> None:
    renaming = Renaming()
    async with running(probe, renaming.kind) as service:
        await things(service, 3)
        cause = Cause("tester")
        row = jobs.row_of(
            renaming.kind, job_id=new_id(), about={"name": "new"}, account_id=None, cause=cause, now=service.clock()
        )
        await jobs.start(service, row, cause=cause)
        await ended(service, row.id)
        await jobs.start(service, row, cause=cause)
        assert (await job_of(service, row.id))["state"] == "done"


async def test_a_job_is_started_by_the_write_that_wants_it_although_the_process_ends_after_it(probe: Probe) -> None:
    renaming = Renaming()
    async with running(probe, renaming.kind) as service:
        [one] = await things(service, 1)
        cause = Cause("tester")
        row = jobs.row_of(
            renaming.kind, job_id=new_id(), about={"name": "new"}, account_id=None, cause=cause, now=service.clock()
        )
        await service.outbox.change(
            THINGS, one, lambda _: Change(set={"wanted": True}, rows=[row]), scope=EVERYTHING, cause=cause
        )
        await eventually(lambda: service.db["jobs"].find_one({"_id": row.id}))
        assert (await ended(service, row.id))["done"] == 1


async def test_a_stop_in_the_middle_of_a_slice_loses_nothing_and_repeats_no_effect(probe: Probe) -> None:
    renaming = Renaming()
    renaming.gate.clear()
    async with running(probe, renaming.kind) as service:
        ids = await things(service, 12)
        renaming.waits_before = ids[7]
        job_id = await begin(service, renaming.kind)

        async def half_done() -> bool:
            return [v for v in await versions(service) if v] == [1] * 9

        await eventually(half_done, what="all of the second slice but one")
    renaming.gate.set()
    async with running(probe, renaming.kind, instance="second") as service:
        assert (await job_of(service, job_id))["done"] == 5
        await the_claim_is_over(service, job_id)
        document = await ended(service, job_id)
        assert (document["done"], document["failed"]) == (12, 0)
        assert await versions(service) == [1] * 12


async def test_two_processes_that_have_the_same_job_count_and_change_everything_once(probe: Probe) -> None:
    renaming = Renaming()
    async with (
        running(probe, instance="one") as one,
        running(probe, instance="two") as two,
    ):
        await things(one, 33)
        poisoned = await things(one, 1)
        renaming.poisoned = {poisoned[0]: Broken()}
        job_id = await begin(one, renaming.kind)
        fire = jobs.rule_of([renaming.kind]).fire
        for _ in range(10):
            found = await job_of(one, job_id)
            await asyncio.gather(fire(one, found, one.clock()), fire(two, found, two.clock()))
        document = await job_of(one, job_id)
        assert (document["state"], document["done"], document["failed"]) == ("done", 33, 1)
        assert sorted(await versions(one)) == [0] + [1] * 33
        assert await eventually(lambda: one.db["job_rows"].count_documents({})) == 1


async def test_a_poisoned_item_is_kept_with_its_reason_and_stops_no_other(probe: Probe) -> None:
    renaming = Renaming()
    async with running(probe, renaming.kind) as service:
        ids = await things(service, 12)
        renaming.poisoned = {ids[1]: Broken(place="tray 2"), ids[8]: ZeroDivisionError("a bug")}
        job_id = await begin(service, renaming.kind)
        document = await ended(service, job_id)
        assert (document["done"], document["failed"]) == (10, 2)

        async def both() -> list[dict[str, Any]]:
            found = await service.db["job_rows"].find({"job_id": job_id}).sort("_id", 1).to_list()
            assert len(found) == 2
            return found

        rows = await eventually(both)
        assert [(row["item"], row["code"], row["data"]) for row in rows] == [
            (ids[1], "thing_broken", {"place": "tray 2"}),
            (ids[8], "unexpected", {"error": "ZeroDivisionError"}),
        ]


async def test_a_slice_that_fails_as_a_whole_comes_again_and_says_so(probe: Probe) -> None:
    renaming = Renaming()
    async with running(probe, renaming.kind) as service:
        await things(service, 7)
        renaming.errors = [AutoReconnect("the store is away"), ZeroDivisionError("a bug")]
        before = failures_counted()
        job_id = await begin(service, renaming.kind)

        async def in_trouble() -> bool:
            trouble = (await job_of(service, job_id))["trouble"]
            return bool(trouble and (trouble["error"], trouble["attempts"]) == ("ZeroDivisionError", 2))

        await eventually(in_trouble)
        document = await ended(service, job_id)
        assert (document["done"], document["trouble"]) == (7, None)
        assert failures_counted() - before == 2


async def test_a_job_that_is_refused_as_a_whole_has_failed_with_the_code(probe: Probe) -> None:
    renaming = Renaming()
    async with running(probe, renaming.kind) as service:
        await things(service, 1)
        renaming.errors = [Invalid()]
        document = await ended(service, await begin(service, renaming.kind), "failed")
        assert document["reason"] == "invalid"


async def test_a_superseded_job_carries_out_its_slice_and_leaves_the_rest_to_the_later_one(probe: Probe) -> None:
    async def superseded(deps: Service, job: Job) -> bool:
        return True

    renaming = Renaming(superseded=superseded)
    async with running(probe, renaming.kind) as service:
        await things(service, 12)
        document = await ended(service, await begin(service, renaming.kind), "cancelled")
        assert (document["done"], document["reason"]) == (5, "superseded")


async def test_a_kind_with_a_pace_keeps_it(probe: Probe) -> None:
    renaming = Renaming(slices_per_second=2.0)
    async with running(probe, renaming.kind) as service:
        await things(service, 15)
        document = await ended(service, await begin(service, renaming.kind))
        assert (document["ended_at"] - document["started_at"]).total_seconds() >= 1.0


async def the_claim_is_over(service: Service, job_id: str) -> None:
    """As if half a minute had passed."""
    await service.db["jobs"].update_one({"_id": job_id}, {"$set": {"next_at": datetime.now(UTC)}})


def failures_counted() -> float:
    return REGISTRY.get_sample_value("lockstep_job_slice_failures_total", {"kind": "plumbing.rename"}) or 0.0
