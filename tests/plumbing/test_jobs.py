"""Jobs on the real store: once in spite of repetitions, resumed, cancelled, with what could not be done kept."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect

from shared import jobs
from shared.access.scope import EVERYTHING
from shared.contracts.identity import Right, Role, StaffRole, UserStatus
from shared.ids import new_id
from shared.jobs import JOBS, Cursor, Failure, Frozen, Job, JobKind
from shared.jobs.routes import jobs_router
from shared.outbox import Cause, Change
from shared.problems import Conflict, Invalid
from tests.plumbing.issuer import Issuer
from tests.plumbing.probe import THINGS, Probe, Service, ThingChanged, ThingState, front_door
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
        await service.outbox.insert(THINGS, {"_id": one, "name": "old"}, (), cause=Cause("tester"))
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


PEOPLE: dict[str, dict[str, Any]] = {
    name: {
        "version": 1,
        "status": UserStatus.ACTIVE,
        "staff_roles": staff_roles,
        "rights": [Right(account_id="acme", role=role, whole=True).model_dump()] if role else [],
        "language": "fi",
        "time_zone": "Europe/Helsinki",
        "country": "FI",
    }
    for name, role, staff_roles in (
        ("maija", Role.DEVICE_MANAGER, []),
        ("pekka", Role.DEVICE_MANAGER, []),
        ("anna", Role.ADMINISTRATOR, []),
        ("agent", None, [StaffRole.CONTACT_CENTRE_AGENT]),
        ("admin", None, [StaffRole.SERVICE_ADMIN]),
    )
}


class Door:
    """The routes of jobs, with a person in front of them."""

    def __init__(self, service: Service, issuer: Issuer) -> None:
        self.service = service
        self._issuer = issuer

    async def ask(self, who: str, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        token = self._issuer.token(who)
        async with front_door(self.service, Authorization=f"Bearer {token}") as client:
            return await client.request(method, path, headers=headers)

    async def status(self, who: str, path: str) -> int:
        return (await self.ask(who, path)).status_code

    async def cancel(self, who: str, job_id: str, key: str = "") -> httpx.Response:
        return await self.ask(who, f"/v1/jobs/{job_id}/cancel", "POST", **{"Idempotency-Key": key or new_id()})


@contextlib.asynccontextmanager
async def door_of(probe: Probe, *kinds: JobKind[Service]) -> AsyncIterator[Door]:
    async def person(_: Any, user_id: str) -> dict[str, Any] | None:
        return PEOPLE.get(user_id)

    async with (
        Issuer().serving() as issuer,
        running(probe, *kinds, key_set_url=issuer.url, load_user=person) as service,
    ):
        door = Door(service, issuer)

        async def lets_in() -> bool:
            return await door.status("maija", "/v1/jobs") == 200

        await eventually(lets_in)
        yield door


async def test_a_job_is_seen_by_who_started_it_and_the_administrators_of_its_account_alone(probe: Probe) -> None:
    renaming = Renaming()
    async with door_of(probe, renaming.kind) as door:
        await things(door.service, 1)
        job_id = await begin(door.service, renaming.kind, by="maija", account_id="acme")
        await ended(door.service, job_id)
        for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/rows", f"/v1/jobs/{job_id}/rows.csv"):
            seen = {who: await door.status(who, path) for who in PEOPLE}
            assert seen == {"maija": 200, "pekka": 404, "anna": 200, "agent": 200, "admin": 200}
        assert await door.status("maija", "/v1/jobs/unknown") == 404
        refused = await door.cancel("pekka", job_id)
        assert (refused.status_code, refused.json()["code"]) == (404, "job_not_found")


async def test_ones_own_jobs_are_listed_newest_first_page_by_page(probe: Probe) -> None:
    renaming = Renaming()
    async with door_of(probe, renaming.kind) as door:
        own = [await begin(door.service, renaming.kind, by="maija", account_id="acme") for _ in range(3)]
        await begin(door.service, renaming.kind, by="pekka", account_id="acme")
        first = (await door.ask("maija", "/v1/jobs?limit=2")).json()
        second = (await door.ask("maija", f"/v1/jobs?limit=2&cursor={first['next']}")).json()
        assert [one["job_id"] for one in first["items"] + second["items"]] == own[::-1]
        assert second["next"] is None
        assert await door.status("maija", "/v1/jobs?cursor=nonsense") == 400
        assert (await door.ask("anna", "/v1/jobs")).json()["items"] == []


async def test_a_cancelled_job_ends_before_its_next_slice_and_tells_what_is_done(probe: Probe) -> None:
    renaming = Renaming()
    renaming.gate.clear()
    async with door_of(probe, renaming.kind) as door:
        ids = await things(door.service, 22)
        renaming.waits_before = ids[7]
        job_id = await begin(door.service, renaming.kind, by="maija", account_id="acme")

        async def first_slice() -> httpx.Response:
            answer = await door.ask("maija", f"/v1/jobs/{job_id}")
            assert answer.json()["done"] == SLICE
            return answer

        before = await eventually(first_slice)
        assert before.json()["state"] == "running" and before.json()["cancellable"]
        refused = await door.cancel("agent", job_id)
        assert (refused.status_code, refused.json()["roles"]) == (403, ["service_admin"])
        wanted = await door.cancel("anna", job_id, "once")
        assert (wanted.status_code, wanted.json()["cancel_wanted_by"]) == (200, "anna")
        assert wanted.headers["ETag"] != before.headers["ETag"]
        renaming.gate.set()
        document = await ended(door.service, job_id, "cancelled")
        assert (document["done"], document["reason"]) == (10, "cancelled"), "the slice in work is carried out and told"
        assert sum(await versions(door.service)) == 10
        again = await door.cancel("anna", job_id, "once")
        assert (again.status_code, again.json()["state"]) == (200, "cancelled")
        late = await door.cancel("maija", job_id)
        assert (late.status_code, late.json()["code"]) == (409, "job_ended")


async def test_a_job_that_nobody_has_in_hand_is_cancelled_at_once(probe: Probe) -> None:
    renaming = Renaming()
    async with door_of(probe, renaming.kind) as door:
        await things(door.service, 3)
        renaming.errors = [AutoReconnect("the store is away") for _ in range(9)]
        job_id = await begin(door.service, renaming.kind, by="maija")

        async def long_pause() -> bool:
            return bool(((await job_of(door.service, job_id))["trouble"] or {}).get("attempts", 0) >= 2)

        await eventually(long_pause)
        await door.cancel("maija", job_id)
        assert (await ended(door.service, job_id, "cancelled"))["done"] == 0


async def test_a_kind_that_would_leave_things_half_done_cannot_be_cancelled(probe: Probe) -> None:
    renaming = Renaming(cancellable=False)
    renaming.gate.clear()
    async with door_of(probe, renaming.kind) as door:
        [renaming.waits_before] = await things(door.service, 1)
        job_id = await begin(door.service, renaming.kind, by="maija")
        refused = await door.cancel("maija", job_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "job_not_cancellable")
        renaming.gate.set()
        await ended(door.service, job_id)


@pytest.mark.parametrize("item", ["=1+1", "＝1+1", "\u200b=1+1", " @cell"])
async def test_the_file_of_what_failed_holds_no_formulas_and_pages_hold_every_row_once(probe: Probe, item: str) -> None:
    async def work(deps: Service, job: Job, items: Sequence[str]) -> Sequence[Failure]:
        return [Failure(one, "broken", {"place": 1}) for one in items]

    async def find(deps: Service, job: Job) -> Sequence[str]:
        return [f"{number}" for number in range(11)] + [item]

    renaming = Renaming(work=work, items=Frozen(find))
    async with door_of(probe, renaming.kind) as door:
        job_id = await begin(door.service, renaming.kind, by="maija")
        await ended(door.service, job_id)
        file = (await door.ask("maija", f"/v1/jobs/{job_id}/rows.csv")).content.decode().splitlines()
        assert file[0] == "item,code,data" and len(file) == 13
        assert file[-1] == f"'{item}" + ',broken,"{""place"":1}"'
        found: list[str] = []
        path = f"/v1/jobs/{job_id}/rows?limit=5"
        page = (await door.ask("maija", path)).json()
        found += [row["item"] for row in page["items"]]
        while page["next"]:
            page = (await door.ask("maija", f"{path}&cursor={page['next']}")).json()
            found += [row["item"] for row in page["items"]]
        assert found == await find(door.service, renaming_job())


def renaming_job() -> Job:
    return Job(job_id="any", kind="any", about={}, created_by=None, created_at=datetime.now(UTC), cause=Cause(None))
