"""Accounts, their tree, master records of the back office, and country editions."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.contracts.inbound import BackOfficeAccountUpdated, BackOfficeUserUpdated, RightGiven
from shared.ids import derived_id
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import Listener, Wire, value_of
from tests.support.world import Account, Person, World

pytestmark = pytest.mark.alone("identity")

RECORDS = "inbound.back-office.accounts"


def account_record(account: Account, revision: int, **changes: Any) -> BackOfficeAccountUpdated:
    message = BackOfficeAccountUpdated(
        ref=account.ref,
        revision=revision,
        occurred_at=datetime.now(UTC),
        name=f"Company {account.ref}",
        billing_number=f"B-{account.ref}",
        service_number=f"S-{account.ref}",
        country=account.country,
        language="fi" if account.country == "FI" else "de",
    )
    return message.model_copy(update=changes)


def user_record(world: World, revision: int = 1, **changes: Any) -> BackOfficeUserUpdated:
    message = BackOfficeUserUpdated(
        ref=f"user-{world.prefix}",
        revision=revision,
        occurred_at=datetime.now(UTC),
        first_name="Aino",
        last_name="Virtanen",
        email=f"aino@{world.prefix}.example",
        country="FI",
        language="fi",
        time_zone="Europe/Helsinki",
    )
    return message.model_copy(update=changes)


async def state_of(world: World, account_id: str) -> dict[str, Any]:
    async with await world.api("identity") as machine:
        found: dict[str, Any] = (await machine.get(f"/v1/accounts/{account_id}")).json()
        return found


async def rights_of(stack: Stack, person: Person) -> set[str]:
    async with await stack.client("identity", person.token) as client:
        return {right["account_id"] for right in (await client.get("/v1/me")).json()["rights"]}


async def rejection(heard: Listener, message_id: str) -> str:
    """The reason with which a message was answered."""

    def answered(own: Listener) -> Any:
        return [record for record in own.records if message_id.encode() in str(record).encode()]

    return str(value_of((await heard.until(answered, what="an answer on the rejected topic"))[0]))


async def test_a_child_that_arrives_before_its_parent_finds_its_place(stack: Stack, world: World) -> None:
    parent_ref = f"{world.prefix}-parent"
    child = await world.account("DE", parent_ref=parent_ref)
    grandchild = await world.account("DE", parent_ref=child.ref)
    root = await world.account("DE")
    late = Account(derived_id("account", parent_ref), parent_ref, "DE")
    record = account_record(late, 1, parent_ref=root.ref)
    await stack.wire("back-office").send(record, parent_ref)

    async def placed() -> bool:
        path = (await state_of(world, grandchild.account_id))["ancestor_ids"]
        return bool(path == [root.account_id, late.account_id, child.account_id])

    await eventually(placed)


async def test_an_administrators_rights_follow_the_tree(stack: Stack, world: World) -> None:
    group, child = await world.account("DE"), await world.account("DE")
    boss = await world.person("DE", rights=[{"account_id": group.account_id, "role": "administrator", "whole": True}])
    assert await rights_of(stack, boss) == {group.account_id}
    await stack.wire("back-office").send(account_record(child, 2, parent_ref=group.ref), child.ref)
    below = await world.account("DE", parent_ref=child.ref)

    async def reaches() -> set[str]:
        return await rights_of(stack, boss)

    async def whole_tree() -> bool:
        return await reaches() == {group.account_id, child.account_id, below.account_id}

    await eventually(whole_tree)
    await stack.wire("back-office").send(account_record(child, 3), child.ref)

    async def alone_again() -> bool:
        return await reaches() == {group.account_id}

    await eventually(alone_again)


async def test_a_late_copy_of_an_event_brings_no_right_back(stack: Stack, world: World) -> None:
    group, child = await world.account("DE"), await world.account("DE")
    wire = stack.wire("admin")
    right = {"account_id": group.account_id, "role": "administrator", "whole": True}
    async with wire.listening("identity.accounts", "identity.users") as heard:
        boss = await world.person("DE", rights=[right])
        await stack.wire("back-office").send(account_record(child, 2, parent_ref=group.ref), child.ref)

        async def reach(*accounts: Account) -> bool:
            return await rights_of(stack, boss) == {account.account_id for account in accounts}

        await eventually(lambda: reach(group, child))
        below = list(await heard.until(lambda own: own.of(child.account_id)))
        with_child = list(await heard.until(lambda own: len(own.of(boss.user_id)) > 1 and own.of(boss.user_id)))
        await stack.wire("back-office").send(account_record(child, 3), child.ref)
        await eventually(lambda: reach(group))

        async with wire.producer() as producer:
            for late in (*below, *with_child):
                headers = list(late.headers)
                sent = await producer.send_and_wait(late.topic, late.value, key=late.key, headers=headers)
                reaction = {"identity.accounts": "identity.rights", "identity.users": "identity.administrators"}
                await handled(wire, reaction[late.topic], sent)
        assert await reach(group)
        assert (await state_of(world, child.account_id))["ancestor_ids"] == []


async def handled(wire: Wire, group: str, sent: Any) -> None:
    """Wait until a group has handled a record."""
    admin = AIOKafkaAdminClient(**wire.arguments)
    await admin.start()
    place = TopicPartition(sent.topic, sent.partition)

    async def committed() -> bool:
        return bool((await admin.list_consumer_group_offsets(group))[place].offset > sent.offset)

    try:
        await eventually(committed)
    finally:
        await admin.close()


async def test_old_and_repeated_records_change_nothing(stack: Stack, world: World) -> None:
    account = await world.account("FI")
    back_office = stack.wire("back-office")
    await back_office.send(account_record(account, 5, name="Fifth"), account.ref)
    await back_office.send(account_record(account, 4, name="Fourth"), account.ref)
    await back_office.send(account_record(account, 5, name="Fifth"), account.ref)
    await back_office.send(account_record(account, 6, service_number=f"T-{account.ref}"), account.ref)

    async def sixth() -> bool:
        return bool((await state_of(world, account.account_id))["service_number"] == f"T-{account.ref}")

    await eventually(sixth)
    state = await state_of(world, account.account_id)
    # The sixth record repeats the first name: against the fifth that is a change.
    assert (state["name"], state["version"]) == (f"Company {account.ref}", 3)
    assert state["former_numbers"] == [f"S-{account.ref}"]


async def test_a_contradicting_record_is_answered_and_stops_nothing(stack: Stack, world: World) -> None:
    account = await world.account("FI")
    back_office = stack.wire("back-office")
    async with back_office.listening(f"{RECORDS}.rejected") as heard:
        contradiction = await back_office.send(account_record(account, 1, name="Other"), account.ref)
        unknown_language = await back_office.send(account_record(account, 2, language="xx"), account.ref)
        await back_office.send(account_record(account, 2, name="Second"), account.ref)
        assert "other content" in await rejection(heard, contradiction)
        assert "language" in await rejection(heard, unknown_language)

    async def second() -> bool:
        return bool((await state_of(world, account.account_id))["name"] == "Second")

    await eventually(second)


async def test_a_user_record_keeps_what_the_person_changed_here(stack: Stack, world: World) -> None:
    account = await world.account("FI")
    rights = (RightGiven(account_ref=account.ref, role="device_manager", whole=True),)
    first = user_record(world, rights=rights, phone="+358 9 1")
    user_id = derived_id("user", first.ref)
    await stack.wire("back-office").send(first, first.ref)
    async with await world.api("identity") as machine:

        async def there() -> bool:
            return (await machine.get(f"/v1/users/{user_id}")).status_code == 200

        await eventually(there)
        password = uuid.uuid4().hex
        assert (await machine.post(f"/v1/users/{user_id}/activate", json={"password": password})).status_code == 200
        token = await stack.sign_in(first.email, password)
        async with await stack.client("identity", token) as own:
            assert (await own.patch("/v1/me", json={"phone": "+358 9 222"})).status_code == 200
        second = user_record(world, 2, rights=rights, phone="+358 9 1", email=f"new@{world.prefix}.example")
        await stack.wire("back-office").send(second, second.ref)

        async def moved() -> bool:
            return bool((await machine.get(f"/v1/users/{user_id}")).json()["email"] == second.email)

        await eventually(moved)
        user = (await machine.get(f"/v1/users/{user_id}")).json()
    assert user["phone"] == "+358 9 222"
    assert user["rights"] == [{"account_id": account.account_id, "role": "device_manager", "whole": True}]
    assert await stack.sign_in(second.email, password)


async def test_a_user_record_for_a_taken_address_is_refused(stack: Stack, world: World) -> None:
    person = await world.person()
    back_office = stack.wire("back-office")
    async with back_office.listening(f"{RECORDS}.rejected") as heard:
        record = user_record(world, email=person.email)
        assert "address" in await rejection(heard, await back_office.send(record, record.ref))


async def test_accounts_are_found_by_both_numbers_former_ones_and_name(world: World) -> None:
    prefix = world.prefix
    request = {
        "name": f"Bäckerei {prefix} Süd",
        "billing_number": f"70 {prefix}-1",
        "service_number": f"FI-{prefix}",
        "country": "DE",
        "language": "de",
    }
    async with await world.api("identity") as machine:
        account = (await machine.post("/v1/accounts", json=request)).json()
        path = f"/v1/accounts/{account['account_id']}"
        changed = await machine.patch(path, json={"billing_number": f"99{prefix}"}, headers={"If-Match": '"v1"'})
        assert changed.json()["former_numbers"] == [f"70 {prefix}-1"]
        assert (await machine.patch(path, json={"name": "x"}, headers={"If-Match": '"v1"'})).status_code == 412

        async def found(text: str) -> list[str]:
            answer = await machine.get("/v1/accounts", params={"q": text})
            return [one["account_id"] for one in answer.json()["items"]]

        for text in (f"70{prefix}1", f"99{prefix}", f"fi {prefix}", f"baeckerei {prefix}", f"{prefix} sud"):
            assert await found(text) == [account["account_id"]], text
        assert await found(f"{prefix} nord") == []


async def test_an_account_cannot_stand_below_itself_or_nowhere(world: World) -> None:
    top = await world.account("DE")
    below = await world.account("DE", parent_ref=top.ref)
    async with await world.api("identity") as machine:
        for parent_id in (below.account_id, top.account_id, "nowhere"):
            answer = await machine.patch(f"/v1/accounts/{top.account_id}", json={"parent_id": parent_id})
            assert (answer.status_code, answer.json()["code"]) == (422, "parent_invalid")


async def test_customers_see_their_accounts_alone_and_change_none(world: World) -> None:
    own, foreign = await world.account("DE"), await world.account("DE")
    manager = await world.manager(own)
    reader = await world.person("DE", rights=[{"account_id": own.account_id, "role": "knowledge_user", "whole": True}])
    async with await world.api("identity", manager) as client:
        listed = (await client.get("/v1/accounts", params={"total": "true"})).json()
        assert ([one["account_id"] for one in listed["items"]], listed["total"]) == ([own.account_id], 1)
        assert (await client.get(f"/v1/accounts/{foreign.account_id}")).status_code == 404
        assert (await client.patch(f"/v1/accounts/{foreign.account_id}", json={"name": "x"})).status_code == 404
        assert (await client.patch(f"/v1/accounts/{own.account_id}", json={"name": "x"})).status_code == 403
        assert (await client.get(f"/v1/accounts/{own.account_id}/history")).status_code == 403
    async with await world.api("identity", reader) as client:
        assert (await client.get("/v1/accounts")).status_code == 403
        assert (await client.get(f"/v1/accounts/{own.account_id}")).status_code == 404


async def test_accounts_page_without_gaps(world: World) -> None:
    parent = await world.account("DE")
    ids = {(await world.account("DE", parent_ref=parent.ref)).account_id for _ in range(5)}
    seen: list[str] = []
    async with await world.api("identity") as machine:
        params: dict[str, Any] = {"parent_id": parent.account_id, "limit": 2}
        while True:
            page = (await machine.get("/v1/accounts", params=params)).json()
            seen += [one["account_id"] for one in page["items"]]
            if page["next"] is None:
                break
            params["cursor"] = page["next"]
        assert (await machine.get("/v1/accounts", params={"cursor": "%%%"})).json()["code"] == "cursor_invalid"
    assert (len(seen), set(seen)) == (5, ids)


EDITION: dict[str, Any] = {
    "country": "AD",
    "languages": ["es", "fr"],
    "time_zone": "Europe/Andorra",
    "holiday_country": "AD",
    "opening_hours": [{"weekday": day, "opens": "00:00", "closes": "00:00"} for day in range(7)],
    "phone": "+376 555 010",
    "email": "service@andorra.example",
    "address": "Carrer Major 1",
    "terms_version": "2026-09",
    "team_name": "Servei",
}


async def test_an_edition_is_published_and_read_by_anybody(stack: Stack, world: World) -> None:
    async with (
        stack.wire("admin").listening("identity.editions") as heard,
        await world.api("identity") as machine,
        await stack.client("identity") as anybody,
    ):
        edition = {**EDITION, "team_name": f"Servei {world.prefix}"}
        put = await machine.put("/v1/editions/AD", json=edition)
        assert put.status_code == 200, put.text
        again = await machine.put("/v1/editions/AD", json=edition)
        assert again.json()["version"] == put.json()["version"]
        await heard.types_of("AD", "identity.edition.published.v1")
        read = (await anybody.get("/v1/editions/AD")).json()
        assert read["team_name"] == edition["team_name"]
        assert {"open_now", "opens_next_at", "closes_at"} <= set(read)
        assert "AD" in {one["country"] for one in (await anybody.get("/v1/editions")).json()["items"]}
        assert (await anybody.get("/v1/editions/ZZ")).status_code == 404
        assert (await anybody.put("/v1/editions/AD", json=edition)).status_code == 401


async def test_a_broken_edition_is_refused_field_by_field(world: World) -> None:
    async with await world.api("identity") as machine:
        broken = {**EDITION, "time_zone": "Nowhere", "holiday_country": "XX"}
        answer = await machine.put("/v1/editions/AD", json=broken)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"time_zone", "holiday_country"}
