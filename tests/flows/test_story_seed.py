"""Seeding brings a whole installation to life, once, however often it is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deploy.seed.doors import call, doors
from deploy.seed.fleet import EXPIRED_DEVICE, fleet
from deploy.seed.local_installation import local_installation
from deploy.seed.people import FINNISH_MANAGER, GERMAN_MANAGER
from deploy.seed.seeding import Installation, Seeded, is_seeded, seed
from shared.ids import derived_id
from tests.support.stack import Stack

DEVICES = 30


@contextmanager
def silently(title: str) -> Iterator[None]:
    yield


async def seeded(installation: Installation) -> Seeded:
    return await seed(installation, devices=DEVICES, step=silently, tell=lambda line: None)


async def versions(installation: Installation, users: list[str]) -> dict[str, Any]:
    """What a change would show in: versions and numbers of everything that was seeded."""
    devices = [derived_id("device", device.ref) for device in fleet(DEVICES)]
    async with doors(installation.urls, installation.bootstrap_secret) as door:
        return {
            "devices": [(await call(door, "GET", "catalog", f"/v1/devices/{id_}"))["version"] for id_ in devices],
            "users": [(await call(door, "GET", "identity", f"/v1/users/{id_}"))["version"] for id_ in users],
            "grants": [(await call(door, "GET", "catalog", f"/v1/grants/{id_}"))["version"] for id_ in users],
            "editions": (await call(door, "GET", "identity", "/v1/editions"))["items"],
            "calendars": (await call(door, "GET", "tickets", "/v1/calendars"))["items"],
            "clients": len((await call(door, "GET", "identity", "/v1/clients"))["items"]),
        }


async def test_seeding_again_changes_nothing_and_everybody_sees_what_is_his(stack: Stack) -> None:
    installation = local_installation(stack.profile)
    first = await seeded(installation)
    before = await versions(installation, list(first.users.values()))
    assert await is_seeded(installation, devices=DEVICES)

    again = await seeded(installation)
    assert again.users == first.users
    after = await versions(installation, list(first.users.values()))
    for what in before:
        assert _without_clock(after[what]) == _without_clock(before[what]), what

    expired = derived_id("device", list(fleet(DEVICES))[EXPIRED_DEVICE].ref)
    for person, count, status in ((FINNISH_MANAGER, 12, 200), (GERMAN_MANAGER, 9, 404)):
        token = await stack.sign_in(person.email, first.password)
        async with await stack.client("catalog", token) as catalog, await stack.client("tickets", token) as tickets:
            assert (await catalog.get("/v1/devices?total=true")).json()["total"] == count
            outlook = await tickets.get(f"/v1/devices/{expired}/outlook")
            assert outlook.status_code == status
            if status == 200:
                assert outlook.json()["entitled"] is False


def _without_clock(found: Any) -> Any:
    """Without what depends on the time of asking."""
    if not isinstance(found, list):
        return found
    moving = {"open_now", "closes_at", "opens_next_at"}
    return [
        {name: value for name, value in item.items() if name not in moving} if isinstance(item, dict) else item
        for item in found
    ]
