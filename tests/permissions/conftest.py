"""One stage for all tests of this folder: the servers, the callers and what they are asked about."""

from collections.abc import AsyncIterator

import pytest

from tests.permissions.setting import staged
from tests.permissions.stage import Stage
from tests.support.stack import Stack


@pytest.fixture(scope="session")
async def one_stage(stack: Stack) -> AsyncIterator[Stage]:
    async with staged(stack) as own:
        yield own


@pytest.fixture
async def stage(one_stage: Stage) -> Stage:
    await one_stage.keep_signed_in()
    return one_stage
