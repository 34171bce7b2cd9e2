"""A list is read page by page, forwards and backwards, on the real store; its cursors are nobody's to invent."""

import random
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

from deploy.local.environment import store_url
from deploy.local.servers import Servers
from shared import lists
from shared.http.paging import CursorInvalid, decode_cursor, encode_cursor
from shared.lists import Order, Position, Read, bounded_total, every_page, slice_of

Row = dict[str, Any]
COUNT = 47
BY_NAME = Order("name", "shown.name")
BY_MOMENT = Order("at", "at", datetime)
ORDERS = {f"{order.name} {order.descending}": order for one in (BY_NAME, BY_MOMENT) for order in (one, one.turned)}


def rows() -> list[Row]:
    """Many of them with the same key."""
    dice = random.Random(11)
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        {
            "_id": f"row-{number:02}",
            "shown": {"name": dice.choice(("", "a", "ä", "b\u0301", "z" * 300))},
            "at": begin + timedelta(hours=dice.randrange(6)),
        }
        for number in range(COUNT)
    ]


@pytest.fixture
async def stored(servers: Servers) -> AsyncIterator[AsyncCollection[Row]]:
    async with AsyncMongoClient[Row](store_url(servers.profile), tz_aware=True) as client:
        collection = client[f"lists_{uuid.uuid4().hex[:10]}"]["rows"]
        await collection.insert_many(rows())
        yield collection


def reading(collection: AsyncCollection[Row]) -> Read:
    async def read(order: Order, position: Position | None, count: int) -> list[Row]:
        return await collection.find(order.beyond(position)).sort(order.keys()).limit(count).to_list()

    return read


def ids(documents: list[Row]) -> list[str]:
    return [document["_id"] for document in documents]


@pytest.mark.parametrize("limit", [1, 5, 46, 47, 200])
@pytest.mark.parametrize("order", ORDERS)
async def test_pages_forwards_and_backwards_are_the_list(stored: AsyncCollection[Row], order: str, limit: int) -> None:
    by, read = ORDERS[order], reading(stored)
    wanted = ids(sorted(rows(), key=by.of, reverse=by.descending))
    pages = [await slice_of(by, cursor=None, limit=limit, read=read)]
    while (following := pages[-1].next) is not None:
        pages.append(await slice_of(by, cursor=following, limit=limit, read=read))
    assert [name for page in pages for name in ids(page.documents)] == wanted
    assert pages[0].previous is None
    assert [name async for page in every_page(by, size=limit, read=read) for name in ids(page)] == wanted
    for before, page in zip(reversed(pages[:-1]), reversed(pages[1:]), strict=True):
        back = await slice_of(by, cursor=page.previous, limit=limit, read=read)
        assert ids(back.documents) == ids(before.documents)
        assert (back.previous is None) == (before is pages[0])
        again = await slice_of(by, cursor=back.next, limit=limit, read=read)
        assert ids(again.documents) == ids(page.documents)


async def test_a_page_back_to_a_beginning_that_has_shrunk_is_a_whole_page(stored: AsyncCollection[Row]) -> None:
    read = reading(stored)
    first = await slice_of(BY_NAME, cursor=None, limit=10, read=read)
    second = await slice_of(BY_NAME, cursor=first.next, limit=10, read=read)
    await stored.delete_many({"_id": {"$in": ids(first.documents)[:7]}})
    back = await slice_of(BY_NAME, cursor=second.previous, limit=10, read=read)
    assert ids(back.documents) == [*ids(first.documents)[7:], *ids(second.documents)[:7]]
    assert back.previous is None and back.next is not None
    last = await slice_of(BY_NAME, cursor=back.next, limit=200, read=read)
    await stored.delete_many({"_id": {"$in": ids(last.documents)}})
    beyond = await slice_of(BY_NAME, cursor=back.next, limit=10, read=read)
    assert (beyond.documents, beyond.next) == ([], None)
    returned = await slice_of(BY_NAME, cursor=beyond.previous, limit=10, read=read)
    assert ids(returned.documents) == ids(back.documents), "the beginning, as a whole page"
    await stored.delete_many({})
    gone = await slice_of(BY_NAME, cursor=second.previous, limit=10, read=read)
    assert (gone.documents, gone.next, gone.previous) == ([], None, None)


@pytest.mark.parametrize("order", ORDERS)
async def test_a_cursor_that_is_not_of_this_order_is_refused(stored: AsyncCollection[Row], order: str) -> None:
    by = ORDERS[order]
    place = decode_cursor(by.cursor(rows()[0]))
    spoilt: list[dict[str, Any]] = [
        {"key": 1},
        {"key": None},
        {"id": ["x"]},
        {"id": "\0"},
        {"key": "\ud800"},
        {"order": "other"},
        {"order": by.turned.name if by.descending else f"-{by.name}"},
    ]
    if by.kind is datetime:
        spoilt += [{"key": key} for key in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "soon")]
    cursors = ["", "x", "e30", "bm9uc2Vuc2U", "💥", *(encode_cursor_of(place | part) for part in spoilt)]
    for cursor in cursors:
        with pytest.raises(CursorInvalid):
            await slice_of(by, cursor=cursor, limit=5, read=reading(stored))


def encode_cursor_of(place: dict[str, Any]) -> str:
    try:
        return encode_cursor(place)
    except TypeError:  # half of a surrogate pair, which JSON as we write it cannot hold
        return "x"


async def test_a_total_is_counted_up_to_its_bound(
    stored: AsyncCollection[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound, total in ((COUNT, COUNT), (COUNT + 1, COUNT), (COUNT - 1, None)):
        monkeypatch.setattr(lists, "MOST_COUNTED", bound)
        assert await bounded_total(stored, {}) == total
