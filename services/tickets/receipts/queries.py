"""Whether a party has been told, and has taken notice, of what a ticket's change had for it."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel
from pymongo import ASCENDING

from services.tickets.aggregate.store import TICKETS, Document
from services.tickets.service import Service
from shared.operations.models import Backlog
from shared.outbox.history import COLLECTION as HISTORY

MOST_COUNTED = 10_000


class PartyView(BaseModel):
    """A party's latest news of a ticket: told when, and taken notice of when. None: not yet."""

    party: str
    what: str
    sent_at: AwareDatetime | None = None
    seen_at: AwareDatetime | None = None


class Receipt(NamedTuple):
    """When an event left for its party, and when that was seen to have read past it."""

    sent_at: datetime
    seen_at: datetime | None


async def receipts_of(deps: Service, document: Document, sequences: Collection[int]) -> dict[int, Receipt]:
    """By the sequences of a ticket's events. One that still waits in the document has none."""
    if not sequences:
        return {}
    found = deps.db[HISTORY].find(
        {"aggregate": f"{TICKETS.name}/{document['_id']}", "sequence": {"$in": sorted(sequences)}},
        {"sequence": 1, "headers.ce_time": 1, "seen_at": 1},
    )
    return {
        row["sequence"]: Receipt(datetime.fromisoformat(row["headers"]["ce_time"]), row.get("seen_at"))
        async for row in found
    }


async def parties_of(deps: Service, document: Document) -> list[PartyView]:
    """The newest message to each party, and its receipt. Of its own act a party needs no telling."""
    told = document.get("told", {})
    receipts = await receipts_of(deps, document, {place["sequence"] for place in told.values()})
    return [_party(party, place, receipts.get(place["sequence"])) for party, place in sorted(told.items())]


def _party(party: str, place: Document, receipt: Receipt | None) -> PartyView:
    own_at = place.get("own_at")
    sent_at, seen_at = receipt or (own_at, None)
    return PartyView(party=party, what=place["type"], sent_at=sent_at, seen_at=own_at or seen_at)


async def backlogs(deps: Service) -> list[Backlog]:
    """Per party whose receipts count: what was sent to it and not yet seen, and since when the oldest of it waits."""
    return [await _unseen(deps, party) for party in sorted(deps.settings.receipts.groups)]


async def _unseen(deps: Service, party: str) -> Backlog:
    query = {"awaiting": f"outbound.{party}"}
    number = await deps.db[HISTORY].count_documents(query, limit=MOST_COUNTED)
    sent = [at async for at in _first_unseen(deps, query["awaiting"])]
    age = (deps.clock() - min(sent)).total_seconds() if sent else None
    return Backlog(
        what="receipts",
        of=party,
        number=number,
        is_more=number == MOST_COUNTED,
        oldest_seconds=max(0.0, age) if age is not None else None,
    )


async def _first_unseen(deps: Service, topic: str) -> AsyncIterator[datetime]:
    """When the first record of each partition that its party has not seen was written: one look at the index each."""
    partition = -1
    while rows := (
        await deps.db[HISTORY]
        .find({"awaiting": topic, "partition": {"$gt": partition}}, {"partition": 1, "headers.ce_time": 1})
        .sort([("partition", ASCENDING), ("offset", ASCENDING)])
        .limit(1)
        .to_list()
    ):
        partition = rows[0]["partition"]
        yield datetime.fromisoformat(rows[0]["headers"]["ce_time"])
