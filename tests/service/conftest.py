"""One service under test and whatever it needs: by itself where a module says so, else among all the others.

`pytestmark = pytest.mark.alone("tickets")` runs that service only, and the world tells it what others own.
"""

from collections.abc import AsyncIterator

import pytest

from deploy.local.servers import Servers
from tests.support.facts import Facts
from tests.support.identity_keys import IdentityKeys
from tests.support.stack import Stack
from tests.support.world import World


def _alone(request: pytest.FixtureRequest) -> str | None:
    marker = request.node.get_closest_marker("alone")
    return marker.args[0] if marker else None


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, servers: Servers, identity_keys: IdentityKeys) -> Stack:
    """The servers with the module's own service, or with all of them."""
    service = _alone(request)
    if service is None:
        whole: Stack = request.getfixturevalue("whole_stack")
        return whole
    if service == "identity":
        identity_keys.stop()
    elif not servers.is_running("identity"):
        identity_keys.serve()
    if not servers.is_running(service):
        servers.start_services([service])
    return Stack(servers)


@pytest.fixture
async def world(request: pytest.FixtureRequest, stack: Stack, identity_keys: IdentityKeys) -> AsyncIterator[World]:
    """A maker of accounts, users, devices and contracts of this test's own."""
    service = _alone(request)
    if service in (None, "identity"):
        async with World.of(stack) as own:
            yield own
    else:
        async with Facts.told(stack, identity_keys, service) as told:
            yield told
