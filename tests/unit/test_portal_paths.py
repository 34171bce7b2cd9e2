"""Which paths reach a service, and as what."""

import pytest

from services.portal.gateway.paths import NOWHERE, one, passed_on, v1
from shared.ids import derived_id, new_id
from shared.problems import NotFound

KNOWN = derived_id("device", "1")


def test_an_id_stays_one_segment_of_the_path() -> None:
    assert v1("tickets", "a?b#c%d é", "timeline") == "/v1/tickets/a%3Fb%23c%25d%20%C3%A9/timeline"


@pytest.mark.parametrize("typed", ["", ".", "..", "a/b", "../metrics", "a\\b", "\0", "a\nb", "\x7f"])
def test_what_can_be_no_id_is_nowhere(typed: str) -> None:
    assert v1("tickets", typed) == NOWHERE


def test_a_document_has_its_path_and_what_is_below_it() -> None:
    for document_id in (new_id(), KNOWN):
        assert one("devices", document_id) == f"/v1/devices/{document_id}"
        assert one("tickets", document_id, "visits", "1?", "reply") == f"/v1/tickets/{document_id}/visits/1%3F/reply"


@pytest.mark.parametrize("word", ["facets", "export.csv", "", f"{KNOWN}?", f"{KNOWN}/outlook", f"{KNOWN}\n"])
def test_a_word_is_no_document(word: str) -> None:
    assert one("devices", word) == NOWHERE


@pytest.mark.parametrize(
    ("raw", "query", "sent"),
    [
        (b"tickets/a%2Fb%3Fc%20d", b"", "/v1/tickets/a%2Fb%3Fc%20d"),
        (b"tickets/", b"q=%C3%A9+a&limit=2", "/v1/tickets/?q=%C3%A9+a&limit=2"),
        (b"tickets/...", b"q=\xe9", "/v1/tickets/...?q=%E9"),
        (b"", b"", "/v1/"),
    ],
)
def test_a_path_is_passed_on_as_it_came(raw: bytes, query: bytes, sent: str) -> None:
    assert passed_on("tickets", b"/api/tickets/v1/" + raw, query) == sent


@pytest.mark.parametrize(
    "raw",
    [
        b"/api/tickets/v1/../metrics",
        b"/api/tickets/v1/%2e%2e/metrics",
        b"/api/tickets/v1/.%2E/metrics",
        b"/api/tickets/v1/..%2fopenapi.json",
        b"/api/tickets/v1/%2e%2e%2fhealth%2fready",
        b"/api/tickets/v1/tickets/%2e",
        b"/api/tickets/v1/..%5cmetrics",
        b"/api/tickets/v1/tickets\\1",
        b"/api/tickets/v1/tickets/%00",
        b"/api/tickets/v1/tickets/%0d%0a",
        b"/api/tickets/v1/tickets/\xe9",
        b"/api%2ftickets/v1/tickets",
        b"/api/ticket%73/v1/tickets",
    ],
)
def test_no_path_leads_out_of_the_interface(raw: bytes) -> None:
    with pytest.raises(NotFound):
        passed_on("tickets", raw, b"")
