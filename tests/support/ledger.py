"""What has to hold after any fault: nothing lost, order per aggregate kept, views equal to their owners."""

from collections.abc import Collection

from services.tickets.aggregate.states import WORK_REMAINS
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import Listener, header

TOPIC = "tickets.tickets"


def first_occurrences(heard: Listener, key: str) -> list[int]:
    """The sequences of one ticket in the order in which each was first seen; topics have no order among them."""
    own = (record for record in heard.of(key) if record.topic == TOPIC)
    return list(dict.fromkeys(int(header(record, "ce_sequence")) for record in own))


async def assert_published_whole(stack: Stack, heard: Listener, tickets: Collection[str], *, since: int = 0) -> None:
    """Every version of every ticket has been published, first occurrences in order, and nothing waits any more.

    `since` is the version that the tickets had before anybody listened.
    """
    client = stack.store()
    try:
        database = stack.database(client, "tickets")
        for ticket_id in tickets:

            async def complete(ticket_id: str = ticket_id) -> bool:
                await heard.more()
                document = await database["tickets"].find_one({"_id": ticket_id})
                assert document is not None, f"ticket {ticket_id} is not in the store"
                assert not document["outbox"], f"{len(document['outbox'])} events of {ticket_id} still wait"
                rows = database["history"].find({"aggregate": f"tickets/{ticket_id}", "topic": TOPIC})
                wanted = sorted([row["sequence"] async for row in rows if row["sequence"] > since])
                seen = first_occurrences(heard, ticket_id)
                assert set(wanted) <= set(seen), f"{ticket_id}: published {seen}, committed {wanted}"
                return True

            await eventually(complete, within=60)
            seen = first_occurrences(heard, ticket_id)
            assert seen == sorted(seen), f"{ticket_id}: out of order {seen}"
    finally:
        await client.close()


async def assert_views_equal_owners(stack: Stack, tickets: Collection[str], devices: Collection[str]) -> None:
    """The catalog's view of tickets and the tickets' view of devices stand where their owners stand."""
    client = stack.store()
    try:
        catalog, own = stack.database(client, "catalog"), stack.database(client, "tickets")

        async def equal() -> bool:
            for ticket_id in tickets:
                ticket = await own["tickets"].find_one({"_id": ticket_id}, {"ticket.status": 1})
                seen = await catalog["view_tickets"].find_one({"_id": ticket_id})
                assert ticket is not None and seen is not None, f"the catalog does not know {ticket_id}"
                is_open = ticket["ticket"]["status"] in WORK_REMAINS
                assert seen["open"] == is_open, f"{ticket_id}: open in one, not in the other"
            for device_id in devices:
                device = await catalog["devices"].find_one({"_id": device_id}, {"version": 1, "outbox": 1})
                copy = await own["view_devices"].find_one({"_id": device_id}, {"version": 1})
                assert device is not None and copy is not None, f"tickets do not know {device_id}"
                assert not device["outbox"] and copy["version"] <= device["version"]
            return True

        await eventually(equal, within=60)
    finally:
        await client.close()
