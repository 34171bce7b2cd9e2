"""Every view of every service, and who follows it, on the real broker: nothing that comes late brings back the past.

The views are those that the services declare, each on a topic and in a group of its own here.
"""

import asyncio
import contextlib
import importlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from fastapi import FastAPI

from deploy.local.layout import Profile, existing_services
from deploy.local.programs import service_program
from deploy.local.servers import Servers
from services.tickets.aggregate import store
from services.tickets.devices import store as devices
from shared.access.scope import EVERYTHING
from shared.application import connected
from shared.consumers import Subscription, ViewRow, deployment, views
from shared.consumers.consume import Consumers
from shared.consumers.subscription import Kind
from shared.contracts.catalog import DeviceSiteChanged, Site
from shared.outbox import Cause
from shared.service import Service
from tests.plumbing.channel import Channel, Sent, channel_on
from tests.plumbing.followers import EXAMPLES, USER, Example
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.unit import ticket_samples

Snapshot = dict[str, dict[str, Any]]

NOT_FOLLOWING = {"parked", "leases", "deployed_groups"}


def app_of(service: str, profile: Profile, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """A service as it is started, on a database of its own and with a record a batch."""
    own = {
        "LOCKSTEP_INSTANCE": uuid.uuid4().hex[:8],
        "LOCKSTEP_STORE__DATABASE": f"followers_{uuid.uuid4().hex[:10]}",
        "LOCKSTEP_BROKER__USERNAME": wire.username,
        "LOCKSTEP_BROKER__PASSWORD": wire.password,
        "LOCKSTEP_CONSUMERS__BATCH_RECORDS": "1",
    }
    for name, value in {**service_program(profile, service).environment, **own}.items():
        monkeypatch.setenv(name, value)
    app: FastAPI = importlib.import_module(f"services.{service}.main").create_app()
    return app


def views_of(app: FastAPI) -> list[Subscription[Any]]:
    return [one for one in getattr(app.state, "subscriptions", []) if one.kind is Kind.VIEW]


@dataclass(frozen=True)
class Followed:
    """One view on a channel of its own."""

    view: Subscription[Any]
    example: Example
    channel: Channel

    def under(self, channel: Channel) -> Subscription[Any]:
        return replace(self.view, topic=channel.topic, group=channel.group)

    async def send(self, sequence: int) -> None:
        event = self.example.older if sequence == 5 else self.example.newer
        value = event.model_dump_json().encode() if event is not None else None
        await self.channel.send(Sent(self.example.key, sequence, type=self.example.type, value=value))


class Followers:
    """All views of one service."""

    def __init__(self, service: Service[Any, Any], followed: Sequence[Followed]) -> None:
        self.service = service
        self.followed = followed

    @contextlib.asynccontextmanager
    async def following(self, group: str) -> AsyncIterator[None]:
        """The views at work, in groups that end so: new ones read everything from the beginning."""
        self._channels = [replace(one.channel, group=f"{one.channel.group}-{group}") for one in self.followed]
        consumers = Consumers(
            self.service, [one.under(channel) for one, channel in zip(self.followed, self._channels, strict=True)]
        )
        running = asyncio.create_task(consumers.run())
        try:
            yield
        finally:
            await consumers.stop()
            await running

    async def send(self, sequence: int) -> None:
        await asyncio.gather(*(one.send(sequence) for one in self.followed))

    async def have_handled(self, records: int) -> Snapshot:
        """What the service holds once each view has handled so many records, and nothing waits to be drained."""
        await asyncio.gather(*(channel.acknowledges(records) for channel in self._channels))
        await eventually(self._is_drained)
        found: Snapshot = {}
        for name in await self.service.db.list_collection_names():
            if name not in NOT_FOLLOWING:
                found[name] = {row["_id"]: row async for row in self.service.db[name].find()}
        found["callers"] = {USER: await self.service.callers.of_user(USER)}
        return found

    async def _is_drained(self) -> bool:
        names = await self.service.db.list_collection_names()
        waiting = [await self.service.db[name].find_one({"outbox.0": {"$exists": True}}) for name in names]
        return not any(waiting)

    async def drop_views(self) -> None:
        for name in await self.service.db.list_collection_names():
            if name.startswith("view_"):
                await self.service.db[name].drop()


@contextlib.asynccontextmanager
async def followers_of(
    service: str, servers: Servers, wire: Wire, admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Followers]:
    app = app_of(service, servers.profile, wire, monkeypatch)
    followed = [Followed(view, EXAMPLES[view.group], channel_on(wire, admin)) for view in views_of(app)]
    async with connected(app) as running:
        for one in followed:
            if one.example.prepare is not None:
                await one.example.prepare(running.db)
        yield Followers(running, followed)


def test_every_view_has_an_example_here(servers: Servers, topics: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {
        view.group: view.topic
        for service in existing_services()
        for view in views_of(app_of(service, servers.profile, topics, monkeypatch))
    }
    assert declared == {group: one.older.topic for group, one in EXAMPLES.items()}


@pytest.mark.parametrize("service", sorted({group.partition(".")[0] for group in EXAMPLES}))
async def test_neither_a_late_duplicate_nor_a_group_that_begins_anew_brings_back_the_past(
    servers: Servers, topics: Wire, admin: AdminClient, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    async with followers_of(service, servers, topics, admin, monkeypatch) as followers:
        async with followers.following("first"):
            await followers.send(5)
            older = await followers.have_handled(1)
            await followers.send(6)
            newer = await followers.have_handled(2)
            for one in followers.followed:
                for name in one.example.changes:
                    assert newer[name] != older[name], f"{one.view.group} did not change {name}"

            await followers.send(5)
            assert differing(await followers.have_handled(3), newer) == {}, "after a late duplicate"

        async with followers.following("reset"):
            assert differing(await followers.have_handled(3), newer) == {}, "after a reset of the groups"

        await followers.drop_views()
        async with followers.following("rebuilt"):
            assert differing(await followers.have_handled(3), newer) == {}, "after views were made anew"


async def test_a_late_site_change_does_not_move_a_ticket_that_was_opened_on_a_newer_site(
    servers: Servers, topics: Wire, admin: AdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = channel_on(topics, admin)
    app = app_of("tickets", servers.profile, topics, monkeypatch)
    (declared,) = [one for one in app.state.subscriptions if one.group == "tickets.site-changes"]
    reaction = replace(declared, topic=channel.topic, group=channel.group)
    ticket = ticket_samples.opened().ticket
    standing = ticket.state.site

    def moved(sequence: int, site: Site) -> Sent:
        event = DeviceSiteChanged(device=ticket_samples.device(site=site), occurred_at=ticket_samples.NOON)
        return Sent("device-1", sequence, type=event.type, value=event.model_dump_json().encode())

    async with connected(app) as tickets:
        document = store.new_document(ticket, device_version=6)
        await tickets.outbox.insert(store.TICKETS, document, [], scope=EVERYTHING, cause=Cause("test"))
        row = ViewRow("device-1", 6, devices.device_fields(ticket_samples.device(site=standing)))
        await views.upsert(tickets.db[devices.DEVICES], [row])
        await deployment.remember(tickets.db, [reaction])
        consumers = Consumers(tickets, [reaction])
        running = asyncio.create_task(consumers.run())
        try:
            await channel.acknowledges(0)
            await eventually(lambda: _true(not consumers.waiting))
            await channel.send(moved(5, ticket_samples.site("an older one")), moved(6, standing))
            await channel.send(moved(5, ticket_samples.site("an older one")))
            await channel.acknowledges(3)
            after = await tickets.db["tickets"].find_one({"_id": "ticket-1"})
            assert after is not None and after["ticket"]["site"]["site_id"] == standing.site_id
            assert after["version"] == 0

            await channel.send(moved(7, ticket_samples.site("a newer one")))
            await channel.acknowledges(4)
            after = await tickets.db["tickets"].find_one({"_id": "ticket-1"})
            assert after is not None and after["ticket"]["site"]["site_id"] == "a newer one"
        finally:
            await consumers.stop()
            await running


async def test_a_ticket_keeps_the_groups_of_the_newest_version_of_its_device_whoever_writes_last(
    servers: Servers, topics: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of("tickets", servers.profile, topics, monkeypatch)
    ticket = ticket_samples.opened().ticket

    async def groups(db: Any) -> list[str]:
        return list((await db["tickets"].find_one({"_id": "ticket-1"}))["group_ids"])

    async with connected(app) as tickets:
        document = store.new_document(ticket, device_version=6)
        await tickets.outbox.insert(store.TICKETS, document, [], scope=EVERYTHING, cause=Cause("test"))
        opened_with = await groups(tickets.db)
        for version, name, shown in ((5, "older", opened_with), (8, "newest", ["newest"]), (7, "late", ["newest"])):
            device = ticket_samples.device(group_ids=(name,))
            await store.refresh_groups(tickets.outbox, [devices.KnownDevice(device, version)])
            assert await groups(tickets.db) == shown, version


async def _true(value: object) -> bool:
    return bool(value)


def differing(found: Snapshot, wanted: Snapshot) -> Mapping[str, Any]:
    """The collections that are not as they should be."""
    return {name: found.get(name) for name in wanted.keys() | found.keys() if found.get(name) != wanted.get(name)}
