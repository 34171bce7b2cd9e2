"""Dispatch and engineers talk late, twice, out of order, against each other: each message has its outcome (TIC-13)."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer

from shared.contracts.inbound import (
    DispatchVisitCancelled,
    DispatchVisitMoved,
    DispatchVisitPlanned,
    EngineerVisitArrived,
    EngineerVisitReported,
    EngineerVisitTravelling,
    VisitMessage,
)
from tests.support import visits
from tests.support.ledger import assert_published_whole, assert_views_equal_owners
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import headers_for, type_of, value_of
from tests.support.world import Person, World

PARTY = {"inbound.dispatch": "dispatch", "inbound.engineer": "engineer"}


@pytest.fixture
async def opened(world: World) -> tuple[Person, dict[str, Any]]:
    """A fault reported by a device manager."""
    account = await world.account("FI")
    device = await world.device(account)
    who = await world.manager(account, devices=[device])
    return who, await world.open_ticket(who, device)


def whole_visit(work_order: str, visit_id: str) -> list[VisitMessage]:
    """Everything about one visit in its natural order; each party counts its own messages."""
    return [
        visits.message(DispatchVisitPlanned, work_order, 1, visit_id=visit_id, **visits.window(hours=1)),
        visits.message(DispatchVisitMoved, work_order, 2, visit_id=visit_id, **visits.window(hours=2)),
        visits.message(EngineerVisitTravelling, work_order, 1, visit_id=visit_id),
        visits.message(EngineerVisitArrived, work_order, 2, visit_id=visit_id),
        visits.message(EngineerVisitReported, work_order, 3, visit_id=visit_id, **visits.report()),
    ]


async def send(stack: Stack, messages: Sequence[VisitMessage]) -> None:
    for message in messages:
        await stack.wire(PARTY[message.topic]).send(message, message.work_order_id)


async def shown(world: World, who: Person, ticket: dict[str, Any]) -> dict[str, Any]:
    async with await world.api("tickets", who) as tickets:
        answer = await tickets.get(f"/v1/tickets/{ticket['ticket_id']}")
    assert answer.status_code == 200, answer.text
    state: dict[str, Any] = answer.json()
    return state


async def until_status(world: World, who: Person, ticket: dict[str, Any], status: str) -> dict[str, Any]:
    async def reached() -> dict[str, Any]:
        state = await shown(world, who, ticket)
        assert state["status"] == status, f"{state['status']} instead of {status}"
        return state

    return await eventually(reached, within=20)


async def until_moved(world: World, who: Person, ticket: dict[str, Any]) -> None:
    async def moved() -> bool:
        return [visit["moved"] for visit in (await shown(world, who, ticket))["visits"]] == [1]

    await eventually(moved, within=20, what="the visit at its new time")


async def test_every_message_twice_changes_nothing_more_than_once(
    stack: Stack, world: World, opened: tuple[Person, dict[str, Any]]
) -> None:
    who, ticket = opened
    visit_id = visits.fresh_visit()
    async with stack.wire("admin").listening("tickets.tickets") as heard:
        planning, moving, *engineer_s = whole_visit(ticket["work_order_id"], visit_id)
        await send(stack, [planning, planning, moving, moving])
        await until_moved(world, who, ticket)  # the parties' topics are read side by side
        for message in engineer_s:
            await send(stack, [message, message])
        state = await until_status(world, who, ticket, "resolved")
        await assert_published_whole(stack, heard, [ticket["ticket_id"]], since=int(ticket["version"]))
        types = [type_of(record) for record in heard.of(ticket["ticket_id"])]
    assert types.count("tickets.visit.planned.v1") == types.count("tickets.visit.moved.v1") == 1
    assert types.count("tickets.engineer.arrived.v1") == types.count("tickets.ticket.resolved.v1") == 1
    assert [visit["moved"] for visit in state["visits"]] == [1]
    await assert_views_equal_owners(stack, [ticket["ticket_id"]], [ticket["device"]["device_id"]])


async def test_arrival_before_planning_creates_the_visit_and_planning_fills_it_in(
    stack: Stack, world: World, opened: tuple[Person, dict[str, Any]]
) -> None:
    who, ticket = opened
    visit_id = visits.fresh_visit()
    planned, _, _, arrived, _ = whole_visit(ticket["work_order_id"], visit_id)
    await send(stack, [arrived])
    state = await until_status(world, who, ticket, "on_site")
    assert state["visits"][0]["arrived_at"] is not None
    await send(stack, [planned])

    async def filled_in() -> dict[str, Any]:
        state = await shown(world, who, ticket)
        assert state["visits"][0]["window_from"] is not None, "the window is not filled in"
        return state

    state = await eventually(filled_in)
    assert (state["status"], state["visits"][0]["status"], len(state["visits"])) == ("on_site", "arrived", 1)


async def test_messages_in_reverse_end_in_the_same_state(
    stack: Stack, world: World, opened: tuple[Person, dict[str, Any]]
) -> None:
    who, ticket = opened
    await send(stack, list(reversed(whole_visit(ticket["work_order_id"], visits.fresh_visit()))))
    state = await until_status(world, who, ticket, "resolved")
    assert state["report"]["cause"] == "Worn feed roller"
    assert [visit["status"] for visit in state["visits"]] == ["done"]


async def test_arrival_for_a_cancelled_visit_is_kept_and_flagged_to_the_contact_centre(
    stack: Stack, world: World, opened: tuple[Person, dict[str, Any]]
) -> None:
    who, ticket = opened
    work_order, visit_id = ticket["work_order_id"], visits.fresh_visit()
    planned, _, _, arrived, _ = whole_visit(work_order, visit_id)
    cancelled = visits.message(DispatchVisitCancelled, work_order, 3, visit_id=visit_id, reason="van broke down")
    async with stack.wire("contact-centre").listening("outbound.contact-centre") as heard:
        await send(stack, [planned, cancelled])

        async def is_cancelled() -> bool:
            return [visit["status"] for visit in (await shown(world, who, ticket))["visits"]] == ["cancelled"]

        await eventually(is_cancelled)
        await send(stack, [arrived])

        def flagged(_: object) -> bool:
            return any(
                note["kind"] == "flag"
                for record in heard.of(ticket["ticket_id"])
                for note in value_of(record).get("entries", ())
            )

        await heard.until(flagged, what="a flag in the contact centre's case")


async def test_a_message_for_an_unknown_work_order_is_answered_and_stops_nobody(
    stack: Stack, world: World, opened: tuple[Person, dict[str, Any]]
) -> None:
    who, ticket = opened
    unknown = visits.message(DispatchVisitPlanned, str(uuid.uuid4()), 1, **visits.window(hours=1))
    good = visits.message(DispatchVisitPlanned, ticket["work_order_id"], 1, **visits.window(hours=1))
    async with stack.wire("dispatch").listening("inbound.dispatch.rejected") as answers:
        message_id = await stack.wire("dispatch").send(unknown, unknown.work_order_id)
        await send(stack, [good])
        await until_status(world, who, ticket, "visit_planned")
        await answers.until(lambda own: any(value_of(r)["record_id"] == message_id for r in own.records))
        answer = next(value_of(r) for r in answers.records if value_of(r)["record_id"] == message_id)
    assert "work" in answer["reason"].lower()


def poison() -> list[tuple[str, bytes | None, dict[str, bytes | None]]]:
    """Records that break the contract in every way: name, value, headers."""
    event_type = DispatchVisitPlanned.type
    good = headers_for(event_type, str(uuid.uuid4()))
    body = visits.message(DispatchVisitPlanned, "x", 1, **visits.window(hours=1)).model_dump_json().encode()
    return [
        ("not JSON", b"{", headers_for(event_type, str(uuid.uuid4()))),
        ("a field of the wrong type", b'{"work_order_id": 7}', headers_for(event_type, str(uuid.uuid4()))),
        ("an unknown type", body, headers_for("dispatch.visit.teleported.v1", str(uuid.uuid4()))),
        ("a newer version", body, headers_for("dispatch.visit.planned.v2", str(uuid.uuid4()))),
        ("a null header", body, {**good, "ce_type": None}),
        ("a header that is not UTF-8", b"{}", {**good, "ce_source": b"\xff\xfe"}),
        ("no value", None, headers_for(event_type, str(uuid.uuid4()))),
        ("no headers", body, {}),
    ]


async def test_poison_is_parked_and_answered_and_the_next_message_goes_through(
    stack: Stack, world: World, opened: tuple[Person, dict[str, Any]]
) -> None:
    who, ticket = opened
    key = ticket["work_order_id"]
    async with stack.wire("dispatch").listening("inbound.dispatch.rejected") as answers:
        for _, value, headers in poison():
            await stack.wire("dispatch").send_raw("inbound.dispatch", key, value, headers)
        await send(stack, [visits.message(DispatchVisitPlanned, key, 1, **visits.window(hours=1))])
        await until_status(world, who, ticket, "visit_planned")
        await answers.until(lambda own: len(own.of(key)) == len(poison()))
    assert all(value_of(record)["reason"] for record in answers.of(key))
    client = stack.store()
    try:
        parked = stack.database(client, "tickets")["parked"].find({"group": "tickets.dispatch", "key": key})
        assert len(await parked.to_list()) == len(poison())
    finally:
        await client.close()


async def test_an_arrival_dated_before_the_deadline_is_in_time_even_when_it_is_told_late(
    stack: Stack, world: World
) -> None:
    account = await world.account("FI")
    all_day = [{"start": "00:00", "end": "24:00"}]
    code = f"short-{world.prefix}"
    await world.calendar(code, week=[all_day] * 7, holiday_country=None)
    device = await world.device(account, entitlement=world.entitlement(code, response_minutes=60))
    who = await world.manager(account, devices=[device])
    ticket = await world.open_ticket(who, device)
    arrived = visits.message(
        EngineerVisitArrived,
        ticket["work_order_id"],
        1,
        visit_id=visits.fresh_visit(),
        occurred_at=datetime.now(UTC) + timedelta(seconds=1),
    )
    await send(stack, [arrived])
    state = await until_status(world, who, ticket, "on_site")
    clocks = {clock["kind"]: clock for clock in state["clocks"]}
    assert clocks["response"]["state"] == "met" and clocks["response"]["breached_at"] is None
    assert clocks["acknowledge"]["state"] == "met", "an engineer on site implies that the ticket was taken notice of"


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_party_compresses_as_it_likes(
    stack: Stack, world: World, opened: tuple[Person, dict[str, Any]], compression: str
) -> None:
    who, ticket = opened
    order = ticket["work_order_id"]
    planned = visits.message(DispatchVisitPlanned, order, 1, visit_id=visits.fresh_visit(), **visits.window(hours=1))
    wire = stack.wire("dispatch")
    producer = Producer(
        {
            "bootstrap.servers": wire.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": wire.username,
            "sasl.password": wire.password,
            "compression.type": compression,
        }
    )
    headers: dict[str, str | bytes | None] = {**headers_for(planned.type, str(uuid.uuid4()))}
    producer.produce(planned.topic, planned.model_dump_json().encode(), key=order.encode(), headers=headers)
    assert await asyncio.to_thread(producer.flush, 10) == 0
    await until_status(world, who, ticket, "visit_planned")
