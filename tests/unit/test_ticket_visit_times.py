"""What planning systems write for "not known yet" is no time that anybody can keep to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.tickets.visits.operations import check
from shared.consumers import Refused
from shared.contracts.inbound import DispatchVisitMoved, DispatchVisitPlanned, EngineerVisitTravelling, VisitMessage

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
FOR_EVER = datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)


def said(kind: type[VisitMessage], **fields: Any) -> VisitMessage:
    window = {"window_from": NOW + timedelta(days=1), "window_to": NOW + timedelta(days=1, hours=2)}
    base = {"work_order_id": "o", "visit_id": "v", "sequence": 1, "occurred_at": NOW}
    return kind.model_validate(base | (window if kind is not EngineerVisitTravelling else {}) | fields)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (said(DispatchVisitPlanned, window_from=FOR_EVER - timedelta(hours=1), window_to=FOR_EVER), "window_from"),
        (said(DispatchVisitMoved, window_to=FOR_EVER), "window_to"),
        (said(DispatchVisitMoved, window_to=NOW + timedelta(days=32, hours=1)), "window_to"),
        (said(DispatchVisitPlanned, window_to=NOW), "window_to"),
        (said(EngineerVisitTravelling, expected_at=FOR_EVER), "expected_at"),
        (said(EngineerVisitTravelling, occurred_at=NOW + timedelta(days=2)), "occurred_at"),
    ],
)
def test_an_absurd_time_is_refused_by_the_name_of_its_field(message: VisitMessage, field: str) -> None:
    with pytest.raises(Refused, match=f"^{field}: must be"):
        check(message, NOW)


@pytest.mark.parametrize(
    "message",
    [
        said(DispatchVisitPlanned),
        said(DispatchVisitPlanned, window_from=NOW + timedelta(days=700), window_to=NOW + timedelta(days=731)),
        said(DispatchVisitMoved, window_from=NOW - timedelta(days=3), window_to=NOW),
        said(EngineerVisitTravelling, expected_at=NOW + timedelta(days=2)),
        said(EngineerVisitTravelling, occurred_at=NOW + timedelta(hours=20)),
    ],
)
def test_times_of_ordinary_planning_are_taken(message: VisitMessage) -> None:
    check(message, NOW)
