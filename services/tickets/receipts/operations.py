"""Receipts: which party has taken notice of what, from the offsets that its consumers have committed (TIC-14).

Marks are monotone: a row that was seen stays seen with the time it was first noticed, also when a party rewinds.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient

from services.tickets.service import Service
from shared.leases import Lease
from shared.outbox.history import COLLECTION as HISTORY
from shared.wire.connection import client_arguments

log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
LIMIT_SECONDS = 5.0

IN_VIEW_SECONDS = 5.0
REVISITED_SECONDS = 30.0

Place = tuple[str, int]
"""A topic and the number of one of its partitions."""


class Marks:
    """Which offsets were marked, and until when a partition is looked at again.

    A party may be quicker than our own history: a row that is written after the party has committed past it is found
    because a partition stays in view for a while, and all of them come up once in a while.
    """

    def __init__(self) -> None:
        self._known: dict[Place, int] = {}
        self._looked_at_until: dict[Place, float] = {}

    def due(self, place: Place, offset: int) -> bool:
        now = time.monotonic()
        if self._known.get(place) != offset:
            self._known[place] = offset
            self._looked_at_until[place] = now + IN_VIEW_SECONDS
        elif now > self._looked_at_until[place] + REVISITED_SECONDS:
            self._looked_at_until[place] = now
        return now <= self._looked_at_until[place]


async def watch(deps: Service) -> None:
    """Compare and mark, in one process of the service at a time, until cancelled."""
    lease = Lease(deps.db, "receipts", f"{deps.settings.instance}-{uuid.uuid4()}")
    marks = Marks()
    while True:
        try:
            if await lease.held():
                await _follow(deps, lease, marks)
        except Exception as error:
            log.warning("receipts wait", extra={"error": repr(error)})
        await asyncio.sleep(PAUSE_SECONDS)


async def _follow(deps: Service, lease: Lease, marks: Marks) -> None:
    admin = AIOKafkaAdminClient(request_timeout_ms=int(LIMIT_SECONDS * 1000), **client_arguments(deps.settings.broker))
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            await admin.start()
        while await lease.held():
            for topic, group in topics_of(deps.settings.receipts.groups).items():
                async with asyncio.timeout(LIMIT_SECONDS):
                    offsets = await admin.list_consumer_group_offsets(group)
                committed = {
                    (partition.topic, partition.partition): metadata.offset
                    for partition, metadata in offsets.items()
                    if partition.topic == topic
                }
                await mark(deps, committed, marks)
            await asyncio.sleep(deps.settings.receipts.period_seconds)
    finally:
        async with asyncio.timeout(LIMIT_SECONDS):
            await admin.close()


def topics_of(groups: Mapping[str, str]) -> dict[str, str]:
    return {f"outbound.{party}": group for party, group in groups.items()}


async def mark(deps: Service, committed: Mapping[Place, int], marks: Marks) -> None:
    """Mark the rows below the committed offsets as seen, from now on for ever."""
    for (topic, partition), offset in committed.items():
        if offset > 0 and marks.due((topic, partition), offset):
            await deps.db[HISTORY].update_many(
                {"awaiting": topic, "partition": partition, "offset": {"$lt": offset}},
                {"$set": {"seen_at": deps.clock()}, "$unset": {"awaiting": ""}},
            )
