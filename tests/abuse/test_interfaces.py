"""Every operation of every service as its document promises it, whatever is sent: no 5xx, no undocumented answer."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.contracts import FOLDER
from tests.abuse.conftest import TIMES, Cast

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SERVICES = sorted(path.stem.removeprefix("openapi-") for path in FOLDER.glob("openapi-*.json"))
EXAMPLES = 8 * TIMES
ENDLESS = ("/v1/stream",)
NO_HTTP = b"Invalid HTTP request received."
"""The server's own word on what is no request at all, such as a made-up transfer encoding."""


def operations() -> list[Any]:
    found = []
    for service in SERVICES:
        schema = schemathesis.openapi.from_dict(json.loads((FOLDER / f"openapi-{service}.json").read_text()))
        for result in schema.get_all_operations():
            operation: Any = result.ok()  # type: ignore[union-attr]
            if operation.path not in ENDLESS:
                found.append(pytest.param(service, operation, id=f"{service} {operation.label}"))
    return found


@pytest.mark.parametrize(("service", "operation"), operations())
def test_it_answers_as_its_document_promises(cast: Cast, service: str, operation: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=TIMES == 1,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    def ask(case: Any) -> None:
        token = cast.next_token()
        if cast.asked % 2:
            case.path_parameters.update({k: v for k, v in cast.known.items() if k in case.path_parameters})
        case.headers.pop("Authorization", None)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = case.call(base_url=cast.stack.url(service), headers=headers, timeout=20)
        if answer.content != NO_HTTP:
            case.validate_response(answer, checks=CHECKS)

    ask()
