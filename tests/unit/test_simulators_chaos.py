"""Chaos on a party's line is deterministic and loses nothing that the party meant to say."""

from datetime import UTC, datetime, timedelta

import pytest

from deploy.simulators import dispatch
from deploy.simulators.chaos import KINDS, chaos, disturb, release
from deploy.simulators.wire import Message

NOW = datetime(2027, 1, 5, 15, 40, tzinfo=UTC)


def visits() -> list[Message]:
    return [dispatch.planned({"work_order_id": f"wo-{n}"}, now=NOW + timedelta(minutes=n)) for n in range(20)]


def sent(kinds: str, seed: int = 1, share: float = 0.5) -> list[Message]:
    weather = chaos(kinds, seed=seed, share=share)
    over_the_line = [line for message in visits() for line in disturb(weather, message)]
    return over_the_line + release(weather)


def test_without_chaos_everything_is_sent_as_it_was_meant() -> None:
    assert sent("") == visits()


def test_the_same_seed_disturbs_in_the_same_way() -> None:
    everything = ",".join(KINDS)
    assert sent(everything, seed=7) == sent(everything, seed=7)
    assert sent(everything, seed=7) != sent(everything, seed=8)


@pytest.mark.parametrize("kind", KINDS)
def test_no_message_is_lost(kind: str) -> None:
    assert {message.id for message in visits()} <= {message.id for message in sent(kind)}


def test_late_messages_come_last_and_keep_the_time_at_which_they_happened() -> None:
    order = [message.id for message in sent("late")]
    assert order != [message.id for message in visits()]
    assert sorted(order) == sorted(message.id for message in visits())


def test_duplicates_are_sent_twice_with_one_id() -> None:
    ids = [message.id for message in sent("duplicate", share=1)]
    assert len(ids) == 40
    assert len(set(ids)) == 20


def test_reordered_messages_change_places_with_their_neighbour() -> None:
    meant = [message.id for message in visits()]
    order = [message.id for message in sent("reorder", share=1)]
    assert order[:4] == [meant[1], meant[0], meant[3], meant[2]]


def test_a_contradiction_speaks_of_the_same_visit_without_being_newer() -> None:
    plan, opposite = sent("contradict", share=1)[:2]
    assert isinstance(plan.value, dict) and isinstance(opposite.value, dict)
    assert opposite.type == "dispatch.visit.cancelled.v1"
    assert opposite.value["visit_id"] == plan.value["visit_id"]
    assert opposite.value["sequence"] <= plan.value["sequence"]


def test_an_unknown_kind_of_chaos_is_refused() -> None:
    with pytest.raises(ValueError, match="no such chaos: rain"):
        chaos("late,rain")
