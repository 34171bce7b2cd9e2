"""A ticket and a device to try the pages' words on. It is Sunday evening; work starts on Monday."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.portal.locale.texts import Texts
from services.portal.pages.base.models import DeviceView, TicketView

NOW = datetime(2026, 11, 22, 18, 14, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
SITE = {
    "site_id": "s1",
    "name": "Verwaltung Nord",
    "street": "Hafenstraße 14",
    "postcode": "20457",
    "city": "Hamburg",
    "country": "DE",
    "time_zone": "Europe/Berlin",
}
ENTITLEMENT = {"level": "Gold", "calendar": "DE", "response_minutes": 240, "resolve_minutes": 480}


def texts(language: str = "en", zone: str = "Europe/Berlin", now: datetime = NOW) -> Texts:
    return Texts(language, ZoneInfo(zone), now)


def clock(kind: str, due_at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "state": "running",
        "target_minutes": 240,
        "started_at": NOW - timedelta(hours=1),
        "due_at": due_at,
        "calendar": "DE",
        "calendar_version": 1,
        "time_zone": "Europe/Berlin",
        **changes,
    }


def visit(**changes: Any) -> dict[str, Any]:
    return {
        "visit_id": "v1",
        "work_order_id": "w1",
        "status": "planned",
        "window_from": MONDAY + timedelta(hours=7),
        "window_to": MONDAY + timedelta(hours=9),
        **changes,
    }


def ticket(**changes: Any) -> TicketView:
    return TicketView.model_validate(
        {
            "ticket_id": "t1",
            "number": "T-26-004711",
            "status": "received",
            "account_id": "a1",
            "device": {"device_id": "d1", "serial": "KX74000091", "model_id": "m1", "model_name": "Aurora C3020"},
            "site": SITE,
            "description": "Paper jams in tray 2",
            "language": "en",
            "entitlement": ENTITLEMENT,
            "contract_line_id": "c1",
            "promise": {
                "work_starts_at": MONDAY + timedelta(hours=7),
                "engineer_by": MONDAY + timedelta(hours=11),
                "time_zone": "Europe/Berlin",
            },
            "clocks": [clock("response", MONDAY + timedelta(hours=11))],
            "opened_at": NOW - timedelta(hours=1),
            "status_since": NOW - timedelta(hours=1),
            **changes,
        }
    )


def device(**changes: Any) -> DeviceView:
    return DeviceView.model_validate(
        {
            "device_id": "d1",
            "serial": "KX74000091",
            "model_id": "m1",
            "model_name": "Aurora C3020",
            "account_id": "a1",
            "site": SITE,
            "status_since": NOW - timedelta(days=400),
            "contract_state": "valid",
            "contract": {
                "contract_line_id": "c1",
                "number": "C-1",
                "valid_from": "2025-01-01",
                "valid_until": "2027-12-31",
                "entitlement": ENTITLEMENT,
            },
            **changes,
        }
    )
