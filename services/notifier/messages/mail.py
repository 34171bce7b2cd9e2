"""The mail as it goes over the wire: headers, plain text and HTML."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from services.notifier.templates.render import Letter
from shared.contracts.identity import EditionState, PersonState


def compose(
    letter: Letter,
    *,
    message_id: str,
    person: PersonState,
    edition: EditionState | None,
    sender_name: str,
    sender_address: str,
    now: datetime,
) -> EmailMessage:
    """Write the mail to one person; `message_id` decides its Message-ID, so that a repeat carries the same one."""
    mailbox, _, domain = sender_address.partition("@")
    mail = EmailMessage()
    mail["Message-ID"] = f"<{message_id}@{domain}>"
    mail["Date"] = format_datetime(now)
    mail["Subject"] = letter.subject
    mail["From"] = Address(edition.team_name if edition else sender_name, mailbox, domain)
    mail["To"] = _address(f"{person.first_name} {person.last_name}", person.email)
    if edition:
        mail["Reply-To"] = _address(edition.team_name, edition.email)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    # Only now: making the alternatives moves every Content- header into the first of them.
    mail["Content-Language"] = letter.language
    return mail


def _address(name: str, address: str) -> Address:
    mailbox, _, domain = address.rpartition("@")
    # A line break in a name would end the header; the rest is quoted by the header registry.
    return Address(" ".join(name.split()), mailbox, domain)
