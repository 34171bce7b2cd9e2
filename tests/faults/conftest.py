"""A stack of this folder's own: its servers are killed, halted and started again, one test after the other."""

from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.layout import Profile
from tests.conftest import CHEAP_PASSWORDS
from tests.containers import servers_for
from tests.support.stack import Stack
from tests.support.world import World


@pytest.fixture(scope="session")
def faulty() -> Iterator[Stack]:
    """All servers and services of the profile `faults`, on fresh data."""
    with servers_for(Profile.named("faults"), fresh=True, environment=CHEAP_PASSWORDS) as servers:
        yield Stack(servers)


@pytest.fixture
async def world(faulty: Stack) -> AsyncIterator[World]:
    async with World.of(faulty) as own:
        yield own
