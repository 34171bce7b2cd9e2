"""Brings a broker to what `deploy/topics.py` says: users, topics with their settings, rights.

python -m deploy.broker_setup --bootstrap kafka:9092 --keys FOLDER      FOLDER holds a file broker-<principal> each
"""

import argparse
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from deploy.topics import ADMIN, PRINCIPALS, TOPICS, Right, Topic, rights

SECONDS = 30
SCRAM_ITERATIONS = 4096
ANY: Any = None


@dataclass(frozen=True)
class Applied:
    """What an application changed; all zero when the broker already was as it should be."""

    topics_created: int = 0
    topics_changed: int = 0
    rights_given: int = 0
    rights_taken: int = 0


def admin_client(bootstrap: str, password: str, *, protocol: str = "SASL_PLAINTEXT", **settings: str) -> AdminClient:
    """A client with the administrator's rights."""
    return AdminClient(connection(bootstrap, password, protocol=protocol) | settings)


def connection(bootstrap: str, password: str, *, protocol: str = "SASL_PLAINTEXT") -> dict[str, Any]:
    """How librdkafka reaches the broker as its administrator."""
    return {
        "bootstrap.servers": bootstrap,
        "security.protocol": protocol,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": ADMIN,
        "sasl.password": password,
        "reconnect.backoff.max.ms": 500,
        "log_level": 0,
    }


def apply(admin: AdminClient, passwords: Mapping[str, str], *, topics: Iterable[Topic] = TOPICS) -> Applied:
    """Set users, topics and rights; `passwords` holds one for each principal.

    Partitions only grow and topics are never deleted: both would lose records.
    """
    wanted = {topic.name: topic for topic in topics}
    _set_passwords(admin, passwords)
    there = admin.list_topics(timeout=SECONDS).topics
    absent = [topic for name, topic in wanted.items() if name not in there]
    _create(admin, absent)
    _grow(admin, [topic for name, topic in wanted.items() if name in there and _is_smaller(there[name], topic)])
    changed = _configure(admin, [topic for name, topic in wanted.items() if name in there])
    given, taken = _set_rights(admin, set(rights()))
    return Applied(len(absent), changed, given, taken)


def _wait(futures: Mapping[Any, Any]) -> None:
    for future in futures.values():
        future.result(SECONDS)


def _set_passwords(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    missing = set(PRINCIPALS) - set(passwords)
    if missing:
        raise ValueError(f"no password for {', '.join(sorted(missing))}")
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
    upserts: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(principal, how, password.encode())
        for principal, password in passwords.items()
        if principal in PRINCIPALS and principal != ADMIN
    ]
    _wait(admin.alter_user_scram_credentials(upserts))


def _create(admin: AdminClient, topics: list[Topic]) -> None:
    if topics:
        new = [
            NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=-1, config=dict(topic.config))
            for topic in topics
        ]
        _wait(admin.create_topics(new, operation_timeout=SECONDS))


def _is_smaller(there: Any, topic: Topic) -> bool:
    return len(there.partitions) < topic.partitions


def _grow(admin: AdminClient, topics: list[Topic]) -> None:
    if topics:
        _wait(admin.create_partitions([NewPartitions(topic.name, topic.partitions) for topic in topics]))


def _configure(admin: AdminClient, topics: list[Topic]) -> int:
    """Set the topics' settings where they differ; returns the number of topics changed."""
    if not topics:
        return 0
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in topics]
    found = {resource.name: future.result(SECONDS) for resource, future in admin.describe_configs(resources).items()}
    different: list[ConfigResource] = []
    for topic in topics:
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in topic.config.items()
            if found[topic.name][name].value != value
        ]
        if entries:
            different.append(ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries))
    if different:
        _wait(admin.incremental_alter_configs(different))
    return len(different)


def _set_rights(admin: AdminClient, wanted: set[Right]) -> tuple[int, int]:
    there = _rights_there(admin)
    bindings = {_binding(right) for right in wanted}
    missing, surplus = list(bindings - there), list(there - bindings)
    if missing:
        _wait(admin.create_acls(missing))
    if surplus:
        _wait(admin.delete_acls([_exactly(binding) for binding in surplus]))
    # The broker takes rights up after the topics, which on a fresh one is seconds later; until then it refuses.
    end = time.monotonic() + SECONDS
    while _rights_there(admin) != bindings:
        if time.monotonic() > end:
            raise TimeoutError(f"the broker has not taken up its rights within {SECONDS} s")
        time.sleep(0.1)
    return len(missing), len(surplus)


def _rights_there(admin: AdminClient) -> set[AclBinding]:
    everything = AclBindingFilter(
        ResourceType.ANY, ANY, ResourcePatternType.ANY, ANY, ANY, AclOperation.ANY, AclPermissionType.ANY
    )
    return set(admin.describe_acls(everything).result(SECONDS))


def _binding(right: Right) -> AclBinding:
    return AclBinding(
        ResourceType[right.resource],
        right.name,
        ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL,
        f"User:{right.principal}",
        "*",
        AclOperation[right.operation],
        AclPermissionType.ALLOW,
    )


def _exactly(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def main() -> None:
    """Apply the table to the broker that the command line names."""
    parser = argparse.ArgumentParser(description="set users, topics and rights")
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--keys", required=True, type=Path)
    parser.add_argument("--protocol", default="SASL_PLAINTEXT")
    arguments = parser.parse_args()
    passwords = {name: (arguments.keys / f"broker-{name}").read_text() for name in PRINCIPALS}
    print(apply(admin_client(arguments.bootstrap, passwords[ADMIN], protocol=arguments.protocol), passwords))


if __name__ == "__main__":
    main()
