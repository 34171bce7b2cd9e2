"""Reactions on the real broker: order per key, retry in place, dead letters per key, and the limit on burials."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from shared.consumers import Refused, Subscription, parking, reaction
from shared.consumers.reaction_work import KEYS_AT_ONCE
from shared.parked import list_parked
from shared.problems import Conflict
from shared.wire.envelope import Envelope
from tests.plumbing.channel import Channel, Sent
from tests.plumbing.probe import Probe, Service, ThingChanged, front_door
from tests.support.waiting import eventually
from tests.support.wire import header

Fault = Callable[[], Exception]


class Heard:
    """A reaction that notes what it carried out, and fails where a test wants it."""

    def __init__(self, channel: Channel) -> None:
        self.done: list[tuple[str, int]] = []
        self.attempts: list[tuple[str, int]] = []
        self.faults: dict[tuple[str, int], list[Fault]] = {}

        @reaction(channel.topic, group=channel.group, events=(ThingChanged,))
        async def react(record: Envelope[ThingChanged], service: Service) -> None:
            place = (record.key, record.sequence)
            self.attempts.append(place)
            faults = self.faults.get(place)
            if faults:
                raise (faults[0] if len(faults) == 1 else faults.pop(0))()
            self.done.append((record.key, record.event.thing.count))

        self.subscription: Subscription[Service] = react

    def always(self, key: str, sequence: int, fault: Fault) -> None:
        self.faults[key, sequence] = [fault]

    def times(self, key: str, sequence: int, number: int, fault: Fault) -> None:
        def none() -> Exception:
            del self.faults[key, sequence]
            return AutoReconnect("the last one")

        self.faults[key, sequence] = [*[fault] * (number - 1), none]

    async def until(self, *places: tuple[str, int]) -> None:
        async def check() -> bool:
            assert set(places) <= set(self.done), f"done: {self.done}"
            return True

        await eventually(check)


def refused() -> Exception:
    return Refused("the thing is sealed")


async def test_records_of_a_key_are_carried_out_in_order_and_then_acknowledged(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    await channel.send(*(Sent(key, number) for number in range(1, 21) for key in ("a", "b", "c")))
    async with probe.start([heard.subscription]):
        await channel.acknowledges(60)
        for key in ("a", "b", "c"):
            assert [number for own, number in heard.done if own == key] == list(range(1, 21))


async def test_a_refused_record_is_parked_with_what_it_was_and_why(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    heard.always("a", 2, refused)
    async with (
        channel.wire.listening(channel.dead_letters) as letters,
        probe.start([heard.subscription]) as service,
    ):
        await channel.send(Sent("a", 1), Sent("a", 2, headers={"x-mark": b"\xff", "x-null": None}), Sent("a", 3))
        await channel.send(Sent("b", 1), Sent("b", 2))
        await heard.until(("a", 1), ("b", 1), ("b", 2))
        await letters.until(lambda own: len(own.of("a")) == 2)
        first, second = letters.of("a")
        assert header(first, "lockstep_reason") == "the thing is sealed"
        assert header(first, "lockstep_attempts") == "1"
        assert header(first, "lockstep_handler").endswith("react")
        assert header(first, "lockstep_origin") == f"{channel.topic}/0/1"
        assert (header(first, "ce_id"), header(first, "ce_sequence")) == ("a-2", "2")
        assert {("x-mark", b"\xff"), ("x-null", None)} <= {*first.headers}
        assert first.value == Sent("a", 2).content
        assert header(second, "lockstep_reason") == "an earlier record of this key is parked"
        assert [place for place in heard.attempts if place[0] == "a" and place[1] > 1] == [("a", 2)]
        await channel.acknowledges(5)

        await channel.send(Sent("a", 4), Sent("b", 3))
        await heard.until(("b", 3))
        await letters.until(lambda own: len(own.of("a")) == 3)
        parked = await list_parked(service)
        assert [(one["key"], one["records"], one["reason"]) for one in parked] == [("a", 3, "the thing is sealed")]


async def test_a_requeue_runs_what_is_parked_in_order_and_unparks_the_key(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    heard.always("a", 1, refused)
    heard.always("b", 1, refused)
    async with probe.start([heard.subscription]) as service:
        await channel.send(*(Sent("a", number) for number in (1, 2, 3)), Sent("b", 1), Sent("b", 2), Sent("end"))
        await heard.until(("end", 1))
        await channel.acknowledges(6)
        heard.done.clear()

        still = await parking.requeue(service, heard.subscription)
        assert (still.done, set(still.failed)) == (0, {"a", "b"}) and "sealed" in still.failed["a"]
        del heard.faults["a", 1]
        outcome = await parking.requeue(service, heard.subscription)
        assert (outcome.done, set(outcome.failed)) == (3, {"b"})
        assert heard.done == [("a", 1), ("a", 2), ("a", 3)]
        await channel.send(Sent("a", 4))
        await heard.until(("a", 4))

        assert await parking.discard_first(service, heard.subscription, "b")
        assert (await parking.requeue(service, heard.subscription, "b")).done == 1
        assert heard.done[-1] == ("b", 2)
        assert await list_parked(service) == []
        assert not await parking.discard_first(service, heard.subscription, "b")


async def test_a_batch_asks_only_for_the_parked_keys_of_its_own_records(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    async with probe.start([heard.subscription]) as service:
        parked = service.db[parking.COLLECTION]
        rows = [{"group": channel.group, "key": f"k{n}", "partition": 0, "offset": n} for n in range(2_000)]
        await parked.insert_many([*rows, {**rows[7], "_id": "other", "group": "another", "key": "b"}])
        asked = await parking.parked_among(service.db, channel.group, ["a", "b", "k7", "k8"])
        assert asked == {"k7", "k8"}
        query = {"group": channel.group, "key": {"$in": ["a", "b", "k7", "k8"]}}
        plan = str(await parked.find(query).explain())
        assert "group_1_key_1_offset_1" in plan and "COLLSCAN" not in plan

        await channel.send(Sent("k7"), Sent("k8"), Sent("a"), Sent("b"))
        await channel.acknowledges(4)
        assert sorted(heard.done) == [("a", 1), ("b", 1)]
        assert await parked.count_documents({"key": "k7"}) == await parked.count_documents({"key": "k8"}) == 2


async def test_a_transient_failure_is_waited_out_in_place_and_order_is_kept(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    heard.times("a", 1, 3, lambda: AutoReconnect("the store is away"))
    heard.times("a", 2, 3, lambda: TimeoutError("slow"))
    await channel.send(Sent("a", 1), Sent("a", 2), Sent("a", 3))
    async with probe.start([heard.subscription]) as service:
        await heard.until(("a", 3))
        assert heard.done == [("a", 1), ("a", 2), ("a", 3)]
        assert heard.attempts == [("a", 1)] * 4 + [("a", 2)] * 4 + [("a", 3)]
        assert await list_parked(service) == []
        assert channel.metric("lockstep_retried_total") == 6


async def test_a_bug_in_a_handler_is_tried_again_and_then_parked(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    heard.always("a", 1, lambda: ZeroDivisionError("oh"))
    async with probe.start([heard.subscription]) as service:
        await channel.send(Sent("a", 1), Sent("b", 1))
        await heard.until(("b", 1))
        (parked,) = await eventually(lambda: list_parked(service))
        assert (parked["key"], parked["reason"]) == ("a", "ZeroDivisionError: oh")
        assert heard.attempts.count(("a", 1)) == service.settings.consumers.attempts == 2


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Sent("bad", value=b"{"), "Invalid JSON"),
        (Sent("bad", value=None), "the record has no value"),
        (Sent("bad", without=("ce_id",)), "ce_id"),
        (Sent(None), "no key"),
        (Sent("bad", headers={"ce_sequence": b"x"}), "whole number"),
        (Sent("k" * 300), "longer than 200"),
        (Sent("bad", value=b'{"thing": {"name": "secret", "count": "secret"}}'), "thing.count"),
    ],
)
async def test_a_bad_record_is_parked_and_others_go_on(
    probe: Probe, channel: Channel, record: Sent, reason: str
) -> None:
    heard = Heard(channel)
    async with probe.start([heard.subscription]) as service:
        await channel.send(record, Sent("good"))
        await heard.until(("good", 1))
        (parked,) = await eventually(lambda: list_parked(service))
        assert reason in parked["reason"] and "secret" not in parked["reason"]
        await channel.acknowledges(2)


async def test_a_record_as_large_as_the_broker_takes_can_be_parked(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    large = Sent("large", value=b'{"thing": {"name": "' + b"x" * 1_040_000 + b'", "count": "wrong"}}')
    async with channel.wire.listening(channel.dead_letters) as letters, probe.start([heard.subscription]) as service:
        await channel.send(large, Sent("good"))
        await heard.until(("good", 1))
        await letters.until(lambda own: own.records)
        assert letters.records[0].value == b""
        document = await eventually(lambda: service.db[parking.COLLECTION].find_one({"key": "large"}))
        assert document["value"] == large.content


async def test_a_record_with_nothing_in_it_can_be_parked(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    async with channel.wire.producer() as producer:
        batch = producer.create_batch()
        batch.append(key=None, value=None, timestamp=None, headers=[("ce_type", ThingChanged.type.encode())])
        await (await producer.send_batch(batch, channel.topic, partition=0))
    async with probe.start([heard.subscription]) as service:
        await channel.send(Sent("good"))
        await heard.until(("good", 1))
        (parked,) = await eventually(lambda: list_parked(service))
        assert parked["key"] == ""


async def test_too_many_burials_in_a_row_stop_the_consumer_and_it_says_so(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    many = 2 * KEYS_AT_ONCE
    for number in range(many):
        heard.always(f"k{number:03}", 1, lambda: Conflict("no things today"))
    await channel.send(*(Sent(f"k{number:03}", 1) for number in range(many)), Sent("good"))
    async with probe.start([heard.subscription]) as service, front_door(service) as door:

        async def stopped() -> Any:
            return (await door.get("/health/ready")).json()["degraded"].get("stopped")

        reason = await eventually(stopped)
        assert "no things today" in reason[channel.group] and reason[channel.group].startswith("3 records in a row")
        metrics = (await door.get("/metrics")).text
        assert f'lockstep_consumer_stopped{{group="{channel.group}"}} 1.0' in metrics
        limit = service.settings.consumers.burial_limit
        assert limit <= await service.db[parking.COLLECTION].count_documents({}) <= limit + KEYS_AT_ONCE

        attempts = len(heard.attempts)
        await channel.send(Sent("later"), partition=1)
        assert await channel.committed() == 0 and len(heard.attempts) == attempts and heard.done == []

    heard.faults.clear()
    async with probe.start([heard.subscription]):
        await heard.until(("good", 1), ("later", 1))
