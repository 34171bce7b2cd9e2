"""What the services declare fits the broker's table: every topic that a consumer needs is there, with the rights."""

import importlib
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from deploy.local.layout import Profile, existing_services
from deploy.local.programs import service_program
from deploy.local.servers import Servers
from deploy.topics import KEPT, TOPICS, rights
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


def test_every_topic_is_kept_on_the_broker_as_the_table_says(servers: Servers, admin: AdminClient) -> None:
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in TOPICS]
    there = {resource.name: future.result(15) for resource, future in admin.describe_configs(resources).items()}
    for topic in TOPICS:
        kept = {name: there[topic.name][name].value for name in topic.config}
        assert kept == dict(topic.config), topic.name


def test_an_erased_person_is_gone_within_hours_and_the_word_of_it_stays_for_a_month(
    servers: Servers, admin: AdminClient
) -> None:
    hour = 3_600_000
    ((_, future),) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, "identity.people")]).items()
    config = {name: entry.value for name, entry in future.result(15).items()}
    assert config["cleanup.policy"] == "compact"
    assert int(config["min.compaction.lag.ms"]) == 0
    assert int(config["max.compaction.lag.ms"]) <= hour and int(config["segment.ms"]) < hour
    assert int(config["delete.retention.ms"]) >= 30 * 24 * hour


def test_a_group_that_is_down_for_as_long_as_records_are_kept_is_not_forgotten(
    servers: Servers, admin: AdminClient
) -> None:
    ((_, future),) = admin.describe_configs([ConfigResource(ResourceType.BROKER, "1")]).items()
    assert timedelta(minutes=int(future.result(15)["offsets.retention.minutes"].value)) >= KEPT
