"""Messages of dispatch and engineers about visits, as the parties send them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from shared.contracts.inbound import VisitMessage

M = TypeVar("M", bound=VisitMessage)


def message(kind: type[M], work_order_id: str, sequence: int, *, visit_id: str = "", **fields: Any) -> M:
    """One message; by default about the work order's first visit, now."""
    return kind.model_validate(
        {
            "work_order_id": work_order_id,
            "visit_id": visit_id or f"visit-{work_order_id[:40]}",
            "sequence": sequence,
            "occurred_at": datetime.now(UTC),
            **fields,
        }
    )


def window(*, hours: float) -> dict[str, Any]:
    """A window of two hours that begins so many hours from now."""
    begins = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
    return {"window_from": begins, "window_to": begins + timedelta(hours=2)}


def report(outcome: str = "resolved") -> dict[str, Any]:
    return {
        "symptom": "Paper jams in tray 2",
        "cause": "Worn feed roller",
        "action": "Feed roller replaced",
        "parts": [{"number": "FR-220", "name": "Feed roller", "quantity": 1}],
        "counters": {"total": 48_211},
        "outcome": outcome,
        "advice": "Keep the paper dry",
    }


def fresh_visit() -> str:
    return f"visit-{uuid.uuid4().hex[:12]}"
