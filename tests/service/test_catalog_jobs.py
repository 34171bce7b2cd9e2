"""Wide changes of the catalog as jobs: a model's new name, a large group; whole fleets, on the real store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from deploy.local.environment import broker_bootstrap, store_url
from deploy.local.keys import broker_password
from services.catalog.devices import store
from services.catalog.devices.domain import Master, install
from services.catalog.main import create_app
from services.catalog.service import Service
from services.catalog.settings import Settings
from shared.access.scope import EVERYTHING
from shared.application import connected
from shared.contracts.base import Event
from shared.contracts.catalog import Location, ModelState
from shared.contracts.inbound import BackOfficeModelUpdated
from shared.ids import derived_id
from shared.outbox import Cause
from shared.settings import BrokerSettings, StoreSettings, TokenSettings
from tests.service.catalog_scene import Fleet, administrator, site
from tests.support.waiting import eventually
from tests.support.world import Person, World

pytestmark = pytest.mark.alone("catalog")

LONG = 120.0


@dataclass
class LargeFleet:
    """An account with devices by the hundred, all of one model; written as the catalog writes them, but untold."""

    fleet: Fleet
    catalog: Service
    administrator: Person

    @property
    def model_ref(self) -> str:
        return f"model-{self.fleet.world.prefix}"

    @property
    def model_id(self) -> str:
        return derived_id("model", self.model_ref)

    async def devices(self, number: int) -> list[str]:
        refs = [self.fleet.ref() for _ in range(number)]
        places = asyncio.Semaphore(16)

        async def write(ref: str) -> str:
            async with places:
                device = install(derived_id("device", ref), self._master(ref)).device
                document = store.new_document(device, now=datetime.now(UTC))
                await self.catalog.outbox.insert(store.DEVICES, document, (), scope=EVERYTHING, cause=Cause("tester"))
                return device.state.device_id

        await self.fleet.tell(self.model("Aurora C3020"))
        return sorted(await asyncio.gather(*map(write, refs)))

    def _master(self, ref: str) -> Master:
        return Master(
            ref=ref,
            revision=1,
            occurred_at=datetime.now(UTC),
            serial=f"SN{ref}",
            model=ModelState(model_id=self.model_id, name="Aurora C3020"),
            account_id=self.fleet.account.account_id,
            site=site(f"site-{self.fleet.account.ref}"),
            location=Location(),
            own_name=None,
            own_number=None,
            status="installed",
            seen_version=None,
        )

    def model(self, name: str, *, revision: int = 1) -> BackOfficeModelUpdated:
        return self.fleet.model(self.model_ref, name, revision=revision)

    async def tell_in_one_partition(self, *events: Event) -> None:
        """One after the other, under one key: what holds up the first holds up the second."""
        await self.fleet.world.stack.wire("back-office").send_all((event, self.model_ref) for event in events)

    async def count(self, **query: Any) -> int:
        return await self.catalog.db["devices"].count_documents({"model_id": self.model_id, **query})

    async def jobs_of_model(self) -> dict[int, dict[str, Any]]:
        found = self.catalog.db["jobs"].find({"about.model_id": self.model_id})
        return {document["about"]["revision"]: document async for document in found}

    async def jobs_have_ended(self) -> bool:
        return all(document["ended_at"] for document in (await self.jobs_of_model()).values())

    @contextlib.asynccontextmanager
    async def door(self) -> AsyncIterator[httpx.AsyncClient]:
        async with await self.fleet.world.api("catalog", self.administrator) as client:
            yield client

    async def group(self, client: httpx.AsyncClient, device_ids: Sequence[str]) -> dict[str, Any]:
        body = {"account_id": self.fleet.account.account_id, "name": "All", "device_ids": list(device_ids)}
        answer = await client.post("/v1/groups", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def complete(self, client: httpx.AsyncClient, group_id: str) -> dict[str, Any]:
        async def check() -> dict[str, Any]:
            groups = (await client.get("/v1/groups")).json()["items"]
            [group] = [one for one in groups if one["group_id"] == group_id]
            assert group["complete"], await self.job(client, group["job_id"])
            return dict(group)

        return await eventually(check, within=LONG)

    async def members(self, group_id: str) -> list[str]:
        found = self.catalog.db["devices"].find({"group_ids": group_id}, {"_id": 1})
        return sorted([document["_id"] async for document in found])

    async def job(self, client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
        answer = await client.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown


@pytest.fixture
async def large(world: World) -> AsyncIterator[LargeFleet]:
    profile = world.stack.profile
    settings = Settings(
        store=StoreSettings(url=store_url(profile), database="lockstep_catalog"),
        broker=BrokerSettings(
            bootstrap=broker_bootstrap(profile), username="catalog", password=broker_password(profile, "catalog")
        ),
        tokens=TokenSettings(key_set_url=f"{world.stack.url('identity')}/v1/keys"),
    )
    fleet = Fleet(world, await world.account("FI"))
    async with connected(create_app(settings)) as catalog:
        yield LargeFleet(fleet, catalog, await administrator(world, fleet.account))


async def test_a_model_with_two_thousand_devices_is_renamed_beside_the_records_that_follow(large: LargeFleet) -> None:
    await large.devices(2_000)
    ref = large.fleet.ref()
    await large.tell_in_one_partition(
        large.model("Aurora C3021", revision=2), large.fleet.device(ref, own_name="Later", model_ref="another")
    )
    await large.fleet.page(derived_id("device", ref), own_name="Later")
    assert await large.count(model_name="Aurora C3020") > 0, "the next record waits for no device"
    await large.tell_in_one_partition(large.model("Aurora C3021", revision=2))

    async def all_follow() -> bool:
        left = await large.count(model_name={"$ne": "Aurora C3021"})
        assert left == 0, f"{left} devices have the old name: {await large.jobs_of_model()}"
        return await large.jobs_have_ended()

    await eventually(all_follow, within=LONG, every=0.3)
    assert await large.count(version=1) == 2_000, "each device has told it once"
    jobs = await large.jobs_of_model()
    assert list(jobs) == [2], "a repeated record starts no second job"
    assert (jobs[2]["state"], jobs[2]["done"], jobs[2]["total"]) == ("done", 2_000, 2_000)


async def test_of_two_names_in_a_row_every_device_ends_with_the_newer_one(large: LargeFleet) -> None:
    await large.devices(350)
    await large.tell_in_one_partition(large.model("Aurora C3021", revision=2), large.model("Aurora C3022", revision=3))

    async def all_follow() -> bool:
        jobs = await large.jobs_of_model()
        assert set(jobs) == {2, 3} and await large.jobs_have_ended()
        return await large.count(model_name="Aurora C3022") == 350

    await eventually(all_follow, within=LONG, every=0.3)
    jobs = await large.jobs_of_model()
    assert jobs[3]["state"] == "done"
    assert (jobs[2]["state"], jobs[2]["reason"]) in {("cancelled", "superseded"), ("done", None)}
    assert await large.count(version={"$gt": 2}) == 0


async def test_a_small_change_of_members_is_done_while_the_request_waits(large: LargeFleet) -> None:
    devices = await large.devices(100)
    async with large.door() as client:
        group = await large.group(client, devices)
        assert group["complete"] and await large.members(group["group_id"]) == devices
        job = await large.job(client, group["job_id"])
        assert (job["state"], job["done"], job["account_id"]) == ("done", 100, large.fleet.account.account_id)


async def test_a_large_group_is_made_at_once_and_its_devices_follow_in_a_job(large: LargeFleet) -> None:
    devices = await large.devices(250)
    async with large.door() as client:
        group = await large.group(client, devices)
        assert (group["complete"], group["devices"]) == (False, 250)
        assert (await large.complete(client, group["group_id"]))["job_id"] == group["job_id"]
        job = await large.job(client, group["job_id"])
        assert (job["state"], job["done"], job["failed"], job["total"]) == ("done", 250, 0, 250)
        assert job["created_by"] == large.administrator.user_id
        assert await large.members(group["group_id"]) == devices


async def test_changes_that_overtake_each_other_end_with_the_last_wanted_members(large: LargeFleet) -> None:
    devices = await large.devices(420)
    async with large.door() as client:
        group_id = (await large.group(client, devices[:300]))["group_id"]
        for wanted in (devices[:10], devices[150:], devices[100:150] + devices[400:]):
            answer = await client.put(f"/v1/groups/{group_id}/members", json={"device_ids": wanted})
            assert answer.status_code == 200, answer.text
        group = await large.complete(client, group_id)
        assert group["devices"] == 70

        async def as_wanted() -> bool:
            running = await large.catalog.db["jobs"].count_documents({"about.group_id": group_id, "ended_at": None})
            assert running == 0, f"{running} jobs run"
            return await large.members(group_id) == wanted

        await eventually(as_wanted, within=LONG)


async def test_a_group_whose_change_is_cancelled_has_the_members_that_its_devices_say(large: LargeFleet) -> None:
    devices = await large.devices(600)
    async with large.door() as client:
        group = await large.group(client, devices)

        async def begun() -> bool:
            return bool((await large.job(client, group["job_id"]))["done"])

        await eventually(begun)
        cancelled = await client.post(f"/v1/jobs/{group['job_id']}/cancel")
        assert cancelled.status_code == 200, cancelled.text
        left = await large.complete(client, group["group_id"])

        async def ended() -> dict[str, Any]:
            job = await large.job(client, group["job_id"])
            assert job["state"] == "cancelled", job
            return job

        job = await eventually(ended)
        members = await large.members(group["group_id"])
        assert 0 < job["done"] == len(members) == left["devices"] < 600
        document = await large.catalog.db["groups"].find_one({"_id": group["group_id"]})
        assert document is not None and document["device_ids"] == members
