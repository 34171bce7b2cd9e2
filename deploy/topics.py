"""The broker's topics, principals and rights: one table, applied as often as one likes.

`apply` brings a broker to what stands here: users with their passwords, topics with their settings, and exactly the
rights that follow from who writes and who reads. Rights that no longer follow from it are taken away.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

SERVICES = ("identity", "catalog", "tickets", "meters", "knowledge", "notifier", "portal")
PARTIES = ("dispatch", "engineer", "contact-centre", "back-office", "billing", "logistics", "remote-link")
ADMIN = "admin"
PRINCIPALS = (*SERVICES, *PARTIES, ADMIN)

OWNER_PARTITIONS = 6
PARTY_PARTITIONS = 3
KEPT = timedelta(days=90)
NOT_COMPACTED_BEFORE = timedelta(days=30)
ERASED_WITHIN = timedelta(hours=1)
TOMBSTONES_KEPT = timedelta(days=30)


def _milliseconds(duration: timedelta) -> str:
    return str(int(duration.total_seconds() * 1000))


# A view can be built from any point of the last thirty days; after that the last state per key stays.
COMPACTED = {"cleanup.policy": "compact", "min.compaction.lag.ms": _milliseconds(NOT_COMPACTED_BEFORE)}

# Personal data: an erased person's tombstone takes every earlier state with it within the hour. It stays itself for as
# long as a view may have been away: one that came back after it had gone would keep the person for ever.
PERSONAL = {
    "cleanup.policy": "compact",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": _milliseconds(ERASED_WITHIN),
    "segment.ms": _milliseconds(ERASED_WITHIN / 4),
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": _milliseconds(TOMBSTONES_KEPT),
}
# What expires by itself: after a day no token is left that a revocation could concern.
EXPIRING = {"cleanup.policy": "delete", "retention.ms": _milliseconds(timedelta(days=1))}
RECORDS = {"cleanup.policy": "delete", "retention.ms": _milliseconds(KEPT)}

# A party compresses as it likes; the broker keeps what it sends in a form that every reader of ours can read.
TOLD_BY_PARTIES = {**RECORDS, "compression.type": "gzip"}


@dataclass(frozen=True)
class Topic:
    """One topic: how it is kept, and which principals may write and read it. Writers may always read their own."""

    name: str
    partitions: int
    config: Mapping[str, str]
    writers: tuple[str, ...]
    readers: tuple[str, ...]


def _owned(name: str, *, by: str, readers: tuple[str, ...], config: Mapping[str, str] = COMPACTED) -> Topic:
    return Topic(name, OWNER_PARTITIONS, config, (by,), readers)


def _outbound(party: str, *, by: tuple[str, ...]) -> Topic:
    return Topic(f"outbound.{party}", PARTY_PARTITIONS, RECORDS, by, (party,))


def _inbound(party: str, *, to: str, part: str = "") -> tuple[Topic, Topic]:
    name = f"inbound.{party}{part}"
    return (
        Topic(name, PARTY_PARTITIONS, TOLD_BY_PARTIES, (party,), (to,)),
        Topic(f"{name}.rejected", 1, RECORDS, (to,), (party,)),
    )


OTHERS_OF_CATALOG = ("tickets", "meters", "knowledge", "notifier", "identity")
OTHERS_OF_TICKETS = ("catalog", "meters", "identity", "notifier", "knowledge")

OWNER_TOPICS = (
    _owned("identity.users", by="identity", readers=SERVICES),
    _owned("identity.accounts", by="identity", readers=SERVICES),
    _owned("identity.editions", by="identity", readers=SERVICES),
    _owned("identity.people", by="identity", readers=("notifier", "tickets", "portal"), config=PERSONAL),
    _owned("identity.revocations", by="identity", readers=SERVICES, config=EXPIRING),
    _owned("catalog.devices", by="catalog", readers=OTHERS_OF_CATALOG),
    _owned("catalog.contracts", by="catalog", readers=OTHERS_OF_CATALOG),
    _owned("catalog.models", by="catalog", readers=OTHERS_OF_CATALOG),
    _owned("catalog.groups", by="catalog", readers=OTHERS_OF_CATALOG),
    # Every service decides by itself what a caller may see, and needs who manages what for it.
    _owned("catalog.grants", by="catalog", readers=SERVICES),
    _owned("tickets.tickets", by="tickets", readers=OTHERS_OF_TICKETS),
    _owned("tickets.types", by="tickets", readers=OTHERS_OF_TICKETS),
    _owned("notifier.messages", by="notifier", readers=("identity",)),
)

PARTY_TOPICS = (
    _outbound("dispatch", by=("tickets",)),
    _outbound("engineer", by=("tickets",)),
    _outbound("contact-centre", by=("tickets",)),
    _outbound("back-office", by=("identity", "catalog", "tickets")),
    _outbound("billing", by=("meters", "tickets")),
    _outbound("logistics", by=("meters",)),
    *_inbound("dispatch", to="tickets"),
    *_inbound("engineer", to="tickets"),
    *_inbound("contact-centre", to="tickets"),
    *_inbound("back-office", part=".accounts", to="identity"),
    *_inbound("back-office", part=".fleet", to="catalog"),
    *_inbound("back-office", part=".credit", to="tickets"),
    *_inbound("remote-link", to="meters"),
    *_inbound("logistics", to="meters"),
)

# (topic, group) of every consumer that changes an aggregate or has an effect outside: what it cannot take is parked.
# A group's name begins with its service's.
REACTION_GROUPS = (
    ("inbound.back-office.accounts", "identity.back-office"),
    ("identity.accounts", "identity.rights"),
    ("identity.users", "identity.administrators"),
    ("inbound.back-office.fleet", "catalog.back-office"),
    ("identity.users", "catalog.grants-of-users"),
    ("inbound.dispatch", "tickets.dispatch"),
    ("inbound.engineer", "tickets.engineer"),
    ("inbound.contact-centre", "tickets.contact-centre"),
    ("catalog.devices", "tickets.site-changes"),
    ("tickets.tickets", "notifier.ticket-mails"),
)


def _parked(topic: str, group: str) -> Topic:
    service = group.partition(".")[0]
    return Topic(f"{topic}.{group}.dlq", 1, RECORDS, (service,), ())


TOPICS = (*OWNER_TOPICS, *PARTY_TOPICS, *(_parked(topic, group) for topic, group in REACTION_GROUPS))


@dataclass(frozen=True, order=True)
class Right:
    """One permission: what a principal may do with a topic or with the consumer groups under a prefix."""

    principal: str
    operation: str
    resource: str
    name: str
    prefixed: bool = False


def rights() -> Iterator[Right]:
    """All rights that follow from the table, each once.

    Reading needs no group: a live stream reads all partitions without one. Whoever sends to a party may look at the
    offsets that the party's groups have committed: these are the receipts.
    """
    found: set[Right] = set()
    for topic in TOPICS:
        found |= {Right(writer, "WRITE", "TOPIC", topic.name) for writer in topic.writers}
        found |= {Right(reader, "READ", "TOPIC", topic.name) for reader in topic.readers}
        if topic.writers[0] in SERVICES:
            found |= {Right(writer, "READ", "TOPIC", topic.name) for writer in topic.writers}
        for reader in topic.readers:
            if reader in PARTIES:
                found |= {
                    Right(writer, "DESCRIBE", "GROUP", f"{reader}.", prefixed=True)
                    for writer in topic.writers
                    if topic.name.startswith("outbound.")
                }
    for principal in (*SERVICES, *PARTIES):
        found.add(Right(principal, "READ", "GROUP", f"{principal}.", prefixed=True))
    yield from sorted(found)
