"""That the table, the endpoints and the examples are complete: a new endpoint has to be in all of them."""

from shared.contracts.actions import ACTIONS, MANAGE_STAFF
from tests.permissions.endpoints import portal_endpoints, service_endpoints
from tests.permissions.examples import EXAMPLES

ENDPOINTS = [*service_endpoints(), *portal_endpoints()]


def test_every_endpoint_declares_its_action() -> None:
    assert not [str(one) for one in ENDPOINTS if one.action is None]


def test_every_endpoint_has_an_example_and_every_example_an_endpoint() -> None:
    assert {str(one) for one in ENDPOINTS} == set(EXAMPLES)


def test_every_action_is_declared_by_an_endpoint_or_decides_what_is_seen() -> None:
    declared = {one.action.name for one in ENDPOINTS if one.action is not None}
    sights = {action.sight.name for action in ACTIONS.values() if action.sight is not None}
    assert set(ACTIONS) == declared | sights | {MANAGE_STAFF.name}
