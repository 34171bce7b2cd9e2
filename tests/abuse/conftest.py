"""How much is tried: `LOCKSTEP_ABUSE` multiplies it."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.support.stack import Stack
from tests.support.world import Person, World

TIMES = int(os.environ.get("LOCKSTEP_ABUSE", "1"))


class Cast:
    """Callers of each kind, and things that they own, to be asked for among unknown ones."""

    def __init__(self, stack: Stack, people: list[Person], known: dict[str, str]) -> None:
        self.stack = stack
        self.people = people
        self.tokens: list[str | None] = [None]
        self.known = known
        self.asked = 0

    async def keep_signed_in(self) -> None:
        self.tokens = [
            None,
            await self.stack.machine_token(),
            *[await self.stack.lasting(person.token, person) for person in self.people],
        ]

    def next_token(self) -> str | None:
        """One caller after the other."""
        self.asked += 1
        return self.tokens[self.asked % len(self.tokens)]


@pytest.fixture(scope="session")
async def one_world(stack: Stack) -> AsyncIterator[World]:
    async with World.of(stack) as own:
        yield own


@pytest.fixture(scope="session")
async def one_cast(one_world: World, stack: Stack) -> Cast:
    account = await one_world.account("FI")
    device = await one_world.device(account)
    manager = await one_world.manager(account, whole=True)
    right = {"account_id": account.account_id, "role": "administrator", "whole": True}
    people = [manager, await one_world.person("FI", rights=[right]), await one_world.agent()]
    ticket = await one_world.open_ticket(manager, device)
    known = {
        "account_id": account.account_id,
        "device_id": device.device_id,
        "ticket_id": str(ticket["ticket_id"]),
        "user_id": manager.user_id,
    }
    return Cast(stack, people, known)


@pytest.fixture
async def cast(one_cast: Cast) -> Cast:
    await one_cast.keep_signed_in()
    return one_cast
