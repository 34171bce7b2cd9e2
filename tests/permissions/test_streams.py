"""What is told without being asked for, in streams, feeds and mails, ends at the same border as every answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx

from shared.contracts.actions import FOLLOW_TICKETS, READ_TICKET
from tests.permissions.cast import Member
from tests.permissions.expectations import LET_IN, expected, sees
from tests.permissions.stage import Stage
from tests.support.waiting import eventually


@contextlib.asynccontextmanager
async def heard(stage: Stage, member: Member) -> AsyncIterator[list[str]]:
    """What a caller's stream tells from now on."""
    told: list[str] = []
    address = stage.stack.url("tickets") + "/v1/stream"
    headers = {"Authorization": f"Bearer {member.token}"}
    async with httpx.AsyncClient(timeout=60) as client, client.stream("GET", address, headers=headers) as answer:
        assert answer.status_code == 200, f"{member.name}: {answer.status_code}"

        async def listen() -> None:
            async for line in answer.aiter_lines():
                told.append(line)

        listening = asyncio.create_task(listen())
        try:

            async def opened() -> bool:
                return any("refetch" in line for line in told)

            await eventually(opened)
            yield told
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def test_a_stream_tells_each_caller_of_the_tickets_that_he_sees_and_of_no_other(stage: Stage) -> None:
    followers = [member for member in stage.members if expected(member, FOLLOW_TICKETS, None) == LET_IN]
    tickets = stage.things["ticket"]
    async with contextlib.AsyncExitStack() as streams:
        told = {one.name: await streams.enter_async_context(heard(stage, one)) for one in followers}
        for place in ("foreign", "colleague", "own"):
            path = f"/v1/tickets/{tickets[place].id}/updates"
            await stage.do("tickets", "POST", path, json={"text": "News"})

        async def all_told() -> bool:
            for member in followers:
                for place, ticket in tickets.items():
                    if sees(member, READ_TICKET, ticket):
                        assert any(ticket.id in line for line in told[member.name]), f"{member.name}: {place}"
            return True

        await eventually(all_told, within=30)
    for member in followers:
        for place, ticket in tickets.items():
            if not sees(member, READ_TICKET, ticket):
                assert not any(ticket.id in line for line in told[member.name]), f"{member.name} hears of {place}"


async def test_a_calendar_feed_shows_the_visits_that_its_owner_sees(stage: Stage) -> None:
    for name, others in (("administrator", [stage.theirs.mark]), ("device manager", [stage.theirs.mark, stage.hidden])):
        made = await stage.ask(stage.named(name), "tickets", "POST", "/v1/calendar-feeds")
        token = made.json()["url_token"]
        feed = (await stage.client.get(f"{stage.stack.url('tickets')}/v1/calendar-feeds/{token}.ics")).text
        unfolded = feed.replace("\r\n ", "")
        assert "BEGIN:VEVENT" in unfolded
        assert not [mark for mark in others if mark in unfolded]


async def test_no_mail_tells_a_customer_of_what_is_not_his(stage: Stage) -> None:
    caught = (await stage.client.get(f"{stage.stack.mail_url}/api/messages")).json()
    people = {member.email: member.name for member in stage.members if member.is_person}
    mails = [(people[email], str(mail)) for mail in caught for email in people if email in str(mail["to"])]
    assert "administrator" in dict(mails), "he has opened a ticket"
    for name, mail in mails:
        assert stage.theirs.mark not in mail, name
        assert name == "administrator" or stage.hidden not in mail, name


async def test_what_was_refused_has_changed_nothing(stage: Stage) -> None:
    """The shared objects are only ever refused to those who ask; nobody has renamed, moved or closed them."""
    device = await stage.do("catalog", "GET", f"/v1/devices/{stage.theirs.devices['foreign']}")
    assert (device["own_name"], device["site"]["name"]) == (f"Name {stage.theirs.mark}", f"Site {stage.theirs.mark}")
    ticket = await stage.do("tickets", "GET", f"/v1/tickets/{stage.things['ticket']['foreign'].id}")
    assert ticket["status"] in ("visit_planned", "received", "in_progress")
    user = await stage.do("identity", "GET", f"/v1/users/{stage.stranger.user_id}")
    assert (user["status"], [right["role"] for right in user["rights"]]) == ("active", ["administrator"])
    groups = await stage.do("catalog", "GET", "/v1/groups", params={"account_id": stage.theirs.id})
    assert stage.theirs.groups["foreign"] in [group["group_id"] for group in groups["items"]]
