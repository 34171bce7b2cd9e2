"""Receipts: which party has taken notice of what, from the offsets that its consumers have committed (TIC-14).

Marks are monotone: a row that was seen stays seen with the time it was first noticed, also when a party rewinds.
"""

import asyncio
import logging
import uuid
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient

from shared.kafka.connection import client_arguments
from shared.leases import Lease
from shared.outbox.history import COLLECTION as HISTORY
from shared.service import Service

log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
LIMIT_SECONDS = 5.0

Committed = dict[tuple[str, int], int]


async def watch(deps: Service) -> None:
    """Compare and mark, in one process of the service at a time, until cancelled."""
    lease = Lease(deps.db, "receipts", f"{deps.settings.instance}-{uuid.uuid4()}")
    marked: Committed = {}
    while True:
        try:
            if await lease.held():
                await _follow(deps, lease, marked)
        except Exception as error:
            log.warning("receipts wait", extra={"error": repr(error)})
        await asyncio.sleep(PAUSE_SECONDS)


async def _follow(deps: Service, lease: Lease, marked: Committed) -> None:
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
                await mark(deps, committed, marked)
            await asyncio.sleep(deps.settings.receipts.period_seconds)
    finally:
        async with asyncio.timeout(LIMIT_SECONDS):
            await admin.close()


def topics_of(groups: Mapping[str, str]) -> dict[str, str]:
    return {f"outbound.{party}": group for party, group in groups.items()}


async def mark(deps: Service, committed: Committed, marked: Committed) -> None:
    """Mark the rows below the committed offsets. Rows may be written after the party was quicker: look each time."""
    for (topic, partition), offset in committed.items():
        if offset <= 0:
            continue
        result = await deps.db[HISTORY].update_many(
            {"awaiting": topic, "partition": partition, "offset": {"$lt": offset}},
            {"$set": {"seen_at": deps.clock()}, "$unset": {"awaiting": ""}},
        )
        if result.modified_count or marked.get((topic, partition)) != offset:
            marked[topic, partition] = offset
            log.debug("receipts", extra={"topic": topic, "partition": partition, "marked": result.modified_count})
