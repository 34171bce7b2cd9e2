"""Master records: revisions, and which side wins field by field."""

from datetime import UTC, datetime

from services.identity.back_office.domain import Judgement, changed_fields, judge, merged_rights
from shared.contracts.identity import Right, Role
from shared.contracts.inbound import BackOfficeAccountUpdated


def record(revision: int = 1, **changes: object) -> BackOfficeAccountUpdated:
    message = BackOfficeAccountUpdated(
        ref="A1",
        revision=revision,
        occurred_at=datetime(2026, 11, 23, 9, revision % 60, tzinfo=UTC),
        name="Muster",
        billing_number="B1",
        service_number="S1",
        country="DE",
        language="de",
    )
    return message.model_copy(update=changes)


def test_the_first_and_every_newer_record_applies() -> None:
    assert judge(record(7), None) is Judgement.APPLY
    assert judge(record(8), record(7)) is Judgement.APPLY


def test_older_and_repeated_records_are_known() -> None:
    assert judge(record(6, name="Old"), record(7)) is Judgement.KNOWN
    again = record(7, occurred_at=datetime(2026, 12, 1, tzinfo=UTC))
    assert judge(again, record(7)) is Judgement.KNOWN


def test_the_same_revision_with_other_content_contradicts() -> None:
    assert judge(record(7, name="Other"), record(7)) is Judgement.CONTRADICTS


def test_only_what_the_back_office_changed_is_taken_over() -> None:
    names = ("name", "language")
    assert changed_fields(record(2, name="New"), record(1), names) == {"name": "New"}
    assert changed_fields(record(1), None, names) == {"name": "Muster", "language": "de"}


def test_rights_given_here_survive_a_record() -> None:
    own = Right(account_id="a", role=Role.STOCK_MANAGER, whole=False)
    old = Right(account_id="a", role=Role.DEVICE_MANAGER, whole=True)
    new = Right(account_id="b", role=Role.DEVICE_MANAGER, whole=True)
    assert set(merged_rights([own, old], told=[new], told_before=[old])) == {own, new}


def test_a_right_taken_away_here_stays_away_while_the_back_office_repeats_it() -> None:
    old = Right(account_id="a", role=Role.DEVICE_MANAGER, whole=True)
    assert merged_rights([], told=[old], told_before=[old]) == ()
