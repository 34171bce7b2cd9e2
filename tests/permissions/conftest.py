"""One stage for all tests of this folder: the servers, the callers and what they are asked about."""

from collections.abc import AsyncIterator

import pytest

from tests.permissions.stage import Stage, staged
from tests.support.stack import Stack


@pytest.fixture(scope="session")
async def stage(stack: Stack) -> AsyncIterator[Stage]:
    async with staged(stack) as own:
        yield own
