"""What the tests of the outbox do with the probe's things."""

from datetime import UTC, datetime, timedelta

from shared.access.scope import EVERYTHING
from shared.ids import new_id
from shared.outbox import Cause, Change
from shared.outbox.entry import Document, entries_for
from shared.settings import BrokerSettings
from shared.wire.producer import ProducerHolder
from tests.plumbing.probe import THINGS, Service, ThingChanged, ThingState
from tests.support.waiting import eventually
from tests.support.wire import Listener, Wire, header

CAUSE = Cause("tester", channel="test", correlation_id="story")


def changed(name: str, count: int = 0) -> ThingChanged:
    return ThingChanged(thing=ThingState(name=name, count=count))


def counted(document: Document) -> Change:
    count = document["count"] + 1
    return Change(set={"count": count}, events=[changed(document["name"], count)])


def noted(note: str) -> Change:
    """A change without an event."""
    return Change(set={f"notes.{note}": True})


async def a_thing(service: Service, name: str = "thing") -> str:
    """The id of a new thing, at version 1."""
    key = new_id()
    document = {"_id": key, "name": name, "count": 0}
    await service.outbox.insert(THINGS, document, [changed(name)], cause=CAUSE, scope=EVERYTHING)
    return key


async def count_once(service: Service, key: str) -> Document:
    return await service.outbox.change(THINGS, key, counted, scope=EVERYTHING, cause=CAUSE)


async def the_thing(service: Service, key: str) -> Document:
    document = await service.db["things"].find_one({"_id": key})
    assert document is not None
    return document


async def told(service: Service, *keys: str, within: float = 15.0) -> None:
    """Wait until nothing waits in these documents any more."""

    async def check() -> bool:
        for key in keys:
            waiting = (await the_thing(service, key))["outbox"]
            assert waiting == [], f"{len(waiting)} entries of {key} wait"
        return True

    await eventually(check, within=within)


async def leave_behind(service: Service, documents: int, events: int, size: int = 10) -> list[str]:
    """Documents as a process leaves them that died half a minute ago."""
    long_ago = datetime.now(UTC) - timedelta(seconds=30)
    keys = [new_id() for _ in range(documents)]
    await service.db["things"].insert_many(
        [
            {
                "_id": key,
                "name": "left",
                "revision": 1,
                "version": events,
                "outbox": entries_for(
                    key,
                    0,
                    [changed("x" * size, count) for count in range(events)],
                    source="/lockstep/plumbing",
                    cause=CAUSE,
                    product_time=long_ago,
                    real_time=long_ago,
                ),
            }
            for key in keys
        ]
    )
    return keys


def sequences(heard: Listener, key: str) -> list[int]:
    return [int(header(record, "ce_sequence")) for record in heard.of(key)]


def producers_on(wire: Wire, client_id: str = "plumbing-outbox") -> ProducerHolder:
    """Producers of a test's own."""
    return ProducerHolder(
        BrokerSettings(bootstrap=wire.bootstrap, username=wire.username, password=wire.password), client_id
    )
