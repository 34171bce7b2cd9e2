"""Partitions that were added to a topic are taken up by every group, whoever of its members started again since.

The leader of a group watches for them; but a leader that comes back under its old name, as static members do, gets its
old share without being made leader again, and then nobody watches.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol

from shared.consumers.subscription import Subscription
from shared.settings import BrokerSettings
from shared.waiting import within
from shared.wire.connection import client_arguments

log = logging.getLogger(__name__)

PERIOD_SECONDS = 30.0
LIMIT_SECONDS = 10.0
NO_ERROR = 0


class Coverage:
    """Compares the partitions that there are with those that the members of each group share."""

    def __init__(
        self,
        settings: BrokerSettings,
        subscriptions: Sequence[Subscription[Any]],
        share_anew: Callable[[str], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._topics = {one.group: one.topic for one in subscriptions}
        self._share_anew = share_anew

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            try:
                await within(LIMIT_SECONDS, self.look())
            except Exception as error:
                log.warning("cannot see which partitions are read", extra={"error": repr(error)})

    async def look(self) -> None:
        """Look once; have each group share its partitions anew of which some are not read."""
        admin = AIOKafkaAdminClient(**client_arguments(self._settings))
        try:
            await admin.start()
            topics = await admin.describe_topics(sorted(set(self._topics.values())))
            there = {one["topic"]: {partition["partition"] for partition in one["partitions"]} for one in topics}
            for group, topic in self._topics.items():
                unread = there[topic] - await _read(admin, group, there[topic])
                if unread:
                    log.warning("nobody reads some partitions", extra={"group": group, "unread": sorted(unread)})
                    await self._share_anew(group)
        finally:
            await within(LIMIT_SECONDS, admin.close())


async def _read(admin: AIOKafkaAdminClient, group: str, there: set[int]) -> set[int]:
    """The partitions that a group reads; all of them while it is sharing them out.

    Groups are asked for one by one: aiokafka misreads an answer about several.
    """
    [answer] = await admin.describe_consumer_groups([group])
    [(error, _, state, _, _, members, *_)] = answer.groups
    return _shared(members) if error == NO_ERROR and state == "Stable" else there


def _shared(members: Sequence[tuple[Any, ...]]) -> set[int]:
    """The numbers of the partitions that some members have."""
    assignments = [ConsumerProtocol.ASSIGNMENT.decode(member[-1]) for member in members if member[-1]]
    return {partition.partition for assignment in assignments for partition in assignment.partitions()}
