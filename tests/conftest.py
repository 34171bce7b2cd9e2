"""Fixtures: one set of real servers for the whole run, the services on top where a test asks for them."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from deploy.local.layout import Profile, existing_services
from deploy.local.servers import Servers
from tests.containers import servers_for
from tests.support.identity_keys import IdentityKeys
from tests.support.log_watch import failures
from tests.support.stack import Stack
from tests.support.world import World

PROFILE_SETTING = "LOCKSTEP_TEST_PROFILE"

# The lowest cost that identity accepts: tests sign many people in, and none of their passwords is worth more.
CHEAP_PASSWORDS = {"LOCKSTEP_PASSWORDS__MEMORY_KIB": "19456", "LOCKSTEP_PASSWORDS__PASSES": "2"}


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Kafka, the store and the mail catcher of the profile `test`, on fresh data, without services.

    `LOCKSTEP_TEST_PROFILE=mine:9300` names a profile of one's own, to test beside others. At the end, no service may
    have told of a failure of its own.
    """
    begun = datetime.now(UTC)
    profile = Profile.parse(os.environ.get(PROFILE_SETTING) or "test")
    with servers_for(profile, services=(), fresh=True, environment=CHEAP_PASSWORDS) as running:
        yield running
    told = failures(profile.logs, since=begun)
    assert not told, "services failed while they were tested:\n" + "\n".join(told)


@pytest.fixture(scope="session")
def identity_keys(servers: Servers) -> Iterator[IdentityKeys]:
    """Tokens for services that run without identity."""
    keys = IdentityKeys(servers.profile)
    yield keys
    keys.stop()


@pytest.fixture(scope="session")
def whole_stack(servers: Servers, identity_keys: IdentityKeys) -> Stack:
    """The servers with all services running."""
    identity_keys.stop()
    servers.start_services(name for name in existing_services() if not servers.is_running(name))
    return Stack(servers)


@pytest.fixture(scope="session")
def stack(whole_stack: Stack) -> Stack:
    return whole_stack


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    """A maker of accounts, users, devices and contracts of this test's own, through the product's front doors."""
    async with World.of(stack) as own:
        yield own
