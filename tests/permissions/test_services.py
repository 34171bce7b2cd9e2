"""Every endpoint of every service, asked by every caller about what is his, a colleague's, foreign and unknown."""

import pytest

from tests.permissions.asking import Case, address, cases_of, each, fault_in, prepared, query_of
from tests.permissions.endpoints import Endpoint, service_endpoints
from tests.permissions.examples import EXAMPLES
from tests.permissions.expectations import LET_IN
from tests.permissions.stage import Stage

ENDPOINTS = service_endpoints()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
async def test_it_answers_each_caller_as_the_table_says(stage: Stage, endpoint: Endpoint) -> None:
    async def ask(case: Case) -> str | None:
        ready = await prepared(stage, case)
        if ready is None:
            return None
        thing, headers = ready
        if case.example.stream and case.expected == LET_IN:
            return await _fault_in_stream(stage, case)
        body = case.example.body(stage, thing) if case.example.body else None
        answer = await stage.ask(
            case.member,
            endpoint.service,
            endpoint.method,
            address(case, thing),
            headers=headers,
            params=query_of(case, thing),
            **({"json": body} if body is not None else {}),
        )
        return fault_in(stage, case, answer)

    example = EXAMPLES[str(endpoint)]
    faults = await each(list(cases_of(stage, endpoint, example)), ask)
    assert not faults, "\n".join(["", *faults])


async def _fault_in_stream(stage: Stage, case: Case) -> str | None:
    """Only that it opens: what it tells is `test_streams.py`."""
    url = stage.stack.url(case.endpoint.service) + case.endpoint.path
    async with stage.client.stream("GET", url, headers={"Authorization": f"Bearer {case.member.token}"}) as answer:
        return None if answer.status_code == 200 else f"{answer.status_code} instead of a stream"
