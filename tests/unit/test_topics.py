"""The table of topics, principals and rights: what must hold whatever is added to it."""

import pytest

from deploy.topics import PARTIES, PRINCIPALS, REACTION_GROUPS, SERVICES, TOPICS, Right, rights

NAMES = {topic.name: topic for topic in TOPICS}
RIGHTS = set(rights())


def topics_that(principal: str, operation: str) -> set[str]:
    return {
        right.name
        for right in RIGHTS
        if right.principal == principal and right.operation == operation and right.resource == "TOPIC"
    }


def test_each_topic_stands_once() -> None:
    assert len(NAMES) == len(TOPICS)


def test_only_known_principals_write_and_read() -> None:
    for topic in TOPICS:
        assert set(topic.writers) <= set(PRINCIPALS), topic.name
        assert set(topic.readers) <= set(PRINCIPALS), topic.name


def test_an_owner_topic_is_written_by_its_owner_alone() -> None:
    for service in SERVICES:
        for name, topic in NAMES.items():
            if name.startswith(f"{service}.") and not name.endswith(".dlq"):
                assert topic.writers == (service,)


def test_owner_topics_are_compacted_after_thirty_days_and_never_before() -> None:
    others = ("identity.people", "identity.revocations")
    for name, topic in NAMES.items():
        if name.partition(".")[0] in SERVICES and not name.endswith(".dlq") and name not in others:
            assert topic.config["cleanup.policy"] == "compact"
            assert topic.config["min.compaction.lag.ms"] == str(30 * 24 * 3600 * 1000)


def test_personal_data_is_compacted_within_the_hour() -> None:
    config = NAMES["identity.people"].config
    assert config["cleanup.policy"] == "compact"
    assert int(config["max.compaction.lag.ms"]) <= 3600 * 1000
    assert int(config["segment.ms"]) < 3600 * 1000


def test_whoever_was_away_for_a_month_still_hears_of_an_erasure() -> None:
    for name, topic in NAMES.items():
        if topic.config["cleanup.policy"] == "compact":
            uncompacted = int(topic.config["min.compaction.lag.ms"])
            assert uncompacted + int(topic.config.get("delete.retention.ms", 0)) >= 30 * 24 * 3600 * 1000, name


def test_personal_data_is_read_only_where_it_is_needed() -> None:
    readers = {right.principal for right in RIGHTS if right.name == "identity.people" and right.operation == "READ"}
    assert readers == {"identity", "notifier", "tickets", "portal"}


@pytest.mark.parametrize("party", PARTIES)
def test_a_party_reads_what_is_addressed_to_it_and_nothing_else(party: str) -> None:
    for name in topics_that(party, "READ"):
        addressed = name == f"outbound.{party}" or (name.startswith(f"inbound.{party}") and name.endswith(".rejected"))
        assert addressed, name


@pytest.mark.parametrize("party", PARTIES)
def test_a_party_writes_only_its_own_inbound_topics(party: str) -> None:
    for name in topics_that(party, "WRITE"):
        assert name == f"inbound.{party}" or name.startswith(f"inbound.{party}."), name
        assert not name.endswith(".rejected")


def test_each_inbound_topic_has_one_reader_and_an_answer_for_refused_records() -> None:
    for name, topic in NAMES.items():
        if name.startswith("inbound.") and not name.endswith((".rejected", ".dlq")):
            assert len(topic.readers) == 1, name
            answer = NAMES[f"{name}.rejected"]
            assert answer.writers == topic.readers
            assert answer.readers == topic.writers


@pytest.mark.parametrize(("topic", "group"), REACTION_GROUPS)
def test_a_reaction_may_read_its_topic_and_park_what_it_cannot_take(topic: str, group: str) -> None:
    service = group.partition(".")[0]
    assert topic in topics_that(service, "READ")
    assert f"{topic}.{group}.dlq" in topics_that(service, "WRITE")
    assert f"{topic}.{group}.dlq" in topics_that(service, "READ")


def test_whoever_sends_to_a_party_may_see_what_it_has_taken() -> None:
    assert Right("tickets", "DESCRIBE", "GROUP", "dispatch.", prefixed=True) in RIGHTS
    assert Right("dispatch", "DESCRIBE", "GROUP", "tickets.", prefixed=True) not in RIGHTS


def test_the_administrator_needs_no_rights_of_his_own() -> None:
    assert "admin" not in {right.principal for right in RIGHTS}
