"""Which mails events ask for, and what becomes of them."""

from collections.abc import Mapping
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from services.notifier.messages import domain
from services.notifier.messages.domain import Message, MessageKind, SkipReason
from services.notifier.messages.mail import compose, on_the_wire
from services.notifier.messages.store import changed_fields_of, fields_of, id_of, message_of
from services.notifier.preferences.domain import Cadence, complete, wants
from services.notifier.templates.render import Letter
from shared.contracts.identity import Right, Role, StaffRole, UserState, UserStatus
from shared.contracts.notifier import MessageStatus
from shared.contracts.tickets import (
    EngineerArrived,
    EngineerTravelling,
    EntryInShort,
    TicketAcknowledged,
    TicketCancelled,
    TicketClosed,
    TicketEvent,
    TicketOpened,
    TicketResolved,
    TicketStatus,
    TicketStatusChanged,
    TicketUpdated,
    VisitCancelled,
    VisitPlanned,
)
from tests.unit.notifier_samples import EDITION, ENTRY, FACTS, MESSAGE, NOW, PERSON, TICKET, USER


def test_the_contact_hears_first_then_whom_it_is_for_then_who_opened_it() -> None:
    assert domain.recipient(TICKET) == "user-1"
    for_another = TICKET.model_copy(update={"contact_user_id": None, "on_behalf_of": "user-3"})
    assert domain.recipient(for_another) == "user-3"
    assert domain.recipient(TICKET.model_copy(update={"contact_user_id": None})) == "user-2"
    assert domain.recipient(TICKET.model_copy(update={"contact_user_id": None, "opened_by": None})) is None


def test_the_same_event_makes_the_same_message_and_another_person_another_one() -> None:
    claimed = id_of(user_id="user-1", event_id="event-1", kind="visit_planned")
    assert claimed == id_of(user_id="user-1", event_id="event-1", kind="visit_planned")
    assert claimed != id_of(user_id="user-2", event_id="event-1", kind="visit_planned")
    assert claimed != id_of(user_id="user-1", event_id="event-2", kind="visit_planned")


def test_an_event_is_too_old_just_after_its_limit() -> None:
    limit = timedelta(hours=24)
    assert not domain.too_old(NOW - limit, now=NOW, limit=limit)
    assert domain.too_old(NOW - limit - timedelta(seconds=1), now=NOW, limit=limit)


@pytest.mark.parametrize(
    ("changes", "permitted", "wanted", "expected"),
    [
        ({}, True, True, None),
        ({}, True, False, SkipReason.NOT_WANTED),
        ({}, False, True, SkipReason.NOT_PERMITTED),
        ({"status": UserStatus.SUSPENDED}, False, True, SkipReason.NOT_ACTIVE),
        ({"staff_roles": (StaffRole.CONTACT_CENTRE_AGENT,), "rights": ()}, True, True, SkipReason.STAFF),
        (
            {
                "staff_roles": (StaffRole.KNOWLEDGE_EDITOR,),
                "rights": (Right(account_id="account-1", role=Role.ADMINISTRATOR, whole=True),),
            },
            True,
            True,
            None,
        ),
    ],
)
def test_state_permission_and_preference_decide_when_the_mail_leaves(
    changes: dict[str, object], permitted: bool, wanted: bool, expected: SkipReason | None
) -> None:
    user = USER.model_copy(update=changes)
    assert domain.refusal(user, PERSON, permitted=permitted, wanted=wanted) is expected


@pytest.mark.parametrize(("user", "person"), [(None, PERSON), (USER, None)])
def test_nobody_is_mailed_before_he_is_known(user: UserState | None, person: None) -> None:
    assert domain.refusal(user, person, permitted=True, wanted=True) is SkipReason.PERSON_UNKNOWN


def test_only_a_refusal_that_a_late_view_explains_is_looked_at_again_and_not_for_ever() -> None:
    soon, late = NOW + timedelta(seconds=5), NOW + domain.VIEW_GRACE
    assert domain.may_heal(SkipReason.PERSON_UNKNOWN, queued_at=NOW, now=soon)
    assert domain.may_heal(SkipReason.NOT_PERMITTED, queued_at=NOW, now=soon)
    assert not domain.may_heal(SkipReason.NOT_PERMITTED, queued_at=NOW, now=late)
    assert not domain.may_heal(SkipReason.NOT_WANTED, queued_at=NOW, now=soon)


def test_pauses_grow_and_then_stay() -> None:
    pauses = [domain.pause_after(attempt) for attempt in range(1, 9)]
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=2)
    assert pauses[-1] == pauses[-2] == timedelta(minutes=30)


def test_a_crash_between_handover_and_record_allows_one_repeat_and_no_second_one() -> None:
    first = domain.handed_over(MESSAGE)
    assert domain.repeat_allowed(first)
    repeated = domain.handed_over(first)
    assert (repeated.attempt, repeated.unanswered) == (2, 1)
    assert not domain.repeat_allowed(repeated)


def test_a_lost_answer_counts_like_a_crash() -> None:
    lost = domain.postponed(domain.handed_over(MESSAGE), reason="answer_lost", unanswered=True)
    assert domain.repeat_allowed(lost)
    lost_again = domain.postponed(domain.handed_over(lost), reason="answer_lost", unanswered=True)
    assert not domain.repeat_allowed(lost_again)


def test_refusals_for_now_allow_any_number_of_attempts() -> None:
    message = MESSAGE
    for _ in range(20):
        message = domain.postponed(domain.handed_over(message), reason="deferred_451", unanswered=False)
        message = domain.unreached(message, reason="unreachable")
    assert domain.repeat_allowed(message)
    assert message.attempt == 40


def test_a_mail_that_was_tried_until_too_old_has_failed_and_one_never_tried_is_skipped() -> None:
    tried = domain.unreached(MESSAGE, reason="unreachable")
    failed = domain.dropped(tried, SkipReason.TOO_OLD, now=NOW)
    assert (failed.status, failed.reason) == (MessageStatus.FAILED, "unreachable")
    skipped = domain.dropped(MESSAGE, SkipReason.TOO_OLD, now=NOW)
    assert (skipped.status, skipped.reason) == (MessageStatus.SKIPPED, "too_old")


def test_the_published_state_holds_no_address_and_no_words() -> None:
    sent = domain.sent(MESSAGE, language="de", subject="Ticket", template_version="def", now=NOW)
    assert sent.changed().model_dump(mode="json") == {
        "message": {
            "message_id": MESSAGE.message_id,
            "user_id": "user-1",
            "kind": "visit_planned",
            "ticket_id": FACTS.ticket_id,
            "status": "sent",
            "reason": None,
            "template_version": "def",
            "at": "2026-12-04T19:13:00Z",
        }
    }


def test_a_stored_message_reads_back_as_it_was() -> None:
    handed = domain.handed_over(MESSAGE)
    document = {"_id": MESSAGE.message_id, "version": 1, **fields_of(MESSAGE), **changed_fields_of(handed)}
    assert message_of(document) == handed


def test_whoever_has_chosen_nothing_gets_every_mail() -> None:
    assert set(complete({}).values()) == {Cadence.AT_ONCE}
    chosen = {domain.MessageKind.TICKET_CLOSED: Cadence.OFF}
    assert not wants(chosen, domain.MessageKind.TICKET_CLOSED)
    assert wants(chosen, domain.MessageKind.TICKET_OPENED)


def composed(message: Message = MESSAGE, first_name: str = "Anna") -> bytes:
    letter = Letter(
        subject="Ticket T-1: größer", text="Grüße\n", html="<p>Grüße</p>", language="de", template_version="v"
    )
    return compose(
        letter,
        message_id=message.message_id,
        thread_id=message.facts.ticket_id,
        person=PERSON.model_copy(update={"first_name": first_name}),
        edition=EDITION,
        sender_name="Lockstep",
        sender_address="service@lockstep.example",
        now=NOW,
    ).as_bytes()


def test_a_mail_carries_the_headers_of_an_automatic_message() -> None:
    mail = message_from_bytes(composed(), policy=policy.default)
    assert mail["Message-ID"] == f"<{MESSAGE.message_id}@lockstep.example>"
    assert mail["References"] == mail["In-Reply-To"] == f"<{MESSAGE.facts.ticket_id}@lockstep.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "de"
    assert mail["Subject"] == "Ticket T-1: größer"
    assert mail["From"] == "Lockstep Service <service@lockstep.example>"
    assert mail["To"] == "Anna Müller <anna@customer.example>"
    assert mail["Reply-To"] == "Lockstep Service <service.de@lockstep.example>"
    assert mail["Date"] == "Fri, 04 Dec 2026 19:13:00 +0000"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert composed().isascii()


def test_a_line_break_in_a_name_makes_no_header() -> None:
    mail = message_from_bytes(composed(first_name="Anna\r\nBcc: all@customer.example"), policy=policy.default)
    assert mail["Bcc"] is None


@pytest.mark.parametrize(
    "name",
    [
        'Smith, "The; <Printer>' + " of the very long department" * 8,
        "(comment) @all, everybody: one;" + "x" * 200,
        "Grüße, <eve@evil.example>" * 8,
        "a" * 400,
        '\\" <eve@evil.example>, "',
    ],
)
def test_a_name_of_any_length_and_signs_stays_the_name_of_one_address(name: str) -> None:
    mail = message_from_bytes(composed(first_name=name), policy=policy.default)
    (mailbox,) = mail["To"].addresses
    assert mailbox.addr_spec == "anna@customer.example"
    assert mailbox.display_name.replace(" ", "") == f"{name}Müller".replace(" ", "")


@pytest.mark.parametrize(
    ("address", "sent_to"),
    [
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@firm.example", "anna@firm.example"),
        ("jürgen@firm.example", "jürgen@firm.example"),
    ],
)
def test_a_domain_has_an_ascii_form_that_every_server_takes(address: str, sent_to: str) -> None:
    assert on_the_wire(address) == sent_to


EXPECTED: Mapping[TicketStatus, tuple[type[TicketEvent], MessageKind | None]] = {
    TicketStatus.RECEIVED: (TicketOpened, MessageKind.TICKET_OPENED),
    TicketStatus.ACKNOWLEDGED: (TicketAcknowledged, None),
    TicketStatus.IN_PROGRESS: (TicketStatusChanged, None),
    TicketStatus.WAITING_FOR_CUSTOMER: (TicketStatusChanged, MessageKind.TICKET_WAITING),
    TicketStatus.WAITING_FOR_PARTS: (TicketStatusChanged, None),
    TicketStatus.VISIT_PLANNED: (VisitPlanned, MessageKind.VISIT_PLANNED),
    TicketStatus.ON_THE_WAY: (EngineerTravelling, MessageKind.ENGINEER_TRAVELLING),
    TicketStatus.ON_SITE: (EngineerArrived, None),
    TicketStatus.RESOLVED: (TicketResolved, MessageKind.TICKET_RESOLVED),
    TicketStatus.CLOSED: (TicketClosed, MessageKind.TICKET_CLOSED),
    TicketStatus.CANCELLED: (TicketCancelled, MessageKind.TICKET_CANCELLED),
}
"""What the page promises after a report: a mail when somebody comes, when an answer is needed, and at the end."""


def happened(kind: type[TicketEvent], status: TicketStatus, **changes: Any) -> TicketEvent:
    entry = changes.pop("entry", None)
    ticket = TICKET.model_copy(update={"status": status, "latest_entries": ()} | changes)
    visit = {"visit_id": "visit-1"} if "visit_id" in kind.model_fields else {}
    return kind.model_validate({"ticket": ticket, "occurred_at": NOW, "entry": entry, **visit})


@pytest.mark.parametrize("status", TicketStatus)
def test_each_state_is_mailed_as_the_page_promises(status: TicketStatus) -> None:
    event, expected = EXPECTED[status]
    assert domain.kind_of(happened(event, status)) is expected


def test_a_question_is_mailed_once_with_its_words_or_without() -> None:
    waiting = TicketStatus.WAITING_FOR_CUSTOMER
    short = EntryInShort(entry_id="e", at=NOW, author="team", text="Which tray?")
    asked = {"latest_entries": (short,)}
    assert domain.kind_of(happened(TicketUpdated, waiting, entry=ENTRY, **asked)) is MessageKind.TICKET_WAITING
    assert domain.kind_of(happened(TicketStatusChanged, waiting, **asked)) is None, "its words travel beside it"
    assert domain.kind_of(happened(TicketStatusChanged, waiting, entry=ENTRY, **asked)) is MessageKind.TICKET_WAITING
    before = short.model_copy(update={"at": NOW - timedelta(minutes=1)})
    silent = happened(TicketStatusChanged, waiting, latest_entries=(before,))
    assert domain.kind_of(silent) is MessageKind.TICKET_WAITING


def test_a_visit_that_is_called_off_with_its_ticket_is_not_mailed_beside_it() -> None:
    assert domain.kind_of(happened(VisitCancelled, TicketStatus.IN_PROGRESS)) is MessageKind.VISIT_CANCELLED
    for status in (TicketStatus.CANCELLED, TicketStatus.RESOLVED, TicketStatus.CLOSED):
        assert domain.kind_of(happened(VisitCancelled, status)) is None
