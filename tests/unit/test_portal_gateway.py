"""What passes the front door, and what does not."""

import pytest

from services.portal.gateway.rates import RateLimit, TooManyRequests
from services.portal.gateway.routes import passed_headers
from services.portal.gateway.sessions import form_token, session_id
from services.portal.pages.base.live import names
from services.portal.pages.base.page import own_address
from services.portal.pages.components.filters import Address

FORGED = {
    "X-Forwarded-For": "10.0.0.1",
    "Forwarded": "for=10.0.0.1",
    "ce_actor": "somebody",
    "ce-type": "tickets.ticket.opened.v1",
    "traceparent": "00-0-0-01",
    "X-Request-Id": "mine",
    "Cookie": "lockstep=x",
    "Connection": "close",
}


def test_nobody_can_say_what_the_portal_says_itself() -> None:
    assert passed_headers({**FORGED, "Accept": "application/json"}, browser=False) == {"accept": "application/json"}


def test_an_api_user_brings_his_token_and_a_browser_does_not() -> None:
    brought = {"Authorization": "Bearer x", "Seen": "devices/1@2", "Idempotency-Key": "k"}
    assert set(passed_headers(brought, browser=False)) == {"authorization", "seen", "idempotency-key"}
    assert set(passed_headers(brought, browser=True)) == {"idempotency-key"}


def test_a_burst_is_let_through_and_more_is_not() -> None:
    limit = RateLimit(3)
    for _ in range(3):
        limit.take("a")
    with pytest.raises(TooManyRequests) as refusal:
        limit.take("a")
    assert int(refusal.value.headers["Retry-After"]) >= 1
    limit.take("b")


def test_the_store_never_holds_the_cookie() -> None:
    assert session_id("secret") != "secret"
    assert len(session_id("secret")) == 64


def test_a_visitor_s_form_belongs_to_his_browser() -> None:
    assert form_token(b"key", "visitor") == form_token(b"key", "visitor")
    assert form_token(b"key", "visitor") != form_token(b"key", "other")
    assert form_token(b"key", "visitor") != form_token(b"another key", "visitor")


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/tickets?q=a", "/tickets?q=a"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        (None, "/"),
    ],
)
def test_after_sign_in_nobody_is_led_away(wanted: str | None, target: str) -> None:
    assert own_address(wanted) == target


def test_a_live_event_is_named_after_its_ticket() -> None:
    assert names("ticket", '{"ticket_id": "0192-ab"}') == ["ticket", "ticket-0192-ab"]
    assert names("ticket", '{"ticket_id": "a\\nevent: x"}') == ["ticket"]
    assert names("ticket", "not json") == ["ticket"]
    assert names("refetch", "{}") == ["refetch"]
    assert names("something", "{}") == []


def test_a_filter_makes_a_view_that_can_be_kept() -> None:
    address = Address("/devices", {"q": "KX", "contract": "ending", "cursor": "abc"})
    assert address.href(contract=None) == "/devices?q=KX"
    assert address.href(site_id="s 1") == "/devices?q=KX&contract=ending&site_id=s+1"
    on = [one.text for one in address.choice("contract", [("ending", "Ends", None), ("none", "None", None)]) if one.on]
    assert on == ["Ends"]


def test_a_heading_sorts_and_turns() -> None:
    first = Address("/devices", {}).column("Serial", "serial", default=True)
    assert (first.direction, first.href) == ("ascending", "/devices?sort=-serial")
    turned = Address("/devices", {"sort": "-serial"}).column("Serial", "serial", default=True)
    assert (turned.direction, turned.href) == ("descending", "/devices?sort=serial")
