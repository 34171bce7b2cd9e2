"""What waits to be drained: each document once, bounded in number and bytes, resting after failures."""

import pytest

from shared.outbox import Aggregate, backlog
from shared.outbox.backlog import Backlog, Offer, Place
from shared.outbox.entry import Entry

THINGS = Aggregate("things", "things")


def place(name: object) -> Place:
    return THINGS, str(name)


def entries(size: int) -> list[Entry]:
    return [{"id": "1", "bytes": size}]


def names(offers: list[Offer]) -> list[str]:
    return [offer.place[1] for offer in offers]


def test_a_document_waits_once_and_is_read_again_when_more_was_written() -> None:
    waiting = Backlog()
    assert waiting.add(place("a"), entries(10))
    assert not waiting.add(place("a"), entries(10))
    (offer,) = waiting.take()
    assert offer.entries is None
    assert waiting.take() == [] and not waiting.is_idle
    waiting.finish(offer)
    assert waiting.is_idle and len(waiting) == 0


def test_what_is_offered_while_it_is_in_work_comes_again() -> None:
    waiting = Backlog()
    waiting.add(place("a"), entries(10))
    (offer,) = waiting.take()
    assert not waiting.add(place("a"), entries(10))
    waiting.finish(offer)
    assert names(waiting.take()) == ["a"]


def test_so_many_documents_and_bytes_are_in_work_at_once() -> None:
    waiting = Backlog()
    for number in range(300):
        waiting.add(place(number), entries(10))
    taken = waiting.take()
    assert len(taken) == backlog.DOCUMENTS_AT_ONCE and waiting.take() == []
    waiting.finish(taken[0])
    assert names(waiting.take()) == ["256"]

    heavy = Backlog()
    for number in range(10):
        heavy.add(place(number), entries(1_500_000))
    first = heavy.take()
    assert names(first) == ["0", "1"]
    heavy.finish(first[0])
    assert names(heavy.take()) == ["2"]


def test_one_document_that_is_larger_than_the_room_goes_alone() -> None:
    waiting = Backlog()
    waiting.add(place("large"), entries(backlog.BYTES_AT_ONCE + 1))
    waiting.add(place("small"), entries(1))
    (large,) = waiting.take()
    assert waiting.take() == []
    waiting.finish(large)
    assert names(waiting.take()) == ["small"]


def test_what_is_read_and_finds_no_room_waits_at_the_head() -> None:
    waiting = Backlog()
    for name in "abc":
        waiting.add(place(name))
    a, b, c = waiting.take()
    assert waiting.admit(a, entries(3_000_000))
    assert not waiting.admit(b, entries(3_000_000))
    waiting.give_back([b, c])
    assert waiting.take() == []
    waiting.finish(a)
    assert names(waiting.take()) == ["b", "c"]


def test_entries_beyond_the_bound_are_dropped_and_documents_beyond_it_left_to_the_sweeper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = Backlog()
    for number in range(20):
        waiting.add(place(number), entries(1_000_000))
    kept = [offer for offer in waiting._waiting.values() if offer.entries is not None]
    assert sum(offer.bytes for offer in kept) == backlog.MOST_BYTES
    assert waiting.waiting == 20
    monkeypatch.setattr(backlog, "MOST_PLACES", 20)
    assert not waiting.add(place("one too many"))


def test_rests_grow_up_to_half_a_minute_and_are_never_the_same_for_all() -> None:
    waiting = Backlog()
    waiting.add(place("a"), entries(1))
    rests = []
    for _ in range(12):
        (offer,) = waiting.take()
        rests.append(waiting.rest(offer))
        assert waiting.take() == [] and waiting.is_idle
        assert not waiting.add(place("a"), is_swept=True)
        waiting.wake(offer)
    assert 0.5 <= rests[0] <= 1.0 and 1.0 <= rests[1] <= 2.0
    assert all(15 <= rest <= 30 for rest in rests[6:]) and len(set(rests)) == len(rests)


def test_what_the_broker_has_is_remembered_through_a_rest() -> None:
    waiting = Backlog()
    waiting.add(place("a"), entries(1))
    (offer,) = waiting.take()
    offer.acknowledged["1"] = (0, 7)
    waiting.rest(offer)
    waiting.wake(offer)
    (again,) = waiting.take()
    assert again.acknowledged == {"1": (0, 7)} and again.entries is None


def test_where_another_process_sweeps_what_has_waited_long_is_left_to_it() -> None:
    waiting = Backlog()
    for name in ("old", "swept", "acknowledged", "young"):
        waiting.add(place(name), entries(1), is_swept=name == "swept")
    for offer in list(waiting._waiting.values())[:3]:
        offer.since -= backlog.YOUNG_SECONDS + 1
    waiting._waiting[place("acknowledged")].acknowledged["1"] = (0, 7)
    waiting.takes_old = False
    assert names(waiting.take()) == ["swept", "acknowledged", "young"]
    assert len(waiting) == 3
