"""What a service says of its own running: lag, what waits, what is parked; and handling that again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shared.consumers import Refused
from shared.contracts.identity import StaffRole, UserStatus
from shared.operations.figures import backlog
from shared.operations.models import Backlog
from tests.plumbing.channel import CHANGED, Channel, Sent
from tests.plumbing.issuer import Issuer
from tests.plumbing.probe import Probe, Service, front_door
from tests.plumbing.test_reactions import Heard
from tests.support.waiting import eventually

NAME, MAIL, PHONE = "Ylermi Markedson", "marked.person@customer.example", "+358 40 765 4321"
SECRETS = ("ylermi", "markedson", "marked.person", "765 4321")


async def an_operator(*_: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "status": UserStatus.ACTIVE,
        "staff_roles": [StaffRole.OPERATOR],
        "rights": [],
        "language": "en",
        "time_zone": "UTC",
        "country": "FI",
    }


class Desk:
    """An operator in front of a running probe."""

    def __init__(self, service: Service, door: httpx.AsyncClient) -> None:
        self.service = service
        self.door = door

    async def figures(self) -> dict[str, Any]:
        answer = await self.door.get("/v1/operations")
        assert answer.status_code == 200, answer.text
        for secret in SECRETS:
            assert secret not in answer.text.casefold()
        found: dict[str, Any] = answer.json()
        return found

    async def parked(self, number: int) -> list[dict[str, Any]]:
        async def there() -> dict[str, Any]:
            parked: dict[str, Any] = (await self.figures())["parked"]
            assert parked["keys"] == number, parked
            return parked

        items: list[dict[str, Any]] = (await eventually(there))["items"]
        return items

    async def requeue(self, record_id: str) -> httpx.Response:
        return await self.door.post("/v1/operations/parked/requeue", json={"id": record_id})

    async def requeued(self, record_id: str) -> dict[str, Any]:
        answer = await self.requeue(record_id)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


@contextlib.asynccontextmanager
async def desk(probe: Probe, heard: Heard, **more: Any) -> AsyncIterator[Desk]:
    async with (
        Issuer().serving() as issuer,
        probe.start([heard.subscription], key_set_url=issuer.url, load_user=an_operator, **more) as service,
        front_door(service, Authorization=f"Bearer {issuer.token('olga')}") as door,
    ):

        async def knows_keys() -> bool:
            return service.parts.running.tokens.ready

        await eventually(knows_keys)
        yield Desk(service, door)


def personal() -> Exception:
    return Refused(f"no account of {NAME} <{MAIL}>, call {PHONE}")


async def test_a_parked_key_is_seen_without_anything_personal_and_gone_after_it_was_handled_again(
    probe: Probe, channel: Channel
) -> None:
    heard = Heard(channel)
    heard.always(MAIL, 1, personal)
    async with desk(probe, heard) as own:
        await channel.send(Sent(MAIL, 1, name=NAME), Sent(MAIL, 2), Sent("other"))
        (parked,) = await own.parked(1)
        await channel.acknowledges(3)
        (parked,) = await own.parked(1)
        assert (parked["group"], parked["topic"], parked["records"]) == (channel.group, channel.topic, 2)
        assert parked["type"] == CHANGED and parked["key"].startswith("#")
        assert parked["reason"].startswith("no account of […]")

        again = await own.requeued(parked["id"])
        assert (again["done"], again["left"]) == (0, 2) and again["reason"].startswith("no account of […]")
        assert not any(secret in str(again).casefold() for secret in SECRETS)
        assert (await own.parked(1))[0]["attempts"] == parked["attempts"] + 1

        del heard.faults[MAIL, 1]
        assert await own.requeued(parked["id"]) == {**again, "done": 2, "left": 0, "reason": None}
        assert await own.parked(0) == []
        assert heard.done[-2:] == [(MAIL, 1), (MAIL, 2)]


async def test_a_second_press_and_an_unknown_key_have_a_clear_answer(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    heard.always("a", 1, personal)
    async with desk(probe, heard) as own:
        await channel.send(Sent("a", 1))
        (parked,) = await own.parked(1)
        del heard.faults["a", 1]
        answers = await asyncio.gather(*(own.requeue(parked["id"]) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers)[0] == 200
        refusals = [answer.json()["code"] for answer in answers if answer.status_code != 200]
        assert len(refusals) == 4 and set(refusals) <= {"requeue_under_way", "nothing_parked"}
        assert heard.done.count(("a", 1)) == 1
        for gone in (parked["id"], "nothing/of/this/0", "x" * 1_000):
            answer = await own.requeue(gone)
            assert (answer.status_code, answer.json()["code"]) == (404, "nothing_parked")
        for wrong in ("", "x" * 1_001):
            assert (await own.requeue(wrong)).status_code == 422


async def test_a_new_reason_takes_the_place_of_the_old_one(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    heard.always("a", 1, lambda: Refused("the first reason"))
    async with desk(probe, heard) as own:
        await channel.send(Sent("a", 1))
        (parked,) = await own.parked(1)
        heard.always("a", 1, lambda: ZeroDivisionError("oh"))
        assert (await own.requeued(parked["id"]))["reason"] == "ZeroDivisionError: oh"
        assert (await own.parked(1))[0]["reason"] == "ZeroDivisionError: oh"


async def test_lag_and_a_stopped_group_are_seen(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    for number in range(3):  # the probe's limit of burials
        heard.always(f"k{number}", 1, lambda: Refused(f"no thing of {NAME}"))
    async with desk(probe, heard) as own:
        await channel.send(*(Sent(f"k{number}", 1) for number in range(3)))

        async def stopped() -> dict[str, Any]:
            figures = await own.figures()
            (consumer,) = [one for one in figures["consumers"] if one["group"] == channel.group]
            assert consumer["stopped"] and consumer["lag"] == 3, consumer
            return figures

        figures = await eventually(stopped)
        assert figures["status"] == "degraded" and "stopped" in figures["degraded"]
        assert figures["service"] == "plumbing" and figures["instance"]


async def test_the_way_of_a_record_is_timed(probe: Probe, channel: Channel) -> None:
    heard = Heard(channel)
    async with desk(probe, heard) as own:
        before = {hop["hop"]: hop["count"] for hop in (await own.figures())["hops"]}
        await channel.send(Sent("a", 1), Sent("a", 2))
        await heard.until(("a", 2))

        async def timed() -> dict[str, Any]:
            hops = {hop["hop"]: hop for hop in (await own.figures())["hops"]}
            assert hops["consumed"]["count"] >= before["consumed"] + 2
            return hops

        hops = await eventually(timed)
        assert set(hops) == {"published", "consumed", "mailed"}
        assert 0 < hops["consumed"]["p50_seconds"] <= hops["consumed"]["p99_seconds"] < 60
        assert (
            sum(sum(minute["counts"].values()) for minute in hops["consumed"]["minutes"]) == hops["consumed"]["count"]
        )


async def test_what_a_service_adds_is_in_the_answer_and_in_the_metrics(probe: Probe, channel: Channel) -> None:
    now = datetime.now(UTC).replace(microsecond=0)  # the store keeps milliseconds

    async def waiting(service: Service) -> list[Backlog]:
        letters = service.db["letters"]
        return [await backlog(letters, {"due": {"$lte": now}}, what="letters", of="red", since="due", now=now)]

    async with desk(probe, Heard(channel), backlogs=waiting) as own:
        await own.service.db["letters"].insert_many([{"due": now - timedelta(seconds=s)} for s in (5, 90, 30)])
        (found,) = [one for one in (await own.figures())["backlogs"] if one["what"] == "letters"]
        assert found == {"what": "letters", "of": "red", "number": 3, "is_more": False, "oldest_seconds": 90.0}

        async def gauged() -> bool:
            text = (await own.door.get("/metrics")).text
            assert 'lockstep_waiting{of="red",what="letters"} 3.0' in text
            assert 'lockstep_waiting_oldest_seconds{of="red",what="letters"} 90.0' in text
            assert f'lockstep_waiting{{of="{channel.group}",what="parked"}} 0.0' in text
            return True

        await eventually(gauged, within=30)


async def test_nobody_else_reads_the_figures(probe: Probe, channel: Channel) -> None:
    async with desk(probe, Heard(channel)) as own, front_door(own.service) as visitor:
        assert (await visitor.get("/v1/operations")).status_code == 401
        assert (await visitor.post("/v1/operations/parked/requeue", json={"id": "x"})).status_code == 401
