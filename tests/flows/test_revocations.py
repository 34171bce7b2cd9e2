"""What has ended opens nothing any more, at any service, within five seconds: sessions, machine clients, streams."""

import asyncio
import time
from collections.abc import Mapping

import httpx
import pytest

from shared.contracts.identity import ClientRemoved
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.world import Person, World

WITHIN_SECONDS = 5.0
ASKED: Mapping[str, str] = {
    "identity": "/v1/me",
    "catalog": "/v1/devices",
    "tickets": "/v1/tickets",
    "notifier": "/v1/preferences",
}
BY_CLIENT: Mapping[str, str] = {"identity": "/v1/accounts", "catalog": "/v1/devices", "tickets": "/v1/tickets"}


@pytest.fixture
async def person(world: World) -> Person:
    return await world.manager(await world.account("FI"), whole=True)


async def answers(stack: Stack, token: str, asked: Mapping[str, str]) -> dict[str, int]:
    found = {}
    for service, path in asked.items():
        async with await stack.client(service, token) as client:
            found[service] = (await client.get(path)).status_code
    return found


async def all_refuse(stack: Stack, token: str, asked: Mapping[str, str]) -> None:
    """Raises AssertionError naming those that still answer after five seconds."""
    ended = time.monotonic()

    async def check() -> bool:
        found = await answers(stack, token, asked)
        assert set(found.values()) == {401}, found
        return True

    await eventually(check, within=WITHIN_SECONDS - (time.monotonic() - ended))


async def following(stack: Stack, token: str) -> "asyncio.Task[None]":
    """A stream that is open, until it ends by itself."""
    opened = asyncio.Event()
    stream = asyncio.create_task(_follow(stack, token, opened))
    await asyncio.wait_for(opened.wait(), 10)
    return stream


async def _follow(stack: Stack, token: str, opened: asyncio.Event) -> None:
    address, headers = f"{stack.url('tickets')}/v1/stream", {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=30) as client, client.stream("GET", address, headers=headers) as answer:
        assert answer.status_code == 200
        opened.set()
        async for _ in answer.aiter_bytes():
            pass


async def signed_in(stack: Stack, person: Person) -> dict[str, str]:
    async with await stack.client("identity") as identity:
        answer = await identity.post("/v1/sessions", json={"email": person.email, "password": person.password})
        tokens: dict[str, str] = answer.json()
        return tokens


@pytest.mark.parametrize("how", ["signed out", "ended from elsewhere", "password changed", "refresh token used twice"])
async def test_tokens_and_streams_of_an_ended_session_open_nothing(stack: Stack, person: Person, how: str) -> None:
    ended, other = await signed_in(stack, person), await signed_in(stack, person)
    token = ended["access_token"]
    assert set((await answers(stack, token, ASKED)).values()) == {200}
    stream = await following(stack, token)
    async with await stack.client("identity", other["access_token"]) as identity:
        match how:
            case "signed out":
                await identity.post("/v1/sessions/sign-out", json={"refresh_token": ended["refresh_token"]})
            case "ended from elsewhere":
                await identity.delete(f"/v1/sessions/{ended['session_id']}")
            case "password changed":
                change = {"current_password": person.password, "new_password": "another long pass phrase"}
                assert (await identity.post("/v1/me/password", json=change)).status_code == 204
            case _:
                for _ in range(2):
                    await identity.post("/v1/sessions/refresh", json={"refresh_token": ended["refresh_token"]})
    await all_refuse(stack, token, ASKED)
    await asyncio.wait_for(stream, WITHIN_SECONDS)
    assert set((await answers(stack, other["access_token"], ASKED)).values()) == {200}


async def test_the_stream_of_a_suspended_person_ends(stack: Stack, person: Person, world: World) -> None:
    stream = await following(stack, person.token)
    async with await world.api("identity") as identity:
        answer = await identity.post(f"/v1/users/{person.user_id}/suspend", json={"reason": "left"})
        assert answer.status_code == 200, answer.text
    await asyncio.wait_for(stream, WITHIN_SECONDS)


async def test_a_removed_machine_client_is_none_anywhere(stack: Stack, world: World) -> None:
    async with (
        await world.api("identity") as identity,
        stack.wire("admin").listening("identity.revocations") as heard,
    ):
        scopes = ["identity:read", "catalog:read", "tickets:read"]
        made = (await identity.post("/v1/clients", json={"name": "passing", "scopes": scopes})).json()
        token = (await identity.post("/v1/clients/token", json=made)).json()["access_token"]
        assert set((await answers(stack, token, BY_CLIENT)).values()) == {200}
        stream = await following(stack, token)
        assert (await identity.delete(f"/v1/clients/{made['client_id']}")).status_code == 204
        await all_refuse(stack, token, BY_CLIENT)
        await asyncio.wait_for(stream, WITHIN_SECONDS)
        await heard.types_of(made["client_id"], ClientRemoved.type)
