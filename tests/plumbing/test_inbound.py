"""Inbound reactions on the real broker: what a party sends wrongly is parked and answered, and stops nothing."""

import json
from typing import Any

import pytest

from shared.consumers import Subscription, inbound, parking
from shared.contracts.inbound import DispatchVisitPlanned
from shared.parked import list_parked
from shared.problems import Conflict
from shared.wire.envelope import Envelope
from tests.plumbing.channel import Channel, Sent
from tests.plumbing.probe import Probe, Service, ThingChanged, ThingWanted
from tests.support.waiting import eventually
from tests.support.wire import Listener, header, value_of


class Party:
    """The one consumer of what a party sends; it refuses things of some names."""

    def __init__(self, channel: Channel) -> None:
        self.done: list[tuple[str, int]] = []

        @inbound(channel.topic, group=channel.group, events=(ThingWanted,))
        async def take(record: Envelope[ThingWanted], service: Service) -> None:
            if record.event.name == "refused":
                raise Conflict("there are enough things")
            if record.event.name == "broken":
                raise ZeroDivisionError("secret inside")
            self.done.append((record.key, record.sequence))

        self.subscription: Subscription[Service] = take

    async def until(self, *places: tuple[str, int]) -> None:
        async def check() -> bool:
            assert set(places) <= set(self.done), f"done: {self.done}"
            return True

        await eventually(check)


def wanted(key: str | None, sequence: int = 1, **more: Any) -> Sent:
    return Sent(key, sequence, **{"type": ThingWanted.type, **more})


async def answers(heard: Listener, number: int) -> list[Any]:
    await heard.until(lambda own: len(own.records) == number, what=f"{number} answers")
    return [value_of(record) for record in heard.records]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (wanted("a", 2, name="refused"), "there are enough things"),
        (wanted("a", 2, name="broken"), "an error on our side"),
        (wanted("a", 2, type="party.unheard.of.v9"), "the type party.unheard.of.v9 is not known here"),
        (wanted("a", 2, type=ThingChanged.type), f"the type {ThingChanged.type} is not known here"),
        (wanted("a", 2, value=b"\xff{"), "JSON"),
        (wanted("a", 2, value=b'{"name": 7}'), "name: "),
        (wanted("a", 2, value=None), "the record has no value"),
        (wanted("a", 2, without=("ce_id",)), "ce_id"),
        (wanted("a", 2, headers={"ce_id": None}), "ce_id"),
        (wanted("a", 2, headers={"ce_id": b"i" * 900_000}), "longer than 200"),
        (wanted("a", 2, headers={"ce_correlationid": b"i" * 900_000}), "longer than 200"),
        (wanted("a", 2, type="t" * 900_000), "longer than 200"),
        (wanted("a", 2, value=b'{"name": "' + b"x" * 1_030_000), "JSON"),
        (wanted("a", 2, headers={"ce_id": b"i\0d"}), "the header ce_id holds a NUL"),
        (wanted("a", 2, headers={"ce_sequence": str(2**63).encode()}), "ce_sequence is not a whole number, or too"),
        (wanted("a\0b", 2, headers={"ce_id": b"i"}), "the key holds a NUL"),
        (wanted(None, 2), "no key"),
        (wanted("k" * 900_000, 2), "longer than 200"),
    ],
    ids=lambda value: value.replace(" ", "-")[:30] if isinstance(value, str) else "",
)
async def test_a_bad_record_is_parked_and_answered_and_stops_nothing(
    probe: Probe, channel: Channel, bad: Sent, reason: str
) -> None:
    party = Party(channel)
    async with (
        channel.wire.listening(channel.rejected, channel.dead_letters) as heard,
        probe.start([party.subscription]) as service,
    ):
        await channel.send(wanted("a", 1), bad, wanted("a", 3), wanted("b", 1))
        await party.until(("a", 1), ("a", 3), ("b", 1))
        await heard.until(lambda own: len(own.records) == 2)
        (answer,) = [record for record in heard.records if record.topic == channel.rejected]
        told = value_of(answer)
        assert reason in told["reason"] and "secret" not in told["reason"]
        assert (told["topic"], told["partition"], told["offset"]) == (channel.topic, 0, 1)
        assert header(answer, "ce_type") == "lockstep.record.rejected.v1"
        (letter,) = [record for record in heard.records if record.topic == channel.dead_letters]
        assert header(letter, "lockstep_origin") == f"{channel.topic}/0/1"
        (parked,) = await list_parked(service)
        assert parked["records"] == 1
        await channel.acknowledges(4)


async def test_many_bad_records_in_a_row_do_not_stop_it(probe: Probe, channel: Channel) -> None:
    party = Party(channel)
    async with channel.wire.listening(channel.rejected) as heard, probe.start([party.subscription]) as service:
        await channel.send(*(wanted(f"k{number}", name="refused") for number in range(20)), wanted("good"))
        await party.until(("good", 1))
        assert len(await answers(heard, 20)) == 20
        assert service.parts.running.consumers.stopped() == {}


async def test_an_answer_names_the_record_and_is_repeated_rather_than_lost(probe: Probe, channel: Channel) -> None:
    party = Party(channel)
    async with channel.wire.listening(channel.rejected) as heard, probe.start([party.subscription]) as service:
        await channel.send(wanted("a", 7, name="refused"))
        (told,) = await answers(heard, 1)
        assert (told["record_id"], told["record_type"]) == ("a-7", ThingWanted.type)
        assert heard.records[0].key == b"a" and header(heard.records[0], "ce_causationid") == "a-7"
        await eventually(lambda: service.db[parking.COLLECTION].find_one({"key": "a"}))


async def test_what_was_parked_can_be_requeued_after_a_repair(probe: Probe, channel: Channel) -> None:
    party = Party(channel)
    async with probe.start([party.subscription]) as service:
        await channel.send(wanted("a", 1, type="party.unheard.of.v9"), wanted("a", 2, name="refused"), wanted("a", 3))
        await party.until(("a", 3))
        await channel.acknowledges(3)
        outcome = await parking.requeue(service, party.subscription)
        assert outcome.done == 0 and "not known" in outcome.failed["a"]


@pytest.mark.parametrize("partition", [1, 2])
async def test_a_header_whose_name_is_not_text_stops_no_partition(
    probe: Probe, channel: Channel, partition: int
) -> None:
    party = Party(channel)
    async with channel.wire.listening(channel.rejected) as heard, probe.start([party.subscription]):
        await channel.send(wanted("a", 1), partition=partition)
        await party.until(("a", 1))
        await channel.send_unreadable(partition=partition)
        await answers(heard, 1)
        await channel.send(wanted("a", 2), partition=partition)
        await party.until(("a", 2))


async def test_a_header_whose_name_is_not_text_is_answered_and_stops_nothing(probe: Probe, channel: Channel) -> None:
    party = Party(channel)
    await channel.send(wanted("a", 1), wanted("a", 2))
    await channel.send_unreadable()
    await channel.send(wanted("a", 3), wanted("b", 1))
    async with channel.wire.listening(channel.rejected) as heard, probe.start([party.subscription]) as service:
        await party.until(("a", 3), ("b", 1))
        assert [sequence for key, sequence in party.done if key == "a"] == [1, 2, 3]
        (told,) = await answers(heard, 1)
        assert told["offset"] == 2
        await eventually(lambda: service.db[parking.COLLECTION].find_one({"offset": 2}))
        await channel.acknowledges(5)


PLANNED = {
    "work_order_id": "w1",
    "visit_id": "v1",
    "sequence": 1,
    "occurred_at": "2026-12-07T08:00:00Z",
    "window_from": "2026-12-07T10:00:00Z",
    "window_to": "2026-12-07T12:00:00Z",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sequence": 2**63}, "sequence: "),
        ({"sequence": 10**40}, "sequence: "),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at: must"),
        ({"window_to": "9999-12-31T23:59:59-14:00"}, "window_to: must"),
        ({"visit_id": "v\0"}, "visit_id: must"),
        ({"external_id": "\ud800"}, "Invalid JSON"),
    ],
)
async def test_what_could_not_be_kept_is_refused_with_its_field_and_the_rule(
    probe: Probe, channel: Channel, changes: dict[str, Any], reason: str
) -> None:
    taken: list[str] = []

    @inbound(channel.topic, group=channel.group, events=(DispatchVisitPlanned,))
    async def take(record: Envelope[DispatchVisitPlanned], service: Service) -> None:
        await service.db["visits"].insert_one(record.event.model_dump())
        taken.append(record.key)

    async with channel.wire.listening(channel.rejected) as heard, probe.start([take]):
        bad = json.dumps({**PLANNED, **changes}).encode()
        await channel.send(Sent("bad", type=DispatchVisitPlanned.type, value=bad))
        await channel.send(Sent("good", type=DispatchVisitPlanned.type, value=json.dumps(PLANNED).encode()))
        (told,) = await answers(heard, 1)
        assert reason in told["reason"] and "our side" not in told["reason"]
        await channel.acknowledges(2)
        assert taken == ["good"]
