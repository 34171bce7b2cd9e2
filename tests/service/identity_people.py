"""People for the tests of identity."""

import uuid
from typing import Any

from tests.support.world import Account, Person, World


def right(account: Account, role: str = "administrator", *, whole: bool = True) -> dict[str, Any]:
    return {"account_id": account.account_id, "role": role, "whole": whole}


def body(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "first_name": "Jürgen",
        "last_name": "Müller",
        "email": f"{uuid.uuid4().hex}@{world.prefix}.example",
        "language": "de",
        "time_zone": "Europe/Berlin",
        "country": "DE",
        **changes,
    }


async def administrator(world: World, account: Account) -> Person:
    return await world.person(account.country, rights=[right(account)])


async def counted(world: World, account: Account) -> set[str]:
    async with await world.api("identity") as machine:
        return set((await machine.get(f"/v1/accounts/{account.account_id}")).json()["administrators"])
