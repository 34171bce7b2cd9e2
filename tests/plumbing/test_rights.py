"""Who a caller is and what he may do: tokens, the views of rights, and failing closed, on real servers."""

import asyncio
import base64
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from joserfc import jwt
from joserfc.jwk import OctKey

from deploy.local.keys import broker_password
from deploy.local.servers import Servers
from shared.access import tokens
from shared.contracts.catalog import GrantsChanged, GrantsState
from shared.contracts.identity import Right, Role, UserActivated, UserState, UserStatus, UserSuspended
from shared.http.caller import CallerDep
from shared.settings import BrokerSettings
from tests.plumbing.issuer import Issuer
from tests.plumbing.probe import Probe, Service, front_door
from tests.support.waiting import eventually
from tests.support.wire import Wire

router = APIRouter()


@router.get("/who")
async def who(caller: CallerDep) -> dict[str, Any]:
    return {
        "id": caller.id,
        "kind": caller.kind,
        "session": caller.session_id,
        "accounts": sorted(right.account_id for right in caller.rights),
        "devices": sorted(caller.devices),
        "scopes": sorted(caller.scopes),
    }


@dataclass
class Scene:
    service: Service
    door: httpx.AsyncClient
    issuer: Issuer
    wire: Wire

    async def ask(self, token: str, **headers: str) -> httpx.Response:
        return await self.door.get("/who", headers={"Authorization": f"Bearer {token}", **headers})

    async def code(self, token: str, **headers: str) -> tuple[int, str]:
        answer = await self.ask(token, **headers)
        return answer.status_code, answer.json().get("code", "")

    async def tell(
        self, user_id: str, version: int, *, status: UserStatus = UserStatus.ACTIVE, account: str = "acme"
    ) -> None:
        """What identity would publish about a user."""
        state = UserState(
            user_id=user_id,
            status=status,
            rights=(Right(account_id=account, role=Role.DEVICE_MANAGER, whole=False),),
            country="FI",
            language="fi",
            time_zone="Europe/Helsinki",
        )
        kind = UserActivated if status is UserStatus.ACTIVE else UserSuspended
        event = kind(user=state, occurred_at=datetime.now(UTC))
        await self.wire.send(event, user_id, ce_sequence=str(version))

    async def known(self, user_id: str, version: int = 1) -> str:
        """A user whom the service's view has; returns his id."""
        await self.tell(user_id, version)
        await self.has(user_id, version)
        return user_id

    async def has(self, user_id: str, version: int = 1) -> None:
        """Wait until the service's view has a user."""
        view = self.service.db["view_users"]
        await eventually(lambda: view.find_one({"_id": user_id, "version": {"$gte": version}}), within=30)


@pytest.fixture
async def scene(probe: Probe) -> AsyncIterator[Scene]:
    """A probe that follows users and grants, and somebody who issues tokens."""
    async with staged(probe) as scene:
        yield scene


@contextlib.asynccontextmanager
async def staged(probe: Probe, *, prefix: str = "", broker: BrokerSettings | None = None) -> AsyncIterator[Scene]:
    name = f"{prefix}plumbing-{uuid.uuid4().hex[:8]}"
    async with (
        Issuer().serving() as issuer,
        probe.start(
            service_name=name,
            routers=[router],
            key_set_url=issuer.url,
            load_user=None,
            load_grants=None,
            load_revocation=None,
            broker=broker,
        ) as service,
        front_door(service) as door,
    ):
        scene = Scene(service, door, issuer, probe.wire)
        await eventually(lambda: _is(service.parts.running.tokens.ready))
        await eventually(
            lambda: _is(not service.parts.running.watch.is_behind(5)), within=40, what="the views at the end"
        )
        yield scene


def a_user() -> str:
    return f"user-{uuid.uuid4()}"


async def test_a_caller_has_the_rights_and_grants_of_the_views_and_the_session_of_his_token(scene: Scene) -> None:
    user = await scene.known(a_user())
    grants = GrantsChanged(grants=GrantsState(user_id=user, devices=("printer",), groups=()))
    await scene.wire.send(grants, user, ce_sequence="1")
    await eventually(lambda: scene.service.db["view_grants"].find_one({"_id": user}))
    for session in ("one", "two"):
        answer = await scene.ask(scene.issuer.token(user, sid=session))
        assert answer.json() == {
            "id": user,
            "kind": "user",
            "session": session,
            "accounts": ["acme"],
            "devices": ["printer"],
            "scopes": [],
        }


async def test_a_machine_client_has_the_scopes_of_its_token_and_nothing_else(scene: Scene) -> None:
    scopes = ["catalog:read", "other:write"]
    answer = await scene.ask(scene.issuer.token("robot", kind="client", scopes=scopes))
    found = answer.json()
    assert (found["kind"], found["scopes"], found["accounts"], found["devices"]) == ("client", scopes, [], [])


async def test_tokens_that_are_not_good_are_refused(scene: Scene) -> None:
    issuer, user = scene.issuer, await scene.known(a_user())
    issuer.make("hidden", shown=False)
    good = issuer.token(user)
    head, body, signature = good.split(".")
    public = issuer.keys["first"].as_dict(private=False)

    def headed(**header: Any) -> str:
        return f"{_encoded(header)}.{body}.{signature}"

    bad = {
        "unknown key": issuer.token(user, kid="hidden"),
        "expired": issuer.token(user, age=301),
        "other audience": issuer.token(user, aud="elsewhere"),
        "other audiences": issuer.token(user, aud=["lockstep", "elsewhere"]),
        "other issuer": issuer.token(user, iss="elsewhere"),
        "no audience": issuer.token(user, aud=None),
        "no end": issuer.token(user, exp=None),
        "no subject": issuer.token(user, sub=None),
        "an end in words": issuer.token(user, exp="tomorrow"),
        "a version in words": issuer.token(user, rights_version="x"),
        "changed": f"{head}.{_encoded({'sub': 'somebody else'})}.{signature}",
        "unsigned": f"{_encoded({'alg': 'none'})}.{body}.",
        "the public key as a secret": jwt.encode(
            {"alg": "HS256", "kid": "first"}, {"sub": user}, OctKey.import_key(json.dumps(public) + " " * 64)
        ),
        "no key named": headed(alg="Ed25519"),
        "a strange key name": headed(alg="Ed25519", kid=7),
        "no algorithm": headed(kid="first"),
        "a list for a header": f"{_encoded([1])}.{body}.{signature}",
        "a list for claims": f"{head}.{_encoded([1])}.{signature}",
        "critical": headed(alg="Ed25519", kid="first", crit=["b64"], b64=False),
        "not a token": "x",
        "four dots": "a.b.c.d.e",
        "bytes": "\u00ff.\u00ff.\u00ff",
        "empty parts": "..",
        "huge": "a" * 20_000,
    }
    assert await scene.code(good) == (200, "")
    for name, token in bad.items():
        answer = await scene.door.get("/who", headers={b"Authorization": b"Bearer " + token.encode("latin-1")})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), name
    assert (await scene.door.get("/who")).status_code == 401
    assert (await scene.door.get("/who", headers={"Authorization": "Basic abc"})).status_code == 401


async def test_a_remembered_token_ends_when_it_expires(scene: Scene) -> None:
    user = await scene.known(a_user())
    token = scene.issuer.token(user, age=297)
    assert await scene.code(token) == (200, "")

    async def refused() -> bool:
        return await scene.code(token) == (401, "unauthenticated")

    await eventually(refused, within=6)


async def test_a_new_key_is_fetched_when_a_token_names_it_and_a_withdrawn_one_takes_its_tokens_along(
    probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(probe) as scene:
        user = await scene.known(a_user())
        scene.issuer.make("second")
        token = scene.issuer.token(user, kid="second")

        async def answers(code: int) -> bool:
            return (await scene.ask(token)).status_code == code

        await eventually(lambda: answers(200), within=5)
        scene.issuer.is_away = True
        monkeypatch.setattr(tokens, "REFRESH_SECONDS", 0.2)
        assert await scene.code(scene.issuer.token(user)) == (200, "")
        scene.issuer.is_away = False
        scene.issuer.shown.remove("second")
        scene.issuer.make("third", shown=False)
        await scene.ask(scene.issuer.token(user, kid="third"))
        await eventually(lambda: answers(401), within=5)


async def test_a_user_who_is_not_active_is_refused(scene: Scene) -> None:
    others = {status: a_user() for status in UserStatus if status is not UserStatus.ACTIVE}
    for status, user in others.items():
        await scene.tell(user, 1, status=status)
    for status, user in others.items():
        await scene.has(user)
        assert await scene.code(scene.issuer.token(user)) == (401, "unauthenticated"), status


async def test_a_suspended_user_is_refused_within_the_remembered_second(scene: Scene) -> None:
    user = await scene.known(a_user())
    token = scene.issuer.token(user)
    assert await scene.code(token) == (200, "")
    # What another process of the service wrote into the view: this one did not see the record go by.
    await scene.service.db["view_users"].update_one({"_id": user}, {"$set": {"status": "suspended", "version": 2}})
    began = time.monotonic()
    while (await scene.ask(token)).status_code == 200:
        assert time.monotonic() - began < 1.5
    assert await scene.code(token) == (401, "unauthenticated")


async def test_rights_that_changed_reach_a_caller_at_once_in_the_process_that_follows(scene: Scene) -> None:
    user = await scene.known(a_user())
    token = scene.issuer.token(user)
    assert (await scene.ask(token)).json()["accounts"] == ["acme"]
    await scene.tell(user, 2, account="other")

    async def changed() -> bool:
        return bool((await scene.ask(token)).json()["accounts"] == ["other"])

    await eventually(changed, within=5)


async def test_a_token_that_knows_newer_rights_than_the_view_waits_and_then_asks_to_come_again(scene: Scene) -> None:
    user = await scene.known(a_user())
    token = scene.issuer.token(user, rights_version=2)
    began = time.monotonic()
    answer = await scene.ask(token)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert 1.0 <= time.monotonic() - began < 4.0
    waiting = asyncio.create_task(scene.ask(token))
    await scene.tell(user, 2, account="newer")
    first = await waiting
    answer = first if first.status_code == 200 else await scene.ask(token)
    assert answer.json()["accounts"] == ["newer"]


async def test_a_mark_of_what_was_seen_waits_for_the_view_and_then_asks_to_come_again(scene: Scene) -> None:
    user = await scene.known(a_user())
    token = scene.issuer.token(user)
    mark = f"users/{user}@2"
    began = time.monotonic()
    answer = await scene.ask(token, Seen=mark)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["waiting_for"] == mark
    assert 1.0 <= time.monotonic() - began < 4.0
    await scene.tell(user, 2, account="newer")

    async def arrived() -> bool:
        answer = await scene.ask(token, Seen=mark)
        return answer.status_code == 200 and answer.json()["accounts"] == ["newer"]

    await eventually(arrived, within=5)


async def test_marks_that_say_nothing_here_are_passed_over(scene: Scene) -> None:
    user = await scene.known(a_user())
    token, digits = scene.issuer.token(user), "9" * 5_000
    for mark in ("unknown/thing@9", "users/none", "users/@1", "no", ",,,", f"users/a@{digits}", "users/a b@1", digits):
        assert await scene.code(token, Seen=mark) == (200, ""), mark[:30]


async def test_the_rights_of_a_service_on_the_broker_suffice_for_following_and_watching(
    probe: Probe, servers: Servers
) -> None:
    """With the passwords and rights that deployment gives to a service, not with the administrator's."""
    principal = "meters"
    password = broker_password(servers.profile, principal)
    broker = BrokerSettings(bootstrap=probe.wire.bootstrap, username=principal, password=password)
    async with staged(probe, prefix=f"{principal}.", broker=broker) as scene:
        user = await scene.known(a_user())
        assert await scene.code(scene.issuer.token(user, age=120)) == (200, "")
        assert set(scene.service.parts.running.watch.lag) == {
            f"{scene.service.settings.service}.{view}" for view in ("users", "grants", "revocations")
        }


async def _is(value: bool) -> bool:
    return value


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
