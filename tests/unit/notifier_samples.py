"""A ticket, its readers and a country edition, as the notifier's tests use them."""

from datetime import UTC, datetime, time, timedelta

from services.notifier.messages.domain import Message, MessageKind, TicketFacts
from services.notifier.templates.render import Reader
from shared.contracts.catalog import Entitlement, Location, Site
from shared.contracts.identity import EditionState, OpeningHours, PersonState, Right, Role, UserState, UserStatus
from shared.contracts.tickets import (
    Part,
    PromiseState,
    PublicEntry,
    ReportState,
    TicketDevice,
    TicketState,
    TicketStatus,
    VisitState,
    VisitStatus,
)

# A Friday evening in Berlin: work starts on Monday.
OPENED_AT = datetime(2026, 12, 4, 19, 12, tzinfo=UTC)
NOW = OPENED_AT + timedelta(minutes=1)

VISIT = VisitState(
    visit_id="visit-1",
    work_order_id="work-order-1",
    status=VisitStatus.PLANNED,
    window_from=datetime(2026, 12, 7, 7, 0, tzinfo=UTC),
    window_to=datetime(2026, 12, 7, 9, 0, tzinfo=UTC),
    expected_at=datetime(2026, 12, 7, 7, 40, tzinfo=UTC),
)

TICKET = TicketState(
    ticket_id="0193a5c0-0000-7000-8000-000000000001",
    number="T-104217",
    status=TicketStatus.RECEIVED,
    account_id="account-1",
    device=TicketDevice(
        device_id="device-1",
        serial="LS7K004213",
        model_id="model-1",
        model_name="Lockstep C450",
        own_name="Copier 3 North",
    ),
    group_ids=("group-1",),
    site=Site(
        site_id="site-1",
        name="Main plant",
        street="Hafenstraße 12",
        postcode="20457",
        city="Hamburg",
        country="DE",
        time_zone="Europe/Berlin",
    ),
    location=Location(building="B", floor="3", room="3.14", note="behind the glass door"),
    contact_user_id="user-1",
    opened_by="user-2",
    own_reference="PO <4711> & more",
    description="Grinds & smells <burnt>.\nPaper jams in tray 2.",
    language="en",
    error_code="E602-0001",
    entitlement=Entitlement(level="gold", calendar="de-5x9"),
    contract_line_id="line-1",
    promise=PromiseState(
        work_starts_at=datetime(2026, 12, 7, 7, 0, tzinfo=UTC),
        acknowledge_by=datetime(2026, 12, 7, 8, 0, tzinfo=UTC),
        engineer_by=datetime(2026, 12, 7, 11, 0, tzinfo=UTC),
        resolve_by=datetime(2026, 12, 8, 15, 30, tzinfo=UTC),
        time_zone="Europe/Berlin",
    ),
    visits=(VISIT,),
    report=ReportState(
        visit_id="visit-1",
        symptom="Grinding noise",
        cause="Fuser unit worn out",
        action="Fuser unit replaced, paper path cleaned",
        parts=(Part(number="FU-450", name="Fuser unit", quantity=1), Part(number="RO-2", name="Roller", quantity=2)),
        outcome="resolved",
        advice="Use paper of at most 120 g/m² in tray 2",
        reported_at=datetime(2026, 12, 7, 9, 30, tzinfo=UTC),
    ),
    opened_at=OPENED_AT,
    status_since=OPENED_AT,
)

ENTRY = PublicEntry(
    entry_id="entry-1", at=NOW, author="team", text="Which tray jams? <1> or <2>?\nPlease look.", language="en"
)

FACTS = TicketFacts.of(TICKET, visit_id="visit-1", entry=ENTRY)

EDITION = EditionState(
    country="DE",
    languages=("de", "en"),
    time_zone="Europe/Berlin",
    holiday_country="DE",
    opening_hours=(
        *(OpeningHours(weekday=weekday, opens=time(8), closes=time(17, 30)) for weekday in range(5)),
        OpeningHours(weekday=5, opens=time(9), closes=time(12)),
    ),
    phone="+49 40 555 0100",
    email="service.de@lockstep.example",
    address="Lockstep, Kaistraße 1, 20457 Hamburg",
    terms_version="2026-1",
    team_name="Lockstep Service",
)

READERS = {
    "de": Reader(name="Anna Müller", language="de", country="DE", time_zone="Europe/Berlin"),
    "fi": Reader(name="Aino Virtanen", language="fi", country="FI", time_zone="Europe/Helsinki"),
    "fr": Reader(name="Zoé Lefèvre", language="fr", country="FR", time_zone="Europe/Paris"),
    "it": Reader(name="Giulia Rossi", language="it", country="IT", time_zone="Europe/Rome"),
    "es": Reader(name="Lucía Núñez", language="es", country="ES", time_zone="Atlantic/Canary"),
    "en": Reader(name="Grace O'Neill", language="en", country="GB", time_zone="Europe/London"),
}

USER = UserState(
    user_id="user-1",
    status=UserStatus.ACTIVE,
    rights=(Right(account_id="account-1", role=Role.DEVICE_MANAGER, whole=True),),
    country="DE",
    language="de",
    time_zone="Europe/Berlin",
)

PERSON = PersonState(user_id="user-1", first_name="Anna", last_name="Müller", email="anna@customer.example")

MESSAGE = Message(
    message_id="6a0d5a0e-0000-5000-8000-000000000001",
    user_id="user-1",
    kind=MessageKind.VISIT_PLANNED,
    event_id="event-1",
    event_at=OPENED_AT,
    event_sequence=3,
    facts=FACTS,
    template_version="abc",
    queued_at=NOW,
    at=NOW,
)
