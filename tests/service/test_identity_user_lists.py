"""Users: the list and the search in it."""

from typing import Any

import pytest

from tests.service.identity_people import administrator, body, right
from tests.support.world import World

pytestmark = pytest.mark.alone("identity")


async def test_people_are_found_by_their_last_name_however_it_is_typed(world: World) -> None:
    account = await world.account("DE")
    boss = await administrator(world, account)
    async with await world.api("identity") as machine:
        for last_name in ("Müller", "Mueller", "von Müllersdorf", "Meyer"):
            await machine.post(
                "/v1/users", json=body(world, last_name=last_name, rights=[right(account, "stock_manager")])
            )
    async with await world.api("identity", boss) as client:

        async def found(text: str) -> set[str]:
            params: dict[str, str | int] = {"q": text, "account_id": account.account_id}
            return {one["last_name"] for one in (await client.get("/v1/users", params=params)).json()["items"]}

        both = {"Müller", "Mueller", "von Müllersdorf"}
        assert await found("Müller") == both
        assert await found("mueller") == both
        assert await found("muller") == {"Müller", "von Müllersdorf"}
        assert await found("von m") == {"von Müllersdorf"}
        assert await found("mey") == {"Meyer"}
        assert await found("urgen") == set()


async def test_the_list_counts_by_status_and_pages_without_gaps(world: World) -> None:
    account = await world.account("DE")
    boss = await administrator(world, account)
    async with await world.api("identity") as machine:
        for number in range(5):
            await machine.post("/v1/users", json=body(world, last_name=f"N{number}", rights=[right(account)]))
    async with await world.api("identity", boss) as client:
        params: dict[str, Any] = {"status": "pending", "limit": 2, "total": "true"}
        names: list[str] = []
        while True:
            page = (await client.get("/v1/users", params=params)).json()
            assert (page["counts"], page["total"]) == ({"active": 1, "pending": 5}, 5)
            names += [one["last_name"] for one in page["items"]]
            if page["next"] is None:
                break
            params["cursor"] = page["next"]
    assert names == [f"N{number}" for number in range(5)]
