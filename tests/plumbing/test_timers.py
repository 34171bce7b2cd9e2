"""Timers in documents on the real store: once with two processes, again after a failure or crash, on product time."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import timers
from shared.access.scope import EVERYTHING
from shared.clock import Clock
from shared.ids import new_id
from shared.outbox import Cause, Stale
from shared.timers import TimerRule
from tests.plumbing.probe import THINGS, Probe, Service, ThingChanged, ThingState
from tests.support.waiting import eventually

CAUSE = Cause("tester", channel="test")


def changed(name: str, count: int) -> ThingChanged:
    return ThingChanged(thing=ThingState(name=name, count=count))


class Bells:
    """A rule that counts in the document, as an ordinary guarded command, and notes who rang."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        self.late = 0
        self.fails: set[str] = set()
        self.then: Callable[[datetime], datetime | None] = lambda now: None

    async def fire(self, deps: Service, document: dict[str, Any], now: datetime) -> None:
        if document["_id"] in self.fails:
            self.rung.append(f"failed {document['_id']}")
            raise ZeroDivisionError("a bug")
        following, count = self.then(now), document["count"] + 1
        try:
            await deps.outbox.update(
                THINGS,
                document,
                {"count": count} | ({"next_at": following} if following else {}),
                [changed(document["name"], count)],
                cause=CAUSE,
                unset=() if following else ("next_at",),
                guard={"due_at": document["due_at"]},
            )
        except Stale:
            self.late += 1
        else:
            self.rung.append(document["_id"])

    @property
    def rule(self) -> TimerRule[Service]:
        return TimerRule(THINGS, self.fire)


async def a_thing(service: Service, due_at: datetime, **fields: Any) -> str:
    key = new_id()
    document = {"_id": key, "name": key, "count": 0, "due_at": due_at, "next_at": due_at, **fields}
    await service.outbox.insert(THINGS, document, [changed(key, 0)], cause=CAUSE, scope=EVERYTHING)
    return key


async def counts(service: Service, keys: list[str]) -> set[int]:
    return {document["count"] async for document in service.db["things"].find({"_id": {"$in": keys}})}


async def test_a_due_timer_fires_once_with_two_processes_and_one_that_is_not_due_waits(probe: Probe) -> None:
    bells = Bells()
    past, future = datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC) + timedelta(hours=1)
    async with (
        probe.start(timers=[bells.rule], instance="one") as one,
        probe.start(timers=[bells.rule], instance="two"),
    ):
        keys = [await a_thing(one, past) for _ in range(120)]
        waiting = await a_thing(one, future)

        async def all_rung() -> bool:
            return set(bells.rung) == set(keys) and await counts(one, keys) == {1}

        await eventually(all_rung)
        assert len(bells.rung) == len(keys)
        assert await counts(one, [waiting]) == {0}
        assert await one.db["things"].count_documents({"next_at": {"$exists": True}}) == 1


async def test_a_timer_that_sets_its_next_one_fires_again(probe: Probe) -> None:
    bells = Bells()
    bells.then = lambda now: now
    async with probe.start(timers=[bells.rule]) as service:
        key = await a_thing(service, datetime.now(UTC) - timedelta(minutes=1))
        await eventually(lambda: _reached(service, key, 3))


async def _reached(service: Service, key: str, count: int) -> bool:
    return await counts(service, [key]) >= {count} or max(await counts(service, [key])) >= count


async def test_a_failing_timer_comes_again_after_its_claim_and_holds_up_no_other(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "CLAIM_LENGTH", timedelta(seconds=1))
    bells = Bells()
    async with probe.start(timers=[bells.rule]) as service:
        past = datetime.now(UTC) - timedelta(minutes=1)
        bad = new_id()
        bells.fails.add(bad)
        await service.outbox.insert(
            THINGS,
            {"_id": bad, "name": "bad", "count": 0, "due_at": past, "next_at": past},
            [changed("bad", 0)],
            cause=CAUSE,
            scope=EVERYTHING,
        )
        good = [await a_thing(service, past) for _ in range(10)]
        await eventually(lambda: _all_are(service, good, 1))
        await eventually(lambda: _is(bells.rung.count(f"failed {bad}") >= 2))
        bells.fails.clear()
        await eventually(lambda: _all_are(service, [bad], 1))
        assert bells.rung.count(bad) == 1


async def test_a_claim_of_a_process_that_died_expires_and_another_one_fires(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "CLAIM_LENGTH", timedelta(seconds=2))
    bells = Bells()
    async with probe.start(timers=[bells.rule]) as service:
        now = datetime.now(UTC)
        key = await a_thing(service, now - timedelta(minutes=1), claimed_by="a process that is dead")
        await service.db["things"].update_one({"_id": key}, {"$set": {"next_at": now + timedelta(seconds=1)}})
        await eventually(lambda: _all_are(service, [key], 1))


async def test_a_timer_that_hangs_is_given_up_and_the_others_go_on(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "CLAIM_LENGTH", timedelta(seconds=1))
    bells, hangs = Bells(), set[str]()

    async def fire(deps: Service, document: dict[str, Any], now: datetime) -> None:
        if document["_id"] in hangs:
            hangs.remove(document["_id"])
            await asyncio.Event().wait()
        await bells.fire(deps, document, now)

    async with probe.start() as service:
        rule: TimerRule[Service] = TimerRule(THINGS, fire)
        past = datetime.now(UTC) - timedelta(minutes=1)
        keys = [await a_thing(service, past) for _ in range(3)]
        hangs.add(keys[0])
        running = asyncio.create_task(timers.run(service.db, service.clock, rule, service))
        try:
            await eventually(lambda: _all_are(service, keys, 1))
        finally:
            running.cancel()


async def test_timers_follow_the_product_clock_when_it_is_moved(probe: Probe, tmp_path: Path) -> None:
    bells, offset = Bells(), tmp_path / "offset"
    async with probe.start() as service:
        running = asyncio.create_task(timers.run(service.db, Clock(offset), bells.rule, service))
        try:
            soon = await a_thing(service, datetime.now(UTC) - timedelta(seconds=1))
            tomorrow = await a_thing(service, datetime.now(UTC) + timedelta(days=1))
            await eventually(lambda: _all_are(service, [soon], 1))
            assert await counts(service, [tomorrow]) == {0}
            offset.write_text(str(25 * 3600))
            await eventually(lambda: _all_are(service, [tomorrow], 1))
        finally:
            running.cancel()


async def test_a_rule_in_real_time_is_left_alone_by_the_product_clock(probe: Probe, tmp_path: Path) -> None:
    bells, offset = Bells(), tmp_path / "offset"
    offset.write_text(str(-25 * 3600))
    async with probe.start() as service:
        rule: TimerRule[Service] = TimerRule(THINGS, bells.fire, real_time=True)
        running = asyncio.create_task(timers.run(service.db, Clock(offset), rule, service))
        try:
            now = await a_thing(service, datetime.now(UTC) - timedelta(seconds=1))
            await eventually(lambda: _all_are(service, [now], 1))
        finally:
            running.cancel()


async def test_a_process_has_no_more_timers_in_hand_than_the_rule_allows(probe: Probe) -> None:
    bells, in_hand, most = Bells(), set[str](), [0]

    async def fire(deps: Service, document: dict[str, Any], now: datetime) -> None:
        in_hand.add(document["_id"])
        most.append(len(in_hand))
        await bells.fire(deps, document, now)
        in_hand.remove(document["_id"])

    async with probe.start(timers=[TimerRule(THINGS, fire, at_once=3)]) as service:
        past = datetime.now(UTC) - timedelta(minutes=1)
        keys = [await a_thing(service, past) for _ in range(10)]
        await eventually(lambda: _all_are(service, keys, 1))
    assert 0 < max(most) <= 3


async def _all_are(service: Service, keys: list[str], count: int) -> bool:
    return await counts(service, keys) == {count}


async def _is(value: bool) -> bool:
    return value
