"""Jobs as people see them: whose they are, how far, what could not be done, and how one is cancelled."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pymongo.errors import AutoReconnect

from shared.contracts.identity import Right, Role, StaffRole, UserStatus
from shared.ids import new_id
from shared.jobs import Failure, Frozen, Job, JobKind
from shared.outbox import Cause
from tests.plumbing.issuer import Issuer
from tests.plumbing.probe import Probe, Service, front_door
from tests.plumbing.renaming import SLICE, Renaming, begin, ended, job_of, running, things, versions
from tests.support.waiting import eventually

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
        assert (refused.status_code, refused.json()["roles"]) == (403, ["administrator", "service_admin"])
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
