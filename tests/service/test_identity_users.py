"""Users: rights, states, the last administrator, the profile."""

import asyncio
import secrets
import uuid
from typing import Any

import httpx
import pytest

from tests.service.identity_people import administrator, body, counted, right
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.wire import header, value_of
from tests.support.world import Person, World

pytestmark = pytest.mark.alone("identity")


async def test_me_names_accounts_and_actions(world: World) -> None:
    account = await world.account("DE")
    async with await world.api("identity", await administrator(world, account)) as client:
        answer = await client.get("/v1/me")
        me = answer.json()
    assert me["rights"] == [
        {
            "account_id": account.account_id,
            "account_name": f"Company {account.ref}",
            "service_number": f"S-{account.ref}",
            "role": "administrator",
            "whole": True,
        }
    ]
    assert {"tickets.open", "users.manage", "groups.create"} <= set(me["allowed_actions"])
    assert answer.headers["ETag"] == f'"v{me["version"]}"'


async def test_a_new_user_is_told_on_two_topics_and_only_one_is_personal(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    async with (
        stack.wire("admin").listening("identity.users", "identity.people") as heard,
        await world.api("identity") as machine,
    ):
        request = body(world, rights=[right(account, "device_manager")])
        user_id = (await machine.post("/v1/users", json=request)).json()["user_id"]
        await heard.types_of(user_id, "identity.user.created.v1", "identity.person.changed.v1")
        by_topic = {record.topic: record for record in heard.of(user_id)}
    assert value_of(by_topic["identity.people"])["person"]["email"] == request["email"]
    created = by_topic["identity.users"]
    assert request["email"].encode() not in (created.value or b"")
    assert value_of(created)["user"]["status"] == "pending"
    assert value_of(created)["user"]["rights"] == [right(account, "device_manager")]
    assert header(created, "ce_sequence") == "2"


async def test_repeating_a_create_makes_one_user(world: World) -> None:
    request, key = body(world), {"Idempotency-Key": uuid.uuid4().hex}
    async with await world.api("identity") as machine:
        first = await machine.post("/v1/users", json=request, headers=key)
        again = await machine.post("/v1/users", json=request, headers=key)
        other = await machine.post("/v1/users", json=body(world), headers=key)
    assert first.json()["user_id"] == again.json()["user_id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_an_address_belongs_to_one_user_even_when_many_ask_at_once(world: World) -> None:
    request = body(world)
    async with await world.api("identity") as machine:
        variants = [{**request, "email": request["email"].upper() if n % 2 else request["email"]} for n in range(6)]
        answers = await asyncio.gather(*(machine.post("/v1/users", json=one) for one in variants))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"email_taken"}


async def test_the_address_of_a_removed_user_can_be_used_anew(world: World) -> None:
    request = body(world)
    async with await world.api("identity") as machine:
        first = (await machine.post("/v1/users", json=request)).json()
        assert (await machine.post(f"/v1/users/{first['user_id']}/remove", json={})).status_code == 200
        assert (await machine.post("/v1/users", json=request)).status_code == 201


async def test_bad_input_names_the_field(world: World) -> None:
    async with await world.api("identity") as machine:
        answer = await machine.post("/v1/users", json=body(world, time_zone="Mars/Base", password="x"))
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "time_zone"
        unknown = await machine.post("/v1/users", json=body(world, rights=[right_of("none")]))
        assert unknown.json()["errors"][0]["field"] == "rights.0.account_id"
        weak = await machine.post("/v1/users", json=body(world, password="x"))
        assert weak.json()["errors"][0]["rule"] == "password_too_short"


def right_of(account_id: str) -> dict[str, Any]:
    return {"account_id": account_id, "role": "device_manager", "whole": True}


async def test_an_administrator_brings_in_colleagues_but_no_further_than_his_accounts(world: World) -> None:
    own, foreign = await world.account("DE"), await world.account("DE")
    async with await world.api("identity", await administrator(world, own)) as client:
        made = await client.post("/v1/users", json=body(world, rights=[right(own, "stock_manager")]))
        assert made.status_code == 201
        assert made.json()["allowed_actions"] == ["remove", "change_rights"]
        beyond = await client.post("/v1/users", json=body(world, rights=[right(foreign, "stock_manager")]))
        assert (beyond.status_code, "administrator" in beyond.json()["roles"]) == (403, True)
        forbidden: list[dict[str, Any]] = [
            {"staff_roles": ["operator"]},
            {"password": secrets.token_urlsafe(20)},
            {"rights": []},
        ]
        for more in forbidden:
            refused = await client.post("/v1/users", json=body(world, rights=[right(own)]) | more)
            assert refused.status_code == 403


async def test_an_administrator_sees_the_people_of_his_accounts_alone(world: World) -> None:
    own, foreign = await world.account("DE"), await world.account("DE")
    boss, stranger = await administrator(world, own), await administrator(world, foreign)
    colleague = await world.manager(own)
    async with await world.api("identity", boss) as client:
        listed = {one["user_id"] for one in (await client.get("/v1/users")).json()["items"]}
        assert listed == {boss.user_id, colleague.user_id}
        assert (await client.get(f"/v1/users/{stranger.user_id}")).status_code == 404
        assert (await client.post(f"/v1/users/{stranger.user_id}/suspend", json={})).status_code == 404
    async with await world.api("identity", colleague) as client:
        refused = await client.get("/v1/users")
        assert (refused.status_code, refused.json()["roles"][0]) == (403, "administrator")
        assert (await client.get(f"/v1/users/{colleague.user_id}")).status_code == 200, "he sees himself"
        assert (await client.get(f"/v1/users/{boss.user_id}")).status_code == 404


async def test_a_version_says_nothing_of_a_foreign_user(world: World) -> None:
    own, foreign = await world.account("DE"), await world.account("DE")
    boss, stranger = await administrator(world, own), await administrator(world, foreign)
    async with await world.api("identity", boss) as client:
        for version in ('"v1"', '"v99"'):
            answer = await client.put(
                f"/v1/users/{stranger.user_id}/rights", json={"rights": []}, headers={"If-Match": version}
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")


async def test_an_address_that_a_stranger_has_is_not_told_to_an_administrator(stack: Stack, world: World) -> None:
    own, foreign = await world.account("DE"), await world.account("DE")
    boss, stranger, colleague = await administrator(world, own), await world.manager(foreign), await world.manager(own)
    async with await world.api("identity", boss) as client:
        free = await client.post("/v1/users", json=body(world, rights=[right(own, "stock_manager")]))
        request = body(world, rights=[right(own, "stock_manager")], email=stranger.email)
        taken = await client.post("/v1/users", json=request)
        assert (taken.status_code, taken.json().keys()) == (201, free.json().keys())
        assert (taken.json()["status"], taken.json()["email"]) == ("pending", stranger.email)
        known = await client.post("/v1/users", json=request | {"email": colleague.email})
        assert (known.status_code, known.json()["code"]) == (409, "email_taken"), "whom he sees anyway"
    assert await stack.sign_in(stranger.email, stranger.password), "the address stays its owner's"
    async with await world.api("identity") as machine:
        activated = await machine.post(
            f"/v1/users/{taken.json()['user_id']}/activate", json={"password": secrets.token_urlsafe(18)}
        )
        assert (activated.status_code, activated.json()["code"]) == (409, "email_taken")


async def test_who_has_rights_elsewhere_is_not_suspended_from_here(world: World) -> None:
    own, foreign = await world.account("DE"), await world.account("DE")
    both = await world.person("DE", rights=[right(own, "device_manager"), right(foreign, "device_manager")])
    async with await world.api("identity", await administrator(world, own)) as client:
        seen = (await client.get(f"/v1/users/{both.user_id}")).json()
        assert seen["rights"] == [right(own, "device_manager")]
        assert (await client.post(f"/v1/users/{both.user_id}/suspend", json={})).status_code == 403
        changed = await client.put(f"/v1/users/{both.user_id}/rights", json={"rights": []})
        assert changed.json()["rights"] == []
    async with await world.api("identity") as machine:
        left = (await machine.get(f"/v1/users/{both.user_id}")).json()["rights"]
    assert left == [right(foreign, "device_manager")]


async def test_the_last_administrator_cannot_go(world: World) -> None:
    account = await world.account("DE")
    last = await administrator(world, account)
    async with await world.api("identity") as machine:
        for request in (
            machine.post(f"/v1/users/{last.user_id}/suspend", json={}),
            machine.post(f"/v1/users/{last.user_id}/remove", json={}),
            machine.put(f"/v1/users/{last.user_id}/rights", json={"rights": [right(account, "stock_manager")]}),
        ):
            answer = await request
            assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator")
        assert (await machine.get(f"/v1/users/{last.user_id}")).json()["status"] == "active"
    assert await counted(world, account) == {last.user_id}


async def test_of_two_administrators_who_suspend_each_other_at_once_one_stays(world: World) -> None:
    account = await world.account("DE")
    pair = [await administrator(world, account), await administrator(world, account)]

    async def suspend(one: Person, other: Person) -> httpx.Response:
        async with await world.api("identity", one) as client:
            return await client.post(f"/v1/users/{other.user_id}/suspend", json={})

    answers = await asyncio.gather(suspend(pair[0], pair[1]), suspend(pair[1], pair[0]))
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert [answer.status_code for answer in answers].count(200) == 1
    async with await world.api("identity") as machine:
        found = (await machine.get("/v1/users", params={"account_id": account.account_id})).json()
    assert found["counts"] == {"active": 1, "suspended": 1}
    active = {one["user_id"] for one in found["items"] if one["status"] == "active"}
    assert await counted(world, account) == active


async def test_a_refused_step_in_one_account_leaves_the_others_as_they_were(world: World) -> None:
    first, second = await world.account("DE"), await world.account("DE")
    both = await world.person("DE", rights=[right(first), right(second)])
    # Somebody else is there in whichever account is asked first, so that the other one refuses second.
    crowded, lonely = sorted((first, second), key=lambda account: account.account_id)
    other = await administrator(world, crowded)
    async with await world.api("identity") as machine:
        answer = await machine.post(f"/v1/users/{both.user_id}/suspend", json={})
        assert (answer.status_code, answer.json()["account_id"]) == (409, lonely.account_id)
    assert await counted(world, crowded) == {both.user_id, other.user_id}
    assert await counted(world, lonely) == {both.user_id}


async def test_a_suspended_administrator_is_counted_again_when_he_comes_back(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    one, other = await administrator(world, account), await administrator(world, account)
    async with (
        stack.wire("admin").listening("identity.users") as heard,
        await world.api("identity") as machine,
    ):
        suspended = await machine.post(f"/v1/users/{one.user_id}/suspend", json={"reason": "on leave"})
        assert suspended.json()["allowed_actions"] == ["reactivate", "remove", "change_rights"]
        assert await counted(world, account) == {other.user_id}
        again = await machine.post(f"/v1/users/{one.user_id}/suspend", json={})
        assert (again.status_code, again.json()["code"]) == (409, "step_refused")
        assert (await machine.post(f"/v1/users/{one.user_id}/reactivate", json={})).status_code == 200
        assert await counted(world, account) == {one.user_id, other.user_id}
        await heard.types_of(one.user_id, "identity.user.suspended.v1", "identity.user.reactivated.v1")
        history = (await machine.get(f"/v1/users/{one.user_id}/history")).json()["items"]
    assert [row["type"] for row in history][:2] == ["identity.user.reactivated.v1", "identity.user.suspended.v1"]
    assert (history[1]["reason"], history[1]["actor"]) == ("on leave", "bootstrap")


async def test_a_repeated_suspend_command_is_answered_like_the_first(world: World) -> None:
    account = await world.account("DE")
    await administrator(world, account)
    person, key = await administrator(world, account), {"Idempotency-Key": uuid.uuid4().hex}
    async with await world.api("identity") as machine:
        for _ in range(2):
            answer = await machine.post(f"/v1/users/{person.user_id}/suspend", json={}, headers=key)
            assert (answer.status_code, answer.json()["status"]) == (200, "suspended")


async def test_the_profile_is_changed_with_its_version(stack: Stack, world: World) -> None:
    person = await world.person("DE")
    async with (
        stack.wire("admin").listening("identity.users", "identity.people") as heard,
        await world.api("identity", person) as client,
    ):
        tag = (await client.get("/v1/me")).headers["ETag"]
        changes = {"last_name": "Maier", "phone": None, "language": "fi"}
        changed = await client.patch("/v1/me", json=changes, headers={"If-Match": tag})
        assert changed.json() | changes == changed.json()
        stale = await client.patch("/v1/me", json={"language": "en"}, headers={"If-Match": tag})
        assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
        empty = await client.patch("/v1/me", json={"last_name": None})
        assert (empty.status_code, empty.json()["errors"][0]["field"]) == (422, "last_name")
        await heard.types_of(person.user_id, "identity.person.changed.v1", "identity.user.changed.v1")
        assert (await client.get("/v1/me")).json()["language"] == "fi"


async def test_a_token_of_the_newest_rights_is_taken_after_a_change_of_name_alone(stack: Stack, world: World) -> None:
    person = await world.person("DE")
    async with await world.api("identity", person) as client:
        assert (await client.patch("/v1/me", json={"last_name": "Maier"})).status_code == 200
    fresh = await stack.sign_in(person.email, person.password)
    async with await stack.client("identity", fresh) as client:
        assert (await client.get("/v1/me")).json()["last_name"] == "Maier"


async def test_an_agent_brings_in_customers_but_no_colleagues(world: World) -> None:
    account = await world.account("DE")
    agent, service_admin = await world.agent(), await world.person("DE", staff_roles=["service_admin"])
    async with await world.api("identity", agent) as client:
        made = await client.post("/v1/users", json=body(world, rights=[right(account)]))
        assert made.status_code == 201
        staff = await client.post("/v1/users", json=body(world, staff_roles=["contact_centre_agent"]))
        assert staff.status_code == 403
        assert (await client.post(f"/v1/users/{service_admin.user_id}/suspend", json={})).status_code == 403
        taken = await client.put(f"/v1/users/{service_admin.user_id}/rights", json={"rights": [right(account)]})
        assert taken.status_code == 403


async def test_the_last_service_administrator_stays(stack: Stack, world: World) -> None:
    person = await world.person("DE", staff_roles=["service_admin"])
    async with stack.store() as client, await world.api("identity", person) as own:
        staff = stack.database(client, "identity")["staff"]
        counted = await staff.find_one({"_id": "service_admin"})
        assert counted is not None and person.user_id in counted["user_ids"]
        path, alone = f"/v1/users/{person.user_id}", {"$set": {"user_ids": [person.user_id]}}
        await staff.update_one({"_id": "service_admin"}, alone)
        try:
            for step in ("suspend", "remove"):
                refused = await own.post(f"{path}/{step}", json={})
                assert (refused.status_code, refused.json()["code"]) == (409, "last_service_administrator")
        finally:
            everybody = {"$addToSet": {"user_ids": {"$each": counted["user_ids"]}}}
            await staff.update_one({"_id": "service_admin"}, everybody)
        another = await world.person("DE", staff_roles=["service_admin"])
        assert (await own.post(f"{path}/remove", json={})).status_code == 200
        after = await staff.find_one({"_id": "service_admin"})
        assert after is not None and person.user_id not in after["user_ids"] and another.user_id in after["user_ids"]


async def test_a_pending_user_is_activated_with_a_first_password(stack: Stack, world: World) -> None:
    account, password = await world.account("DE"), secrets.token_urlsafe(18)
    request = body(world, rights=[right(account)])
    async with await world.api("identity") as machine:
        user = (await machine.post("/v1/users", json=request)).json()
        assert await counted(world, account) == set()
        activated = await machine.post(f"/v1/users/{user['user_id']}/activate", json={"password": password})
        assert activated.json()["status"] == "active"
    assert await stack.sign_in(request["email"], password)

    async def is_counted() -> bool:
        return await counted(world, account) == {user["user_id"]}

    await eventually(is_counted)


async def test_an_administrator_whom_a_crash_left_uncounted_is_counted_later(stack: Stack, world: World) -> None:
    account = await world.account("DE")
    person = await administrator(world, account)
    async with stack.store() as client:
        accounts = stack.database(client, "identity")["accounts"]
        await accounts.update_one({"_id": account.account_id}, {"$set": {"state.administrators": []}})
    assert await counted(world, account) == set()
    async with await world.api("identity", person) as own:
        assert (await own.patch("/v1/me", json={"language": "en"})).status_code == 200

    async def is_counted() -> bool:
        return await counted(world, account) == {person.user_id}

    await eventually(is_counted)
