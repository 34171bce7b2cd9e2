"""What stands on the stage before anybody is asked: fleet, groups, people, tickets, feeds and mails."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx

from shared.contracts.actions import DEVICE_ROLES
from shared.contracts.catalog import Location, Site
from shared.contracts.identity import Right, Role
from shared.contracts.inbound import (
    BackOfficeAccountUpdated,
    BackOfficeContractUpdated,
    BackOfficeDeviceUpdated,
    BackOfficeMessage,
    BackOfficeModelUpdated,
)
from shared.ids import derived_id
from tests.permissions.cast import SIGNED_OUT, Casting, Member
from tests.permissions.expectations import Thing
from tests.permissions.stage import LIMITS, Company, Stage
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import Account, World

FIRST_LOOKS = (("catalog", "/v1/models"), ("tickets", "/v1/calendars"), ("notifier", "/v1/preferences"))


@contextlib.asynccontextmanager
async def staged(stack: Stack) -> AsyncIterator[Stage]:
    async with (
        World.of(stack) as world,
        await world.api("identity") as identity,
        httpx.AsyncClient(timeout=30, limits=LIMITS) as client,
    ):
        ours, theirs, hidden = f"zqown{secrets.token_hex(4)}", f"zqfar{secrets.token_hex(4)}", _mark("zqhid")
        calendar = f"always-{world.prefix}"
        all_day = [{"start": "00:00", "end": "24:00"}]
        await world.calendar(calendar, week=[all_day] * 7, holiday_country=None)
        stage = Stage(
            stack,
            world,
            Casting(identity),
            client,
            Company(_account(ours), ours),
            Company(_account(theirs), theirs),
            hidden,
            await stack.machine_token(),
        )
        await _fleet(stage, calendar)
        await _groups(stage)
        await _people(stage)
        await _tickets(stage)
        await _feeds_and_mails(stage)
        yield stage


def _mark(begin: str) -> str:
    return f"{begin}{secrets.token_hex(4)}"


def _account(mark: str) -> Account:
    ref = f"{mark}ref"
    return Account(derived_id("account", ref), ref, "FI")


async def _fleet(stage: Stage, calendar: str) -> None:
    """Accounts, devices and contract lines, told in one go. Each place has a spare device for changes."""
    messages: list[BackOfficeMessage] = [
        BackOfficeModelUpdated(
            ref=f"model-{stage.world.prefix}", revision=1, occurred_at=datetime.now(UTC), name="Aurora C3020"
        )
    ]
    for company in (stage.ours, stage.theirs):
        messages.append(_account_record(company))
    for place in ("own", "colleague", "foreign"):
        company = stage.theirs if place == "foreign" else stage.ours
        for name in (place, f"{place} spare"):
            device, line = _device_records(stage, company, stage.mark(place), calendar)
            company.devices[name] = derived_id("device", device.ref)
            messages += [device, line]
    await stage.stack.wire("back-office").send_all((message, message.ref) for message in messages)
    every = [*stage.ours.devices.values(), *stage.theirs.devices.values()]

    async def known(device_id: str) -> None:
        async def check() -> bool:
            page = await stage.ask(stage.root, "catalog", "GET", f"/v1/devices/{device_id}")
            outlook = await stage.ask(stage.root, "tickets", "GET", f"/v1/devices/{device_id}/outlook")
            return page.is_success and outlook.is_success and outlook.json()["entitled"]

        await eventually(check, within=30, what=f"device {device_id} with its contract")

    await asyncio.gather(*map(known, every))
    for company in (stage.ours, stage.theirs):
        for name, device_id in company.devices.items():
            mark = stage.mark(name.removesuffix(" spare"))
            await eventually(partial(_named, stage, device_id, mark), within=30, what=f"the names of {device_id}")


async def _named(stage: Stage, device_id: str, mark: str) -> bool:
    """Whether a device has taken its names; its master data may still be arriving and be first."""
    path = f"/v1/devices/{device_id}"
    page = await stage.ask(stage.root, "catalog", "GET", path)
    names = {"own_name": f"Name {mark}", "own_number": f"N-{mark}"}
    version = {"If-Match": page.headers["ETag"]}
    return (await stage.ask(stage.root, "catalog", "PATCH", path, json=names, headers=version)).is_success


def _account_record(company: Company) -> BackOfficeAccountUpdated:
    mark = company.mark
    return BackOfficeAccountUpdated(
        ref=company.account.ref,
        revision=1,
        occurred_at=datetime.now(UTC),
        name=f"Company {mark}",
        billing_number=f"B-{mark}",
        service_number=f"S-{mark}",
        country="FI",
        language="fi",
    )


def _device_records(
    stage: Stage, company: Company, mark: str, calendar: str
) -> tuple[BackOfficeDeviceUpdated, BackOfficeContractUpdated]:
    ref, now = f"{mark}-{secrets.token_hex(3)}", datetime.now(UTC)
    site = Site(
        site_id=f"site-{mark}",
        name=f"Site {mark}",
        street=f"Street {mark} 4",
        postcode="33200",
        city=f"City {mark}",
        country="FI",
        time_zone="Europe/Helsinki",
    )
    device = BackOfficeDeviceUpdated(
        ref=ref,
        revision=1,
        occurred_at=now,
        serial=ref.replace("-", "").upper(),
        model_ref=f"model-{stage.world.prefix}",
        account_ref=company.account.ref,
        site=site,
        location=Location(building=f"Building {mark}", floor="2", room=f"Room {mark}", note=f"Behind {mark}"),
    )
    line = BackOfficeContractUpdated(
        ref=f"line-{ref}",
        revision=1,
        occurred_at=now,
        number=f"C-{mark}-{ref[-6:]}",
        account_ref=company.account.ref,
        device_ref=ref,
        valid_from=(now - timedelta(days=400)).date(),
        entitlement=stage.world.entitlement(calendar),
    )
    return device, line


async def _groups(stage: Stage) -> None:
    for place in ("own", "colleague", "foreign"):
        company = stage.theirs if place == "foreign" else stage.ours
        group = await stage.new_group(place, devices=[company.devices[place]])
        company.groups[place] = group.id
        stage.put("job", await stage.new_job(place))
        stage.put("group", group)


async def _people(stage: Stage) -> None:
    ours, theirs = stage.ours, stage.theirs
    managed = [ours.devices["own"], ours.devices["own spare"]]
    colleague = Right(account_id=ours.id, role=Role.DEVICE_MANAGER, whole=False)
    chief = Right(account_id=theirs.id, role=Role.ADMINISTRATOR, whole=True)
    customers, staff, clients, stage.colleague, stage.stranger = await asyncio.gather(
        stage.casting.customers(ours.account, managed, [ours.groups["own"]]),
        stage.casting.staff(),
        stage.casting.clients(),
        stage.casting.person("colleague", rights=[colleague], mark=stage.hidden, devices=[ours.devices["colleague"]]),
        stage.casting.person("stranger", rights=[chief], mark=theirs.mark),
    )
    stage.members = [SIGNED_OUT, *customers, *staff, *clients]
    everybody = [*customers, *staff, stage.colleague, stage.stranger]
    await asyncio.gather(*(_known(stage, person) for person in everybody))
    for place, person in (("colleague", stage.colleague), ("foreign", stage.stranger)):
        accounts = frozenset({stage.account(place)})
        thing = Thing(place, {"user_id": person.user_id}, accounts, owner=person.user_id)
        stage.put("user", thing)
        stage.put("grants", thing)
        stage.put("session", Thing(place, {"session_id": person.session_id}, owner=person.user_id))


async def _known(stage: Stage, person: Member) -> None:
    """Give a person his devices and groups, and wait until every service knows him with them."""
    body = {"devices": sorted(person.devices), "groups": sorted(person.groups)}

    async def given() -> bool:
        return (await stage.ask(stage.root, "catalog", "PUT", f"/v1/grants/{person.user_id}", json=body)).is_success

    async def there() -> bool:
        answers = [await stage.ask(person, name, "GET", path) for name, path in FIRST_LOOKS]
        device = next(iter(person.devices), "") if any(r.role in DEVICE_ROLES for r in person.rights) else ""
        if device:
            answers.append(await stage.ask(person, "tickets", "GET", f"/v1/devices/{device}/outlook"))
        return not any(answer.status_code in (404, 503) for answer in answers)

    await eventually(given, within=30, what=f"the grants of {person.name}")
    await eventually(there, within=30, what=f"{person.name} in all services")


async def _tickets(stage: Stage) -> None:
    """One ticket each, opened by who manages the device, with notes, updates and a planned visit."""
    openers = {"own": stage.named("administrator"), "colleague": stage.colleague, "foreign": stage.stranger}

    async def one(place: str) -> None:
        ticket = await stage.new_ticket(place, openers[place])
        text = {"text": f"Text {stage.mark(place)}"}
        await stage.do("tickets", "POST", f"/v1/tickets/{ticket.id}/updates", json=text)
        await stage.do("tickets", "POST", f"/v1/tickets/{ticket.id}/notes", json=text)
        stage.put("visit", await stage.with_visit(ticket))
        stage.put("ticket", ticket)
        stage.put("device", Thing(place, {"device_id": stage.device(place)}, ticket.accounts, ticket.device_id))

    await asyncio.gather(*map(one, openers))
    for place in openers:
        stage.put("account", Thing(place, {"account_id": stage.account(place)}, frozenset({stage.account(place)})))


async def _feeds_and_mails(stage: Stage) -> None:
    made = await stage.ask(stage.named("device manager"), "tickets", "POST", "/v1/calendar-feeds")
    stage.put("feed token", Thing("own", {"token": made.json()["url_token"]}))
    client = await stage.do("identity", "POST", "/v1/clients", json={"name": "shared", "scopes": []})
    stage.put("client", Thing("own", {"client_id": client["client_id"]}))
    for place, person in (
        ("own", stage.named("administrator")),
        ("colleague", stage.colleague),
        ("foreign", stage.stranger),
    ):
        made = await stage.ask(person, "tickets", "POST", "/v1/calendar-feeds")
        stage.put("feed", Thing(place, {"feed_id": made.json()["feed_id"]}, owner=person.user_id))
        ticket = stage.things["ticket"][place]

        async def mailed(ticket_id: str = ticket.id) -> str:
            found = await stage.do("notifier", "GET", "/v1/messages", params={"ticket_id": ticket_id})
            return str(found["items"][0]["message_id"]) if found["items"] else ""

        message_id = await eventually(mailed, within=30, what="the mail about a ticket")
        stage.put("message", Thing(place, {"message_id": message_id}, owner=person.user_id))
