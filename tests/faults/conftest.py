"""A stack of this folder's own: its servers are killed, halted and started again, one test after the other."""

import shutil
from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.layout import Profile
from deploy.local.servers import Servers
from tests.support.stack import Stack
from tests.support.world import World


@pytest.fixture(scope="session")
def faulty() -> Iterator[Stack]:
    """All servers and services of the profile `faults`, on fresh data."""
    profile = Profile.named("faults")
    shutil.rmtree(profile.directory / "data", ignore_errors=True)
    with Servers(profile) as servers:
        yield Stack(servers)


@pytest.fixture
async def world(faulty: Stack) -> AsyncIterator[World]:
    async with World.of(faulty) as own:
        yield own
