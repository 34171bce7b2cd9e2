"""Signing in: passwords, throttling, sessions, keys, machine clients."""

import base64
import json
import secrets
import time
from typing import Any

import httpx
import pytest
from pymongo import AsyncMongoClient

from deploy.local import keys
from deploy.local.environment import store_url
from services.identity.sessions import known_devices
from shared.http.client_address import HEADER, stated
from tests.support.stack import Stack
from tests.support.world import Person, World

pytestmark = pytest.mark.alone("identity")


async def sign_in(
    stack: Stack, email: str, password: str, *, address: str | None = None, device_token: str | None = None
) -> httpx.Response:
    async with await stack.client("identity") as client:
        key = keys.front_door_key_file(stack.profile).read_bytes()
        headers = {HEADER: stated(key, address)} if address else {}
        body = {"email": email, "password": password} | ({"device_token": device_token} if device_token else {})
        return await client.post("/v1/sessions", json=body, headers=headers)


async def tokens_of(stack: Stack, person: Person) -> dict[str, Any]:
    answer = await sign_in(stack, person.email, person.password)
    assert answer.status_code == 201, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def refreshed(stack: Stack, refresh_token: str) -> httpx.Response:
    async with await stack.client("identity") as client:
        return await client.post("/v1/sessions/refresh", json={"refresh_token": refresh_token})


def part(token: str, index: int) -> dict[str, Any]:
    text = token.split(".")[index]
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return content


async def test_a_token_says_who_and_is_signed_by_a_published_key(stack: Stack, world: World) -> None:
    person = await world.person()
    tokens = await tokens_of(stack, person)
    claims = part(tokens["access_token"], 1)
    assert claims["sub"] == person.user_id == tokens["user_id"]
    assert claims["sid"] == tokens["session_id"]
    assert (claims["iss"], claims["aud"], claims["kind"]) == ("lockstep", "lockstep", "user")
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 300
    assert claims["rights_version"] > 0
    async with await stack.client("identity") as client:
        keys = (await client.get("/v1/keys")).json()["keys"]
    assert part(tokens["access_token"], 0)["kid"] in {key["kid"] for key in keys}
    assert all("d" not in key for key in keys)


async def test_the_address_is_found_in_any_case(stack: Stack, world: World) -> None:
    person = await world.person()
    assert (await sign_in(stack, person.email.upper(), person.password)).status_code == 201


async def test_every_wrong_sign_in_is_answered_alike(stack: Stack, world: World) -> None:
    person = await world.person()
    wrong = await sign_in(stack, person.email, "not the password")
    unknown = await sign_in(stack, f"{secrets.token_hex(8)}@nobody.example", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["code"] == "credentials_wrong"


async def test_an_unknown_address_takes_as_long_as_a_wrong_password(stack: Stack, world: World) -> None:
    person = await world.person()
    known: list[float] = []
    unknown: list[float] = []
    for _ in range(4):
        for email, times in ((person.email, known), (f"{secrets.token_hex(8)}@nobody.example", unknown)):
            started = time.perf_counter()
            await sign_in(stack, email, "not the password")
            times.append(time.perf_counter() - started)
    # A hash takes many times longer than the rest, so an answer without one would stand out.
    assert min(unknown) > 0.5 * min(known)


async def test_many_failures_delay_this_address_and_nobody_else(stack: Stack, world: World) -> None:
    person = await world.person()
    # The delay runs while a hash is computed, so on a busy machine the first ones may be over before they are felt.
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) < 12:
        answer = await sign_in(stack, person.email, "not the password", address="198.51.100.7")
        statuses.append(answer.status_code)
    assert statuses == [*[401] * (len(statuses) - 1), 429]
    assert len(statuses) > 6
    delayed = await sign_in(stack, person.email, person.password, address="198.51.100.7")
    assert delayed.status_code == 429
    assert delayed.json()["code"] == "too_many_attempts"
    assert int(delayed.headers["Retry-After"]) >= 1
    assert (await sign_in(stack, person.email, person.password, address="203.0.113.9")).status_code == 201


async def failed_until_delayed(stack: Stack, person: Person, **where: str) -> None:
    for _ in range(12):
        if (await sign_in(stack, person.email, "not the password", **where)).status_code == 429:
            return
    raise AssertionError("no number of failures is delayed")


async def test_a_browser_that_is_known_gets_in_while_its_address_is_delayed(stack: Stack, world: World) -> None:
    person, colleague = await world.person(), await world.person()
    known = (await sign_in(stack, person.email, person.password, address="198.51.100.9")).json()["device_token"]
    await failed_until_delayed(stack, person, address="198.51.100.9")
    strange = await sign_in(stack, person.email, person.password, address="198.51.100.9")
    assert strange.status_code == 429
    let_in = await sign_in(stack, person.email, person.password, address="198.51.100.9", device_token=known)
    assert (let_in.status_code, let_in.json()["device_token"]) == (201, known)
    # It is known for one person alone, and has no more tries than others.
    await failed_until_delayed(stack, colleague, address="198.51.100.9")
    foreign = await sign_in(stack, colleague.email, colleague.password, address="198.51.100.9", device_token=known)
    assert foreign.status_code == 429
    await failed_until_delayed(stack, person, address="192.0.2.44", device_token=known)


async def test_an_address_counts_where_the_front_door_states_it_and_nobody_else(stack: Stack, world: World) -> None:
    person = await world.person()
    good = stated(keys.front_door_key_file(stack.profile).read_bytes(), "198.51.100.10")
    address, at, proof = good.split(";")
    forged = [
        {"X-Forwarded-For": "198.51.100.{}"},
        {"Forwarded": "for=198.51.100.{}"},
        {HEADER: "198.51.100.{};" + f"{at};{proof}"},
        {HEADER: stated(b"another key", "198.51.100.11")},
        {HEADER: f"{address};{int(at) - 120};{proof}"},
    ]
    statuses = []
    async with await stack.client("identity") as client:
        for number in range(14):
            headers = {name: value.format(number) for name, value in forged[number % len(forged)].items()}
            body = {"email": person.email, "password": "not the password"}
            statuses.append((await client.post("/v1/sessions", json=body, headers=headers)).status_code)
    assert 429 in statuses, "each forged address had tries of its own"


async def test_the_right_password_clears_the_count(stack: Stack, world: World) -> None:
    person = await world.person()
    for _ in range(2):
        for _ in range(4):
            await sign_in(stack, person.email, "not the password", address="198.51.100.8")
        assert (await sign_in(stack, person.email, person.password, address="198.51.100.8")).status_code == 201


async def test_a_refresh_token_works_once_and_using_it_again_ends_the_session(stack: Stack, world: World) -> None:
    tokens = await tokens_of(stack, await world.person())
    first = await refreshed(stack, tokens["refresh_token"])
    assert first.status_code == 200
    assert first.json()["session_id"] == tokens["session_id"]
    reused = await refreshed(stack, tokens["refresh_token"])
    assert reused.status_code == 401
    assert reused.json()["code"] == "refresh_token_invalid"
    assert (await refreshed(stack, first.json()["refresh_token"])).status_code == 401


async def test_a_guessed_refresh_token_ends_nothing(stack: Stack, world: World) -> None:
    tokens = await tokens_of(stack, await world.person())
    assert (await refreshed(stack, f"{tokens['session_id']}.guess.guess")).status_code == 401
    assert (await refreshed(stack, tokens["refresh_token"])).status_code == 200


async def test_sessions_are_listed_and_can_be_ended(stack: Stack, world: World) -> None:
    person = await world.person()
    other = await tokens_of(stack, person)
    own = await tokens_of(stack, person)
    async with await stack.client("identity", own["access_token"]) as client:
        listed = (await client.get("/v1/sessions")).json()["items"]
        assert {one["session_id"] for one in listed} >= {own["session_id"], other["session_id"]}
        assert [one["session_id"] for one in listed if one["current"]] == [own["session_id"]]
        assert (await client.delete(f"/v1/sessions/{other['session_id']}")).status_code == 204
        assert (await client.delete(f"/v1/sessions/{other['session_id']}")).status_code == 404
    assert (await refreshed(stack, other["refresh_token"])).status_code == 401
    assert (await refreshed(stack, own["refresh_token"])).status_code == 200


async def test_nobody_ends_another_persons_session(stack: Stack, world: World) -> None:
    victim = await tokens_of(stack, await world.person())
    async with await world.api("identity", await world.person()) as client:
        assert (await client.delete(f"/v1/sessions/{victim['session_id']}")).status_code == 404
    assert (await refreshed(stack, victim["refresh_token"])).status_code == 200


async def test_signing_out_ends_the_session(stack: Stack, world: World) -> None:
    tokens = await tokens_of(stack, await world.person())
    async with await stack.client("identity") as client:
        answer = await client.post("/v1/sessions/sign-out", json={"refresh_token": tokens["refresh_token"]})
        assert answer.status_code == 204
    assert (await refreshed(stack, tokens["refresh_token"])).status_code == 401


async def test_a_new_password_ends_the_other_sessions(stack: Stack, world: World) -> None:
    person = await world.person()
    other, own = await tokens_of(stack, person), await tokens_of(stack, person)
    new = secrets.token_urlsafe(18)
    async with await stack.client("identity", own["access_token"]) as client:
        wrong = await client.post("/v1/me/password", json={"current_password": "wrong", "new_password": new})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "current_password_wrong")
        weak = await client.post("/v1/me/password", json={"current_password": person.password, "new_password": "short"})
        assert weak.status_code == 422
        assert weak.json()["errors"][0] | {"message": ""} == {
            "field": "new_password",
            "rule": "password_too_short",
            "message": "",
        }
        changed = await client.post("/v1/me/password", json={"current_password": person.password, "new_password": new})
        assert changed.status_code == 204
    assert (await refreshed(stack, other["refresh_token"])).status_code == 401
    assert (await refreshed(stack, own["refresh_token"])).status_code == 200
    assert (await sign_in(stack, person.email, person.password)).status_code == 401
    assert (await sign_in(stack, person.email, new)).status_code == 201


async def test_a_suspended_user_is_out_at_once(stack: Stack, world: World) -> None:
    person = await world.person()
    tokens = await tokens_of(stack, person)
    async with await world.api("identity") as machine:
        assert (await machine.post(f"/v1/users/{person.user_id}/suspend", json={})).status_code == 200
    async with await stack.client("identity", tokens["access_token"]) as client:
        assert (await client.get("/v1/me")).status_code == 401
    assert (await refreshed(stack, tokens["refresh_token"])).status_code == 401
    assert (await sign_in(stack, person.email, person.password)).status_code == 401


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
async def test_without_a_token_of_ours_nobody_gets_in(stack: Stack, token: str) -> None:
    async with await stack.client("identity", token or None) as client:
        answer = await client.get("/v1/me")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_machine_client_gets_its_scopes_and_rotates_its_secret(stack: Stack, world: World) -> None:
    async with await world.api("identity") as machine:
        made = await machine.post("/v1/clients", json={"name": f"party {world.prefix}", "scopes": ["tickets:read"]})
        assert made.status_code == 201
        credentials = made.json()
        rotated = (await machine.post(f"/v1/clients/{credentials['client_id']}/secret")).json()
        for secret in (credentials["client_secret"], rotated["client_secret"]):
            answer = await machine.post("/v1/clients/token", json={**credentials, "client_secret": secret})
            assert part(answer.json()["access_token"], 1)["scopes"] == ["tickets:read"]
        wrong = await machine.post("/v1/clients/token", json={**credentials, "client_secret": "wrong"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "client_credentials_wrong")
        assert (await machine.delete(f"/v1/clients/{credentials['client_id']}")).status_code == 204
        gone = await machine.post("/v1/clients/token", json=rotated)
        assert gone.status_code == 401


async def test_a_client_neither_gives_nor_takes_over_a_scope_that_it_lacks(stack: Stack, world: World) -> None:
    async with await world.api("identity") as machine:
        greedy = (await machine.post("/v1/clients", json={"name": "greedy", "scopes": ["identity:write"]})).json()
        other = (await machine.post("/v1/clients", json={"name": "other", "scopes": ["tickets:read"]})).json()
        equal = (await machine.post("/v1/clients", json={"name": "equal", "scopes": ["identity:write"]})).json()
        token = (await machine.post("/v1/clients/token", json=greedy)).json()["access_token"]
    async with await stack.client("identity", token) as client:
        made = await client.post("/v1/clients", json={"name": "rich", "scopes": ["tickets:read"]})
        assert (made.status_code, made.json()["scopes"]) == (403, ["tickets:read"])
        for method, path in (("POST", f"/v1/clients/{other['client_id']}/secret"), ("DELETE", "/v1/clients/bootstrap")):
            assert (await client.request(method, path)).status_code == 403
        assert (await client.post(f"/v1/clients/{equal['client_id']}/secret")).status_code == 200
        assert (await client.post("/v1/clients/nobody/secret")).status_code == 404
        assert (await client.post("/v1/clients/token", json=other)).status_code == 200, "its secret is the old one"


async def test_a_client_that_manages_customers_makes_and_touches_none_of_the_staff(stack: Stack, world: World) -> None:
    service_admin = await world.person("DE", staff_roles=["service_admin"])
    async with await world.api("identity") as machine:
        made = (await machine.post("/v1/clients", json={"name": "users", "scopes": ["identity:write"]})).json()
        token = (await machine.post("/v1/clients/token", json=made)).json()["access_token"]
    new = {
        "first_name": "Eve",
        "last_name": "Eversen",
        "email": f"eve-{world.prefix}@example.com",
        "language": "en",
        "time_zone": "UTC",
        "country": "GB",
        "staff_roles": ["service_admin"],
    }
    async with await stack.client("identity", token) as client:
        refused = await client.post("/v1/users", json=new)
        assert (refused.status_code, refused.json()["scopes"]) == (403, ["staff:write"])
        for step in ("suspend", "remove", "activate"):
            body = {"password": "correct horse battery staple"} if step == "activate" else {}
            answer = await client.post(f"/v1/users/{service_admin.user_id}/{step}", json=body)
            assert (answer.status_code, answer.json()["roles"]) == (403, ["service_admin"])


async def test_only_service_administrators_and_their_clients_manage_clients(world: World) -> None:
    async with await world.api("identity", await world.agent()) as agent:
        assert (await agent.get("/v1/clients")).status_code == 403


async def test_of_the_browsers_that_one_person_used_the_latest_are_known(stack: Stack) -> None:
    async with AsyncMongoClient[dict[str, Any]](store_url(stack.profile), tz_aware=True) as store:
        db = store[f"browsers_{secrets.token_hex(5)}"]
        tokens = [await known_devices.remember(db, token=None, user_id="anna") for _ in range(known_devices.MOST)]
        other = await known_devices.remember(db, token=None, user_id="berta")
        assert await known_devices.remember(db, token=tokens[0], user_id="anna") == tokens[0], "used again"
        tokens.append(await known_devices.remember(db, token=None, user_id="anna"))
        found = [await known_devices.find(db, token=token, user_id="anna") is not None for token in tokens]
        assert found == [True, False] + [True] * (known_devices.MOST - 1)
        assert await known_devices.find(db, token=other, user_id="berta")
