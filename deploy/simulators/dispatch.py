"""The dispatch planners' system: gets work orders, plans visits, moves and cancels them.

Visit ids are minted here. `sequence` counts per visit from 1, so that a message that overtook another is recognised.
"""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaProducer

from deploy.simulators.agenda import Agenda, strike, under
from deploy.simulators.party import Pace, Party, Planned, main
from deploy.simulators.wire import Message, Record, send, timestamp

SOURCE = "/parties/dispatch"
HEARS = "outbound.dispatch"
SAYS = "inbound.dispatch"
GROUP = "dispatch.planner"
WINDOW = timedelta(hours=2)
NOTICE = timedelta(hours=1)


def visit_id(work_order_id: str, request: int | str = 1) -> str:
    """The id of the visit planned for a request; asked twice for the same, it is the same."""
    return f"V-{uuid5(NAMESPACE_URL, f'{SOURCE}/{work_order_id}/{request}').hex[:12]}"


def window(work_order: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """Two hours that end by the target arrival (none: the next morning), with at least an hour's notice."""
    earliest = _next_full_hour(now + NOTICE)
    if work_order.get("target_arrival"):
        begins = datetime.fromisoformat(work_order["target_arrival"]).astimezone(UTC) - WINDOW
    else:
        zone = ZoneInfo(work_order.get("site", {}).get("time_zone", "UTC"))
        day = now.astimezone(zone) + timedelta(days=1)
        while day.weekday() > 4:
            day += timedelta(days=1)
        begins = day.replace(hour=9, minute=0, second=0, microsecond=0).astimezone(UTC)
    begins = max(begins, earliest)
    return begins, begins + WINDOW


def _next_full_hour(moment: datetime) -> datetime:
    full = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return full if full == moment else full + timedelta(hours=1)


def planned(
    work_order: Mapping[str, Any],
    *,
    now: datetime,
    visit: str | None = None,
    window_from: datetime | str | None = None,
    window_to: datetime | str | None = None,
    sequence: int = 1,
    correlation_id: str | None = None,
) -> Message:
    """A visit is planned; without a window the next sensible one."""
    first, last = window(_inner(work_order), now)
    return _message(
        work_order,
        "dispatch.visit.planned.v1",
        now=now,
        visit=visit,
        sequence=sequence,
        correlation_id=correlation_id,
        window_from=timestamp(window_from or first),
        window_to=timestamp(window_to or last),
        external_id=f"PL-{_inner(work_order)['work_order_id'][-8:]}",
    )


def moved(
    work_order: Mapping[str, Any],
    *,
    now: datetime,
    window_from: datetime | str,
    window_to: datetime | str,
    visit: str | None = None,
    sequence: int = 2,
    reason: str | None = None,
    correlation_id: str | None = None,
) -> Message:
    """A planned visit gets another window."""
    return _message(
        work_order,
        "dispatch.visit.moved.v1",
        now=now,
        visit=visit,
        sequence=sequence,
        correlation_id=correlation_id,
        window_from=timestamp(window_from),
        window_to=timestamp(window_to),
        reason=reason,
    )


def cancelled(
    work_order: Mapping[str, Any],
    *,
    now: datetime,
    visit: str | None = None,
    sequence: int = 2,
    reason: str | None = None,
    correlation_id: str | None = None,
) -> Message:
    """A planned visit will not take place."""
    return _message(
        work_order,
        "dispatch.visit.cancelled.v1",
        now=now,
        visit=visit,
        sequence=sequence,
        correlation_id=correlation_id,
        reason=reason,
    )


async def plan_visit(producer: AIOKafkaProducer, work_order: Mapping[str, Any], **how: Any) -> Message:
    """Plan a visit and wait for the broker's acknowledgement; see `planned`."""
    return await send(producer, planned(work_order, **how))


async def move_visit(producer: AIOKafkaProducer, work_order: Mapping[str, Any], **how: Any) -> Message:
    return await send(producer, moved(work_order, **how))


async def cancel_visit(producer: AIOKafkaProducer, work_order: Mapping[str, Any], **how: Any) -> Message:
    return await send(producer, cancelled(work_order, **how))


def _inner(work_order: Mapping[str, Any]) -> Mapping[str, Any]:
    """The work order itself, whether it was given alone or as the value of its record."""
    inner: Mapping[str, Any] = work_order.get("work_order", work_order)
    return inner


def _message(
    work_order: Mapping[str, Any],
    kind: str,
    *,
    now: datetime,
    visit: str | None,
    sequence: int,
    correlation_id: str | None,
    **details: str | None,
) -> Message:
    order = str(_inner(work_order)["work_order_id"])
    value = {
        "work_order_id": order,
        "visit_id": visit or visit_id(order),
        "sequence": sequence,
        "occurred_at": timestamp(now),
        **{name: detail for name, detail in details.items() if detail is not None},
    }
    return Message(SAYS, order, kind, value, SOURCE, sequence=sequence, correlation_id=correlation_id)


def react(record: Record, book: Agenda, now: datetime, pace: Pace) -> list[Planned]:
    """Plan a requested visit once; move it when the target became earlier; cancel it when the order is withdrawn."""
    if "work_order" not in record.value:
        return []
    due = now + timedelta(minutes=pace.minutes or 0)
    before = under(book, record.value["work_order"]["work_order_id"])
    live = before[-1] if before and before[-1].type != "dispatch.visit.cancelled.v1" else None
    thread: dict[str, Any] = {"now": due, "correlation_id": record.correlation_id}
    if record.type == "dispatch.work-order.requested.v1":
        visit = visit_id(record.value["work_order"]["work_order_id"], record.sequence)
        if any(isinstance(said.value, dict) and said.value["visit_id"] == visit for said in before):
            return []
        return [(due, planned(record.value, visit=visit, **thread))]
    if live is None or isinstance(live.value, bytes):
        return []
    order = {"work_order_id": live.value["work_order_id"]}
    known: dict[str, Any] = {"visit": live.value["visit_id"], "sequence": live.sequence + 1, **thread}
    if record.type == "dispatch.work-order.withdrawn.v1":
        if live.id in book.open:
            strike(book, live.id)
            return []
        return [(due, cancelled(order, reason="The work order was withdrawn", **known))]
    target = record.value["work_order"].get("target_arrival")
    if target and datetime.fromisoformat(target) < datetime.fromisoformat(live.value["window_to"]):
        first, last = window(record.value["work_order"], now)
        return [
            (due, moved(order, window_from=first, window_to=last, reason="An earlier arrival was asked for", **known))
        ]
    return []


PARTY = Party(
    name="dispatch",
    topic=HEARS,
    rejected_topic=f"{SAYS}.rejected",
    group=GROUP,
    react=react,
    phrases={"planned": planned, "moved": moved, "cancelled": cancelled},
)

if __name__ == "__main__":
    sys.exit(main(PARTY))
