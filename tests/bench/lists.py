"""The device list of a customer with 20,000 devices against that of one with 200."""

import asyncio
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpx

from shared.contracts.catalog import Entitlement, Site
from shared.contracts.inbound import BackOfficeContractUpdated, BackOfficeDeviceUpdated, BackOfficeModelUpdated
from tests.bench.load import Connection, Measured, measure
from tests.support.waiting import eventually
from tests.support.wire import headers_for
from tests.support.world import Account, Person, World

REQUESTS_SECONDS = 6.0
SITES = 40
PATHS = (
    "/v1/devices?limit=50",
    "/v1/devices?limit=50&sort=model",
    "/v1/devices?limit=50&sort=-own_name",
    "/v1/devices?limit=50&q=SNB",
    "/v1/devices?limit=50&status=installed",
)


async def seed(world: World, account: Account, count: int, entitlement: Entitlement) -> float:
    """Send a fleet as the back office does and wait until the catalog shows it; returns the seconds it took."""
    started = asyncio.get_running_loop().time()
    now = datetime.now(UTC)
    async with world.stack.wire("back-office").producer() as producer:
        pending = []
        model = BackOfficeModelUpdated(ref=f"m-{account.ref}", revision=1, occurred_at=now, name="Aurora C3020")
        messages: list[BackOfficeModelUpdated | BackOfficeDeviceUpdated | BackOfficeContractUpdated] = [model]
        for number in range(count):
            ref = f"{account.ref}-{number}"
            site = Site(
                site_id=f"{account.ref}-{number % SITES}",
                name=f"Site {number % SITES}",
                street="Satamakatu 4",
                postcode="33200",
                city="Tampere",
                country="FI",
                time_zone="Europe/Helsinki",
            )
            messages.append(
                BackOfficeDeviceUpdated(
                    ref=ref,
                    revision=1,
                    occurred_at=now,
                    serial=f"SNB{account.ref.replace('-', '').upper()}{number:06}",
                    model_ref=model.ref,
                    account_ref=account.ref,
                    site=site,
                    own_name=f"Corridor {random.Random(number).randrange(10_000)}",
                )
            )
            messages.append(
                BackOfficeContractUpdated(
                    ref=f"line-{ref}",
                    revision=1,
                    occurred_at=now,
                    number=f"C-{ref}",
                    account_ref=account.ref,
                    device_ref=ref,
                    valid_from=(now - timedelta(days=100)).date(),
                    entitlement=entitlement,
                )
            )
        for message in messages:
            headers = list(headers_for(message.type, str(uuid.uuid4())).items())
            value = message.model_dump_json().encode()
            pending.append(await producer.send(message.topic, value, key=message.ref.encode(), headers=headers))
        await asyncio.gather(*pending)
    async with await world.api("catalog") as catalog:
        await eventually(lambda: _complete(catalog, account, count), within=900, every=1.0, what=f"{count} devices")
    return asyncio.get_running_loop().time() - started


async def _complete(catalog: httpx.AsyncClient, account: Account, count: int) -> bool:
    answer = await catalog.get(
        "/v1/devices", params={"account_id": account.account_id, "contract": "valid", "limit": 1, "total": "true"}
    )
    return bool(answer.status_code == 200 and answer.json()["total"] == count)


SEARCHES = ("SNB", "Corridor%204711", "Corridor", "Tampere", "Aurora", "Aurora%20Tampere")
"""A serial's beginning, an own name and its frequent word, a city, a model, and two words."""


async def listing(world: World, who: Person) -> Measured:
    """One person's list in several orders and filters, one request at a time."""
    return await _asked(world, who, PATHS)


async def searches(world: World, who: Person) -> Measured:
    """What a person types into the list's search."""
    return await _asked(world, who, tuple(f"/v1/devices?limit=50&q={text}" for text in SEARCHES))


async def _asked(world: World, who: Person, paths: Sequence[str]) -> Measured:
    connection = Connection(world.stack.url("catalog"), who.token)

    async def ask(_: int, number: int) -> str | None:
        status, body = await connection.request("GET", paths[number % len(paths)])
        return None if status == 200 else f"{status} {body[:200]!r}"

    try:
        return await measure(ask, workers=1, seconds=REQUESTS_SECONDS)
    finally:
        connection.close()


async def device_ids(world: World, who: Person, most: int) -> list[str]:
    """Ids of a person's devices, page by page."""
    found: list[str] = []
    cursor: str | None = None
    async with await world.api("catalog", who) as catalog:
        while len(found) < most:
            parameters: dict[str, str | int] = {"limit": 200} | ({"cursor": cursor} if cursor else {})
            page = (await catalog.get("/v1/devices", params=parameters)).json()
            found += [item["device_id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
    return found[:most]
