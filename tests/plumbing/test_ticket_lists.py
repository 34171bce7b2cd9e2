"""What a list of tickets finds, whichever way to its rows is taken, is what looking at every row finds."""

import random
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.environment import store_url
from deploy.local.servers import Servers
from services.tickets.aggregate import rows, store
from services.tickets.lists import finding
from services.tickets.lists.queries import ORDERS
from shared.access.scope import EVERYTHING, NOTHING, Scope
from shared.contracts.tickets import TicketStatus
from shared.text import search_words, squeezed
from tests.unit.ticket_samples import opened

Row = dict[str, Any]
COUNT = 150
DATABASE = f"ticket_lists_{uuid.uuid4().hex[:10]}"

NEWEST_FIRST = ORDERS["-opened"]

SCOPES: Mapping[str, tuple[Scope, Callable[[Row], bool]]] = {
    "all": (EVERYTHING, lambda row: True),
    "none": (NOTHING, lambda row: False),
    "an account": (Scope({"account_id": "a1"}), lambda row: row["account_id"] == "a1"),
    "two accounts": (
        Scope({"account_id": {"$in": ["a1", "a2"]}}),
        lambda row: row["account_id"] in ("a1", "a2"),
    ),
    "a device of an account and a group of another": (
        Scope({"$or": [{"account_id": "a1", "device_id": "d3"}, {"account_id": "a2", "group_ids": "g1"}]}),
        lambda row: (
            (row["account_id"], row["device_id"]) == ("a1", "d3")
            or (row["account_id"] == "a2" and "g1" in row["group_ids"])
        ),
    ),
}
SEARCHES = (
    "often",
    "seldom",
    "often seldom",
    "of se",
    "LX-0007",
    "lx 00 07",
    "T-9000012",
    "T-90 000 12",
    "t",
    "nothing",
)


@pytest.fixture
async def db(servers: Servers) -> AsyncIterator[AsyncDatabase[Row]]:
    """A database of these tests' own, with rows."""
    async with AsyncMongoClient[Row](store_url(servers.profile), tz_aware=True) as client:
        database = client[DATABASE]
        if await database[rows.ROWS].find_one() is None:
            await rows.prepare(database)
            await database[rows.ROWS].insert_many(list(_rows()))
        yield database


@pytest.fixture
def stored() -> list[Row]:
    """The same rows, newest first."""
    documents = list(_rows())
    return sorted(documents, key=lambda row: (row["opened_at"], row["_id"]), reverse=True)


def _rows() -> Iterator[Row]:
    dice = random.Random(7)
    sample = opened().ticket
    now = datetime(2026, 11, 2, 12, tzinfo=UTC)
    for number in range(COUNT):
        device = sample.state.device.model_copy(
            update={"device_id": f"d{number % 10}", "serial": f"LX-{number % 10:04}"}
        )
        text = "often heard" + (" seldom" if number % 40 == 0 else "") + (" of se" if number % 3 else "")
        update = {
            "ticket_id": f"ticket-{number}",
            "number": f"T-9{number:06}",
            "account_id": dice.choice(("a1", "a1", "a2", "a3")),
            "group_ids": dice.choice(((), ("g1",), ("g1", "g2"))),
            "device": device,
            "description": text,
            "status": dice.choice((TicketStatus.CLOSED, TicketStatus.CLOSED, TicketStatus.ACKNOWLEDGED)),
            "opened_at": now - timedelta(minutes=dice.randrange(COUNT // 2)),
        }
        ticket = sample.model_copy(update={"state": sample.state.model_copy(update=update)})
        document = store.new_document(ticket, device_version=1)
        yield {"_id": document["_id"], **rows.row_of(document)}


def _is_found(row: Row, text: str) -> bool:
    def begins(start: str) -> bool:
        return any(key.startswith(start) for key in row["keys"])

    return all(begins(word) for word in search_words(text)) or begins(squeezed(text))


@pytest.mark.parametrize("few", [1, 10, 10_000])
@pytest.mark.parametrize("scope", SCOPES)
async def test_a_search_finds_the_same_in_order_and_through_an_index(
    db: AsyncDatabase[Row], stored: list[Row], monkeypatch: pytest.MonkeyPatch, few: int, scope: str
) -> None:
    monkeypatch.setattr(finding, "FEW", few)
    condition, is_visible = SCOPES[scope]
    visible = [row for row in stored if is_visible(row)]
    for text in SEARCHES:
        search = finding.Search.of(text)
        assert search is not None
        wanted = [row["_id"] for row in visible if _is_found(row, text)]
        listed = await finding.find(db[rows.ROWS], condition, search=search)
        assert [row["_id"] for row in await listed.read(NEWEST_FIRST, None, COUNT)] == wanted, text
        assert await listed.total() == len(wanted), text


@pytest.mark.parametrize("few", [1, 10, 10_000])
@pytest.mark.parametrize("scope", SCOPES)
async def test_state_account_and_device_narrow_within_the_scope(
    db: AsyncDatabase[Row], stored: list[Row], monkeypatch: pytest.MonkeyPatch, few: int, scope: str
) -> None:
    monkeypatch.setattr(finding, "FEW", few)
    condition, is_visible = SCOPES[scope]
    for within in ({"account_id": "a2"}, {"device_id": "d3"}):
        for state in (rows.OPEN, rows.CLOSED):
            wanted = [
                row["_id"]
                for row in stored
                if is_visible(row) and within.items() <= row.items() and state in row["keys"]
            ]
            listed = await finding.find(db[rows.ROWS], condition, within=[within], keys=[finding.whole(state)])
            assert [row["_id"] for row in await listed.read(NEWEST_FIRST, None, COUNT)] == wanted, (within, state)
            assert [row["_id"] for row in await listed.read(NEWEST_FIRST, None, 3)] == wanted[:3]
            assert await listed.total() == len(wanted)


def test_a_text_of_signs_alone_is_no_search() -> None:
    assert finding.Search.of("?! -") is None


@pytest.mark.parametrize(
    "text", ["is", "is:open", "open", "status", "status closed", "order", "order:1", ":order:1", "o", "s"]
)
def test_nobody_reaches_the_keys_of_states_and_orders_by_a_search(text: str) -> None:
    keys = rows.keys_of(opened().ticket.state.model_dump(), ["1"])
    reserved = [key for key in keys if ":" in key]
    assert len(reserved) == 3
    looked_for = [*search_words(text), squeezed(text)]
    assert not any(key.startswith(start) for key in reserved for start in looked_for)
