"""Every page, form and file of the portal, and every service through its gateway, asked by every kind of person."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn

from services.portal.main import create_app
from services.portal.settings import Patience, Rates
from tests.permissions.asking import Case, address, cases_of, each, fault_in, prepared, query_of
from tests.permissions.cast import Member
from tests.permissions.endpoints import Endpoint, portal_endpoints, service_endpoints
from tests.permissions.examples import EXAMPLES
from tests.permissions.expectations import LET_IN
from tests.permissions.stage import LIMITS, Stage
from tests.service.portal_scene import csrf_of, settings
from tests.support.waiting import eventually

MANY = 1_000_000
THROUGH_THE_GATEWAY = (
    "signed out",
    "administrator",
    "device manager",
    "knowledge user",
    "contact_centre_agent",
    "operator",
)


@dataclass
class Browsers:
    """One browser each, signed in; the visitor's is not."""

    base: str
    browsers: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    async def open(self, member: Member) -> None:
        browser = httpx.AsyncClient(base_url=self.base, timeout=30, limits=LIMITS)
        self.browsers[member.name] = browser
        token = csrf_of(await browser.get("/sign-in"))
        if member.is_person:
            form = {"csrf": token, "email": member.email, "password": member.password}
            answer = await browser.post("/sign-in", data=form)
            assert answer.status_code == 303, answer.text[:300]
            token = csrf_of(await browser.get("/profile"))
        self.tokens[member.name] = token


@pytest.fixture(scope="module")
async def browsers(one_stage: Stage) -> AsyncIterator[Browsers]:
    """Browsers in front of a portal that does not count requests, and waits for services on a slow machine."""
    stage = one_stage
    patient = Patience(connect=30, read=30, write=30)
    chosen = settings(stage.stack).model_copy(
        update={"rates": Rates(session=MANY, address=MANY, sign_in=MANY), "patience": patient}
    )
    server = uvicorn.Server(uvicorn.Config(create_app(chosen), host="127.0.0.1", port=0, log_config=None))
    running = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    port = server.servers[0].sockets[0].getsockname()[1]
    opened = Browsers(f"http://127.0.0.1:{port}")
    await asyncio.gather(*(opened.open(member) for member in stage.members if member.is_person or not member.token))
    try:
        yield opened
    finally:
        for browser in opened.browsers.values():
            await browser.aclose()
        server.should_exit = True
        await running


@pytest.mark.parametrize("endpoint", portal_endpoints(), ids=str)
async def test_it_answers_each_person_as_the_table_says(stage: Stage, browsers: Browsers, endpoint: Endpoint) -> None:
    async def ask(case: Case) -> str | None:
        ready = await prepared(stage, case)
        if ready is None:
            return None
        thing, _ = ready
        browser, token = browsers.browsers[case.member.name], browsers.tokens[case.member.name]
        path, query = address(case, thing), query_of(case, thing)
        if case.example.stream:
            return await _fault_in_stream(case, browser, path)
        form = {"csrf": token, **(case.example.body(stage, thing) if case.example.body else {})}
        answer = await browser.request(
            endpoint.method,
            path,
            params=query,
            headers={"X-CSRF-Token": token},
            data=form if endpoint.method == "POST" else None,
        )
        return fault_in(stage, case, answer, _outcome(answer))

    cases = [one for one in cases_of(stage, endpoint, EXAMPLES[str(endpoint)]) if one.member.name in browsers.tokens]
    faults = await each(cases, ask)
    assert not faults, "\n".join(["", *faults])


@pytest.mark.parametrize("endpoint", service_endpoints(), ids=str)
async def test_the_gateway_lets_nobody_further_than_the_service(
    stage: Stage, browsers: Browsers, endpoint: Endpoint
) -> None:
    """Reading, and every write that is refused; a write that is allowed is the service's own test."""

    async def ask(case: Case) -> str | None:
        if case.expected == LET_IN and (endpoint.method != "GET" or case.example.stream):
            return None
        body = case.example.body(stage, case.thing) if case.example.body else None
        answer = await browsers.browsers[case.member.name].request(
            endpoint.method,
            f"/api/{endpoint.service}{address(case, case.thing)}",
            params=query_of(case, case.thing),
            headers={
                "X-CSRF-Token": browsers.tokens[case.member.name],
                "Idempotency-Key": f"{case}",
                "If-Match": '"v1"',
            },
            **({"json": body} if body is not None else {}),
        )
        return fault_in(stage, case, answer)

    if not endpoint.path.startswith("/v1/"):
        return
    cases = [
        case
        for case in cases_of(stage, endpoint, EXAMPLES[str(endpoint)])
        if case.member.name in THROUGH_THE_GATEWAY and (case.thing is None or case.thing.place in ("own", "foreign"))
    ]
    faults = await each(cases, ask)
    assert not faults, "\n".join(["", *faults])


def _outcome(answer: httpx.Response) -> int:
    """A page says by a redirect that somebody has to sign in, and that a form was taken."""
    if answer.status_code != 303:
        return answer.status_code
    return 401 if answer.headers["location"].startswith("/sign-in?") else LET_IN


async def _fault_in_stream(case: Case, browser: httpx.AsyncClient, path: str) -> str | None:
    """A stream that is refused ends with 204, so that the browser does not come again."""
    wanted = {403: 204}.get(case.expected, case.expected)
    async with browser.stream("GET", path) as answer:
        return None if answer.status_code == wanted else f"{answer.status_code} instead of {wanted}"
