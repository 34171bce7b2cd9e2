"""What nobody should send, at the outermost doors: forged tokens and cookies, paths that climb, endless texts."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from shared.serve import HEAD_SECONDS
from tests.abuse.conftest import Cast
from tests.service.portal_scene import csrf_of

SERVICES = {"identity": "/v1/me", "catalog": "/v1/devices", "tickets": "/v1/tickets", "notifier": "/v1/preferences"}
CLIMBING = (
    "..%2fmetrics",
    "%2e%2e/metrics",
    "..%2fopenapi.json",
    "..%2fhealth%2fready",
    "%2e%2e%2fhealth%2fready",
    "..%5cmetrics",
    "..;/metrics",
    "./metrics",
    "keys%3fx",
    "keys%23x",
    "tickets%00",
    "tickets/%0d%0aX-Injected:%201",
    "%252e%252e%252fmetrics",
    "//metrics",
)


def plain(name: str, value: str) -> list[tuple[bytes, bytes]]:
    """A header as bytes, whatever is in it."""
    return [(name.encode(), value.encode("latin-1"))]


def claims_of(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def encoded(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forged(token: str) -> Iterator[str]:
    """Tokens that say the same as a good one, and must not be believed."""
    header, payload, signature = token.split(".")
    claims = claims_of(token)
    yield f"{encoded({'alg': 'none'})}.{payload}."
    yield f"{encoded({'alg': 'None', 'typ': 'JWT'})}.{payload}.{signature}"
    yield f"{header}.{encoded(claims | {'exp': int(time.time()) + 90_000})}.{signature}"
    yield f"{header}.{payload}.{signature[:-4]}AAAA"
    yield f"{header}.{payload}"
    yield jwt.encode({"alg": "HS256"}, claims, OctKey.generate_key(256), algorithms=["HS256"])
    stranger = OKPKey.generate_key("Ed25519")
    yield jwt.encode({"alg": "Ed25519"}, claims, stranger, algorithms=["Ed25519"])
    embedded = {"alg": "Ed25519", "jwk": stranger.as_dict(private=False), "kid": "x"}
    yield jwt.encode(embedded, claims, stranger, algorithms=["Ed25519"])
    yield from ("x", "a.b.c", "." * 400, "\u00e9.b.c", token.upper())


@pytest.mark.parametrize("service", SERVICES)
async def test_no_forged_token_is_believed(cast: Cast, service: str) -> None:
    token = cast.tokens[2]
    assert token is not None
    async with httpx.AsyncClient(base_url=cast.stack.url(service)) as client:
        good = await client.get(SERVICES[service], headers={"Authorization": f"Bearer {token}"})
        assert good.status_code == 200
        for false in forged(token):
            answer = await client.get(SERVICES[service], headers=plain("authorization", f"Bearer {false}"))
            assert answer.status_code == 401, false
            assert answer.json()["code"] == "unauthenticated"


@pytest.mark.parametrize("path", CLIMBING)
@pytest.mark.parametrize("service", ["identity", "tickets"])
async def test_no_path_leads_outside_the_interface(cast: Cast, service: str, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", cast.stack.profile.port("portal"))
    try:
        request = f"GET /api/{service}/v1/{path} HTTP/1.1\r\nHost: portal.test\r\nConnection: close\r\n\r\n"
        writer.write(request.encode("latin-1"))
        answer = (await asyncio.wait_for(reader.read(), 10)).decode("utf-8", "replace")
    finally:
        writer.close()
    status = int(answer.split(" ", 2)[1])
    assert status in (400, 401, 404), answer[:300]
    assert "lockstep_http" not in answer and '"openapi"' not in answer and '"lag"' not in answer
    assert "x-injected" not in answer.lower()


@pytest.mark.parametrize("cookie", ["", "x", "a" * 5_000, "%00", "../../etc/passwd", "' OR 1=1 --", "{$ne: null}"])
async def test_no_forged_cookie_opens_a_session(cast: Cast, cookie: str) -> None:
    async with httpx.AsyncClient(base_url=cast.stack.url("portal")) as client:
        for name in ("lockstep", "lockstep-visitor", "lockstep-device", "lockstep-language"):
            headers = plain("cookie", f"{name}={cookie}")
            page = await client.get("/devices", headers=headers)
            assert page.status_code == 303 and page.headers["location"].startswith("/sign-in")
            assert (await client.get("/no-such-page", headers=headers)).status_code == 404
            form = {"csrf": csrf_of(await client.get("/sign-in")), "email": "a@b.example", "password": "x"}
            client.cookies.clear()
            assert (await client.post("/sign-in", data=form, headers=headers)).status_code == 403
            client.cookies.clear()


WEIRD = ("\u202e", "\u200b" * 5, "é" * 9_999, "\ufffd\uffff", "💥", "a" * 240)


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Match": '"v' + "9" * 5_000 + '"'},
        {"If-Match": "v1"},
        {"Idempotency-Key": "k" * 201},
        {"Idempotency-Key": "\x7f"},
        {"Seen": "users/x@" + "9" * 400},
        {"Seen": ", ".join(f"devices/{n}@99" for n in range(500))},
        {"traceparent": "00-" + "0" * 400},
        {"X-Request-Id": "x" * 10_000},
        {"Client-Address": "127.0.0.1;0;" + "0" * 64},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Accept-Language": "x" * 4_000},
    ],
)
async def test_no_header_breaks_a_write(cast: Cast, headers: dict[str, str]) -> None:
    token = cast.tokens[2]
    async with httpx.AsyncClient(base_url=cast.stack.url("tickets"), timeout=20) as client:
        path = f"/v1/tickets/{cast.known['ticket_id']}/updates"
        base = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"k-{time.time_ns()}"}
        answer = await client.post(path, content=b'{"text": "x"}', headers=base | headers)
        assert answer.status_code in (201, 400, 412, 415, 422, 503), answer.text


@pytest.mark.parametrize("text", WEIRD)
async def test_no_text_breaks_a_page_or_a_list(cast: Cast, text: str) -> None:
    token = cast.tokens[2]
    async with httpx.AsyncClient(base_url=cast.stack.url("tickets"), timeout=20) as client:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"t-{time.time_ns()}"}
        path = f"/v1/tickets/{cast.known['ticket_id']}"
        answer = await client.post(f"{path}/updates", json={"text": text}, headers=headers)
        assert answer.status_code in (201, 422)
        for address in (path, f"{path}/timeline", "/v1/tickets"):
            assert (await client.get(address, headers=headers, params={"q": text[:200]})).status_code == 200


async def test_a_header_forged_without_a_token_costs_no_reads(cast: Cast) -> None:
    """An unknown caller is refused before anything that he has seen is waited for."""
    marks = ", ".join(f"users/{n}@99" for n in range(20))
    async with httpx.AsyncClient(base_url=cast.stack.url("catalog"), timeout=20) as client:
        begun = time.monotonic()
        answers = await asyncio.gather(
            *(client.get(path, headers={"Seen": marks}) for path in ("/health/live", "/v1/devices", "/v1/models") * 10)
        )
        assert {answer.status_code for answer in answers} == {200, 401}
        assert time.monotonic() - begun < 5, "each had waited for a second"


@pytest.mark.parametrize("service", ["identity", "tickets", "portal"])
async def test_an_endless_body_is_refused_before_it_is_kept(cast: Cast, service: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b"x" * 100_000

    async with httpx.AsyncClient(base_url=cast.stack.url(service), timeout=30) as client:
        path = "/v1/sessions" if service == "identity" else "/v1/tickets" if service == "tickets" else "/sign-in"
        headers = {
            "Authorization": f"Bearer {cast.tokens[2]}",
            "Idempotency-Key": "k",
            "Content-Type": "application/json",
        }
        declared = await client.post(path, content=b"x" * 3_000_000, headers=headers)
        assert declared.status_code == 413
        try:
            told = await client.post(path, content=endless(), headers=headers)
        except httpx.TransportError:
            return  # cut off while it was still sending
        assert told.status_code in (400, 403, 413), "403: the form is refused without being read"


async def test_no_address_with_a_slash_too_many_leads_to_a_foreign_host(cast: Cast) -> None:
    async with httpx.AsyncClient(base_url=cast.stack.url("portal")) as client:
        answer = await client.get("/tickets/", headers={"Host": "evil.example"})
        assert "evil.example" not in answer.headers.get("location", "")


@pytest.mark.parametrize(("service", "path"), [("portal", "/api/tickets/v1/tickets"), ("tickets", "/v1/tickets")])
async def test_who_goes_away_in_the_middle_of_a_request_is_no_failure(cast: Cast, service: str, path: str) -> None:
    """The service's log tells of none: that is looked at when all tests have run."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {cast.tokens[2]}\r\nIdempotency-Key: gone\r\n"
    for half in ("Content-Length: 900\r\n\r\n{", 'Transfer-Encoding: chunked\r\n\r\n4\r\n{"a"'):
        for _ in range(10):
            _, writer = await asyncio.open_connection("127.0.0.1", cast.stack.profile.port(service))
            writer.write((head + half).encode())
            await writer.drain()
            writer.close()
    async with httpx.AsyncClient(base_url=cast.stack.url(service), timeout=5) as client:
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("service", ["portal", "tickets"])
async def test_half_sent_requests_hold_nothing(cast: Cast, service: str) -> None:
    """Two hundred connections that never say what they want: others are served meanwhile, and they are closed."""
    port = cast.stack.profile.port(service)
    halves = (b"", b"GET /contact HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
    try:
        for number, (_, writer) in enumerate(connections):
            writer.write(halves[number % 2])
        async with httpx.AsyncClient(base_url=cast.stack.url(service), timeout=5) as client:
            assert (await client.get("/health/live")).status_code == 200
        async with asyncio.timeout(HEAD_SECONDS + 15):
            answers = await asyncio.gather(*(reader.read() for reader, _ in connections))
        assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
    finally:
        for _, writer in connections:
            writer.close()
