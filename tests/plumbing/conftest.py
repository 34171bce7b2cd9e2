"""Fixtures of this folder: the broker as its administrator, a topic of one's own, the probe service."""

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.broker_setup import admin_client
from deploy.local.environment import broker_bootstrap
from deploy.local.keys import broker_password
from deploy.local.servers import Servers
from tests.plumbing.channel import Channel, channel_on
from tests.plumbing.probe import TOPIC, Probe, probe_on
from tests.support.wire import Wire


@pytest.fixture(scope="session")
def admin(servers: Servers) -> AdminClient:
    """The administrator of the real broker."""
    profile = servers.profile
    return admin_client(broker_bootstrap(profile), broker_password(profile, "admin"))


@pytest.fixture(scope="session")
def topics(servers: Servers, admin: AdminClient) -> Wire:
    """The broker, with this folder's topic."""
    profile = servers.profile
    for future in admin.create_topics([NewTopic(TOPIC, 3, 1)]).values():
        future.result(15)
    return Wire(broker_bootstrap(profile), "admin", broker_password(profile, "admin"))


@pytest.fixture
def channel(topics: Wire, admin: AdminClient) -> Channel:
    """A topic, a group and the topics beside them, of this test's own."""
    return channel_on(topics, admin)


@pytest.fixture
def probe(servers: Servers, topics: Wire) -> Probe:
    """A service with a database of this test's own."""
    return probe_on(servers.profile, topics)
