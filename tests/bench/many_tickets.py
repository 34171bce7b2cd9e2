"""100,000 tickets in the store: their lists and searches, against an account of 1,000."""

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from services.tickets.aggregate import rows as ticket_rows
from services.tickets.aggregate import store
from shared.contracts.tickets import TicketStatus
from shared.ids import new_id
from tests.bench.load import Connection, Measured, measure
from tests.support.stack import Stack
from tests.unit.ticket_samples import opened

MANY, FEW = 100_000, 1_000
AT_ONCE = 500
SECONDS = 6.0
YEARS = timedelta(days=730)
SYLLABLES = ("pa", "ke", "lo", "mi", "tu", "ra", "se", "no", "vi", "da")
WORDS = ["".join(parts) for parts in itertools.product(SYLLABLES, repeat=3)]


async def fill(stack: Stack, account_id: str, count: int) -> None:
    """Store closed tickets of an account as the service stores them: the document, and the row that lists read."""
    client = stack.store()
    database = stack.database(client, "tickets")
    documents = _documents(account_id, count)
    try:
        while batch := list(itertools.islice(documents, AT_ONCE)):
            rows = [
                ticket_rows.row_of(document) | {name: document[name] for name in ("_id", "revision", "version")}
                for document in batch
            ]
            await database[store.TICKETS.collection].insert_many(batch, ordered=False)
            await database[ticket_rows.ROWS].insert_many(rows, ordered=False)
    finally:
        await client.close()


def _documents(account_id: str, count: int) -> Iterator[dict[str, Any]]:
    """Descriptions of a dozen words, of which a few are frequent and most are rare; opened over two years."""
    dice = random.Random(count)
    sample = opened().ticket
    now = datetime.now(UTC)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    for number in range(count):
        device = sample.state.device.model_copy(
            update={"device_id": f"{account_id}-{number % (count // 5)}", "serial": f"LX{number % (count // 5):07}"}
        )
        at = now - YEARS * dice.random()
        state = sample.state.model_copy(
            update={
                "ticket_id": new_id(),
                "number": f"T-9{number:07}",
                "account_id": account_id,
                "device": device,
                "description": " ".join(dice.choices(WORDS, weights, k=12)),
                "status": TicketStatus.CLOSED,
                "clocks": (),
                "opened_at": at,
                "status_since": at,
            }
        )
        document = store.new_document(sample.model_copy(update={"state": state}), device_version=1)
        yield {**document, "revision": 1, "version": 3, "outbox": [], "told": {}}


async def newest(stack: Stack, token: str) -> Measured:
    """The first page of the list, one client."""
    return await _asked(stack, token, ["/v1/tickets?limit=50"])


async def searches(stack: Stack, token: str) -> Measured:
    """Frequent and rare words, two of them, a serial number, a ticket's number."""
    looked_for = (WORDS[0], WORDS[40], WORDS[-1], f"{WORDS[1]} {WORDS[90]}", "LX0000123", "T-90004711")
    return await _asked(stack, token, [f"/v1/tickets?limit=50&q={one.replace(' ', '%20')}" for one in looked_for])


async def _asked(stack: Stack, token: str, paths: list[str]) -> Measured:
    connection = Connection(stack.url("tickets"), token)

    async def ask(_: int, number: int) -> str | None:
        status, body = await connection.request("GET", paths[number % len(paths)])
        return None if status == 200 else f"{status} {body[:200]!r}"

    try:
        return await measure(ask, workers=1, seconds=SECONDS)
    finally:
        connection.close()
