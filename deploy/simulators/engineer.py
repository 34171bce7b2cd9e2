"""The engineers' devices: get job sheets, say when they travel, arrive, and what they found.

`sequence` counts per visit from 1.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer

from deploy.simulators.agenda import Agenda, strike, under
from deploy.simulators.party import Pace, Party, Planned, main
from deploy.simulators.wire import Message, Record, send, timestamp

SOURCE = "/parties/engineer"
HEARS = "outbound.engineer"
SAYS = "inbound.engineer"
GROUP = "engineer.devices"
JOURNEY = timedelta(minutes=25)
REPAIR = timedelta(minutes=45)

REPORTS: Mapping[str, Mapping[str, Any]] = {
    "E6": {
        "symptom": "Stops with a fuser error after a few pages",
        "cause": "Fuser thermistor worn; temperature out of range",
        "action": "Fuser unit replaced, temperature calibrated, 50 test pages",
        "parts": [{"number": "TV-FU-3010", "name": "Fuser unit", "quantity": 1}],
    },
    "E2": {
        "symptom": "Paper jams at the second tray",
        "cause": "Pick-up rollers glazed",
        "action": "Rollers and separation pad replaced, 100 sheets fed without a jam",
        "parts": [{"number": "TV-RK-2200", "name": "Roller kit", "quantity": 1}],
    },
    "": {
        "symptom": "Fault as described could be seen",
        "cause": "Loose connector at the main board",
        "action": "Connector reseated and secured, self-test passed",
        "parts": [],
    },
}


def travelling(
    job_sheet: Mapping[str, Any], *, now: datetime, expected_at: datetime | str | None = None, **known: Any
) -> Message:
    """The engineer has set out; without `expected_at` he expects a journey of 25 minutes."""
    return _message(
        job_sheet,
        "engineer.visit.travelling.v1",
        {"expected_at": timestamp(expected_at or now + JOURNEY)},
        now=now,
        **{"sequence": 1, **known},
    )


def arrived(job_sheet: Mapping[str, Any], *, now: datetime, **known: Any) -> Message:
    """The engineer stands before the door: the response clock stops at `now`."""
    return _message(job_sheet, "engineer.visit.arrived.v1", {}, now=now, **{"sequence": 2, **known})


def reported(
    job_sheet: Mapping[str, Any],
    *,
    now: datetime,
    outcome: str = "resolved",
    symptom: str | None = None,
    cause: str | None = None,
    action: str | None = None,
    parts: Sequence[Mapping[str, Any]] | None = None,
    counters: Mapping[str, int] | None = None,
    advice: str | None = None,
    **known: Any,
) -> Message:
    """The visit is done. What is not given is taken from the usual report for the error code."""
    code = _inner(job_sheet).get("error_code") or ""
    usual = REPORTS.get(code[:2], REPORTS[""])
    report = {
        "symptom": symptom or usual["symptom"],
        "cause": cause or usual["cause"],
        "action": action or usual["action"],
        "parts": list(parts if parts is not None else usual["parts"]),
        "counters": dict(counters if counters is not None else {"total": 48_211}),
        "outcome": outcome,
    }
    if advice is not None:
        report["advice"] = advice
    return _message(job_sheet, "engineer.visit.reported.v1", report, now=now, **{"sequence": 3, **known})


async def travel(producer: AIOKafkaProducer, job_sheet: Mapping[str, Any], **how: Any) -> Message:
    """Set out and wait for the broker's acknowledgement; see `travelling`."""
    return await send(producer, travelling(job_sheet, **how))


async def arrive(producer: AIOKafkaProducer, job_sheet: Mapping[str, Any], **how: Any) -> Message:
    return await send(producer, arrived(job_sheet, **how))


async def report(producer: AIOKafkaProducer, job_sheet: Mapping[str, Any], **how: Any) -> Message:
    return await send(producer, reported(job_sheet, **how))


def _inner(job_sheet: Mapping[str, Any]) -> Mapping[str, Any]:
    """The job sheet itself, whether it was given alone or as the value of its record."""
    inner: Mapping[str, Any] = job_sheet.get("job_sheet", job_sheet)
    return inner


def _message(
    job_sheet: Mapping[str, Any],
    kind: str,
    details: Mapping[str, Any],
    *,
    now: datetime,
    sequence: int,
    correlation_id: str | None = None,
) -> Message:
    sheet = _inner(job_sheet)
    value = {
        "work_order_id": sheet["work_order_id"],
        "visit_id": sheet["visit_id"],
        "sequence": sequence,
        "occurred_at": timestamp(now),
        **details,
    }
    return Message(SAYS, sheet["work_order_id"], kind, value, SOURCE, sequence=sequence, correlation_id=correlation_id)


def react(record: Record, book: Agenda, now: datetime, pace: Pace) -> list[Planned]:
    """Set out in time for the window, arrive at its beginning, repair and report; a withdrawn sheet is torn up."""
    sheet = record.value.get("job_sheet")
    if sheet is None:
        return []
    said = [
        message
        for message in under(book, sheet["work_order_id"])
        if isinstance(message.value, dict) and message.value["visit_id"] == sheet["visit_id"]
    ]
    if any(message.id not in book.open for message in said):
        return []  # already on the way: the window is no longer ours to choose
    for message in said:
        strike(book, message.id)
    if record.type == "engineer.job-sheet.withdrawn.v1":
        return []
    if pace.minutes is not None:
        step = timedelta(minutes=pace.minutes)
        moments = (now + step, now + 2 * step, now + 3 * step)
    else:
        begins = max(datetime.fromisoformat(sheet["window_from"]), now) if sheet.get("window_from") else now + JOURNEY
        moments = (max(begins - JOURNEY, now), begins, begins + REPAIR)
    thread: dict[str, Any] = {"correlation_id": record.correlation_id}
    return [
        (moments[0], travelling(sheet, now=moments[0], expected_at=moments[1], **thread)),
        (moments[1], arrived(sheet, now=moments[1], **thread)),
        (moments[2], reported(sheet, now=moments[2], **thread)),
    ]


PARTY = Party(
    name="engineer",
    topic=HEARS,
    rejected_topic=f"{SAYS}.rejected",
    group=GROUP,
    react=react,
    phrases={"travelling": travelling, "arrived": arrived, "reported": reported},
)

if __name__ == "__main__":
    sys.exit(main(PARTY))
