"""What the services declare fits the broker's table: every topic that a consumer needs is there, with the rights."""

import importlib
from typing import Any

import pytest

from deploy.local.layout import Profile, existing_services
from deploy.local.programs import service_program
from deploy.local.servers import Servers
from deploy.topics import TOPICS, rights
from shared.consumers import Subscription
from shared.consumers.subscription import Kind

NAMES = {topic.name for topic in TOPICS}
RIGHTS = {(right.principal, right.operation, right.name) for right in rights()}


def subscriptions_of(profile: Profile, service: str, monkeypatch: pytest.MonkeyPatch) -> list[Subscription[Any]]:
    for name, value in service_program(profile, service).environment.items():
        monkeypatch.setenv(name, value)
    app = importlib.import_module(f"services.{service}.main").create_app()
    return list(getattr(app.state, "subscriptions", []))


@pytest.mark.parametrize("service", existing_services())
def test_every_consumer_may_read_its_topic_and_has_a_place_for_what_it_cannot_take(
    servers: Servers, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = subscriptions_of(servers.profile, service, monkeypatch)
    assert len({one.group for one in found}) == len(found), "two consumers of one group"
    for one in found:
        assert one.group.startswith(f"{service}."), one.group
        assert (service, "READ", one.topic) in RIGHTS, one.group
        assert one.types, f"{one.group} follows no type of event"
        if one.kind is not Kind.VIEW:
            assert one.dead_letter_topic in NAMES and (service, "WRITE", one.dead_letter_topic) in RIGHTS, one.group
        if one.kind is Kind.INBOUND:
            assert one.rejected_topic in NAMES and (service, "WRITE", one.rejected_topic) in RIGHTS, one.group
