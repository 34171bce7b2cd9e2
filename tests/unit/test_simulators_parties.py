"""The simulated parties say what the contract allows, once each, in product time."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.simulators import back_office, contact_centre, dispatch, engineer
from deploy.simulators.agenda import Agenda, agenda, due, strike, take_on
from deploy.simulators.party import Pace, Planned, React
from deploy.simulators.wire import Message, Record, product_time
from shared.contracts.catalogue import BY_TYPE

NOW = datetime(2027, 1, 5, 15, 40, tzinfo=UTC)
WORK_ORDER: dict[str, Any] = {
    "work_order_id": "wo-1",
    "ticket_id": "t-1",
    "ticket_number": "LS-1",
    "site": {"time_zone": "Europe/Helsinki"},
    "target_arrival": "2027-01-07T10:00:00Z",
}
JOB_SHEET = {
    "work_order_id": "wo-1",
    "visit_id": "V-1",
    "error_code": "E602-0001",
    "window_from": "2027-01-07T06:00:00Z",
    "window_to": "2027-01-07T08:00:00Z",
}
CASE = {"ticket_id": "t-1", "status": "received"}


def heard(kind: str, value: dict[str, Any], sequence: int = 3) -> Record:
    headers = {"ce_type": kind, "ce_sequence": str(sequence), "ce_correlationid": "c-1"}
    return Record("outbound", 0, 0, "t-1", kind, value, headers)


def requested() -> Record:
    return heard("dispatch.work-order.requested.v1", {"work_order": WORK_ORDER})


def answer(react: React, record: Record, book: Agenda, pace: Pace = Pace(0)) -> list[Planned]:  # noqa: B008
    plans = react(record, book, NOW, pace)
    for at, message in plans:
        take_on(book, at, message)
    return plans


MESSAGES = [
    dispatch.planned(WORK_ORDER, now=NOW),
    dispatch.moved(WORK_ORDER, now=NOW, window_from=NOW, window_to=NOW + timedelta(hours=2), reason="Snow"),
    dispatch.cancelled({"work_order": WORK_ORDER}, now=NOW),
    engineer.travelling(JOB_SHEET, now=NOW),
    engineer.arrived(JOB_SHEET, now=NOW),
    engineer.reported({"job_sheet": JOB_SHEET}, now=NOW, advice="Keep the lid closed"),
    contact_centre.acknowledged(CASE, now=NOW),
    contact_centre.replied(CASE, now=NOW, text="Hyvää päivää", language="fi"),
    contact_centre.resolved(CASE, now=NOW),
    contact_centre.closed({"case": CASE}, now=NOW, text="Done"),
    contact_centre.opened({}, now=NOW, serial="TV1", description="Jam"),
    back_office.master_record(
        "back-office.model.updated.v1", {"ref": "m", "name": "X", "occurred_at": "2027-01-05T15:40:00Z"}
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_what_a_party_says_fits_the_contract_of_its_topic(message: Message) -> None:
    event = BY_TYPE[message.type].model_validate_json(message.body)
    assert event.topic == message.topic
    headers = dict(message.headers())
    assert headers["ce_type"].decode() == message.type
    assert headers["ce_subject"].decode() == message.key


def test_a_repeated_message_keeps_its_id() -> None:
    assert dispatch.planned(WORK_ORDER, now=NOW).id == dispatch.planned(WORK_ORDER, now=NOW).id
    assert dispatch.planned(WORK_ORDER, now=NOW).id != dispatch.cancelled(WORK_ORDER, now=NOW).id


def test_the_window_of_a_visit_ends_by_the_target_arrival() -> None:
    assert dispatch.window(WORK_ORDER, NOW)[1] == datetime(2027, 1, 7, 10, tzinfo=UTC)


def test_a_visit_without_a_target_is_planned_for_the_next_working_morning_of_the_site() -> None:
    friday = datetime(2027, 1, 8, 15, tzinfo=UTC)
    begins, _ = dispatch.window({"site": {"time_zone": "Europe/Helsinki"}}, friday)
    assert begins == datetime(2027, 1, 11, 7, tzinfo=UTC)


def test_a_visit_is_never_planned_at_less_than_an_hours_notice() -> None:
    begins, _ = dispatch.window(WORK_ORDER, datetime(2027, 1, 7, 9, 50, tzinfo=UTC))
    assert begins == datetime(2027, 1, 7, 11, tzinfo=UTC)


def test_a_work_order_that_is_heard_twice_is_planned_once() -> None:
    book = agenda()
    assert len(answer(dispatch.react, requested(), book)) == 1
    assert answer(dispatch.react, requested(), book) == []


def test_a_withdrawn_work_order_cancels_the_visit_that_was_planned() -> None:
    book = agenda()
    [(_, plan)] = answer(dispatch.react, requested(), book)
    strike(book, plan.id)
    withdrawn = heard("dispatch.work-order.withdrawn.v1", {"work_order": WORK_ORDER, "reason": "cancelled"})
    [(_, cancelled)] = answer(dispatch.react, withdrawn, book)
    assert isinstance(plan.value, dict) and isinstance(cancelled.value, dict)
    assert cancelled.value["visit_id"] == plan.value["visit_id"]
    assert cancelled.sequence == 2


def test_a_work_order_that_is_withdrawn_before_it_was_planned_is_forgotten() -> None:
    book = agenda()
    answer(dispatch.react, requested(), book)
    withdrawn = heard("dispatch.work-order.withdrawn.v1", {"work_order": WORK_ORDER, "reason": "cancelled"})
    assert answer(dispatch.react, withdrawn, book) == []
    assert due(book, NOW + timedelta(days=9)) == []


def test_an_engineer_follows_his_window() -> None:
    plans = engineer.react(heard("engineer.job-sheet.issued.v1", {"job_sheet": JOB_SHEET}), agenda(), NOW, Pace())
    assert [at for at, _ in plans] == [
        datetime(2027, 1, 7, 5, 35, tzinfo=UTC),
        datetime(2027, 1, 7, 6, 0, tzinfo=UTC),
        datetime(2027, 1, 7, 6, 45, tzinfo=UTC),
    ]
    assert [message.sequence for _, message in plans] == [1, 2, 3]


def test_a_moved_window_replaces_the_engineers_plan() -> None:
    book = agenda()
    answer(engineer.react, heard("engineer.job-sheet.issued.v1", {"job_sheet": JOB_SHEET}), book, Pace())
    later = JOB_SHEET | {"window_from": "2027-01-08T06:00:00Z"}
    answer(engineer.react, heard("engineer.job-sheet.changed.v1", {"job_sheet": later}), book, Pace())
    assert due(book, datetime(2027, 1, 7, 23, tzinfo=UTC)) == []
    assert len(due(book, datetime(2027, 1, 8, 7, tzinfo=UTC))) == 3


def test_a_withdrawn_job_sheet_is_torn_up() -> None:
    book = agenda()
    answer(engineer.react, heard("engineer.job-sheet.issued.v1", {"job_sheet": JOB_SHEET}), book, Pace())
    answer(engineer.react, heard("engineer.job-sheet.withdrawn.v1", {"job_sheet": JOB_SHEET}), book, Pace())
    assert due(book, NOW + timedelta(days=9)) == []


def test_the_contact_centre_acknowledges_and_closes_once_each() -> None:
    book = agenda()
    opened = heard("contact-centre.case.opened.v1", {"case": CASE})
    resolved = heard("contact-centre.case.changed.v1", {"case": CASE | {"status": "resolved"}})
    said = [answer(contact_centre.react, record, book) for record in (opened, opened, resolved, resolved)]
    assert [[message.type for _, message in plans] for plans in said] == [
        ["contact-centre.ticket.acknowledged.v1"],
        [],
        ["contact-centre.ticket.closed.v1"],
        [],
    ]


def test_an_agenda_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "dispatch.jsonl"
    book = agenda(file)
    first, second = dispatch.planned(WORK_ORDER, now=NOW), dispatch.cancelled(WORK_ORDER, now=NOW)
    take_on(book, NOW, first)
    take_on(book, NOW, second)
    strike(book, first.id)
    assert due(agenda(file), NOW) == [second]


def test_the_parties_clock_follows_the_offset_file(tmp_path: Path) -> None:
    file = tmp_path / "offset"
    before = product_time({"CLOCK_OFFSET_FILE": str(file)})
    file.write_text("86400\n")
    assert timedelta(hours=23) < product_time({"CLOCK_OFFSET_FILE": str(file)}) - before < timedelta(hours=25)


def test_a_master_record_without_a_ref_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a ref"):
        back_office.master_record("back-office.model.updated.v1", {"name": "X"})


def test_a_line_that_cannot_be_sent_is_named(tmp_path: Path) -> None:
    file = tmp_path / "master.jsonl"
    file.write_text('{"type": "back-office.model.updated.v1", "value": {"ref": "m"}}\n{"type": "nonsense"}\n')
    with pytest.raises(ValueError, match="line 2"):
        list(back_office.read_file(file))


def test_the_parties_import_nothing_of_the_product() -> None:
    for file in Path(dispatch.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert not name.startswith(("shared", "services")), f"{file.name} imports {name}"
                assert not name.startswith("deploy") or name.startswith("deploy.simulators"), f"{file.name}: {name}"
