"""The mail as it goes over the wire: headers, plain text and HTML.

Written with the older of the standard library's two interfaces: the newer one parses every header that it is given and
takes three times as long for the same mail. Only an address outside ASCII needs it.
"""

from binascii import b2a_qp
from datetime import datetime
from email import message_from_bytes
from email.header import Header
from email.headerregistry import Address
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.policy import SMTPUTF8
from email.utils import format_datetime, formataddr

from email_validator import EmailNotValidError, validate_email

from services.notifier.templates.render import Letter
from shared.contracts.identity import EditionState, PersonState


def compose(
    letter: Letter,
    *,
    message_id: str,
    thread_id: str,
    person: PersonState,
    edition: EditionState | None,
    sender_name: str,
    sender_address: str,
    now: datetime,
) -> Message:
    """Write the mail to one person; `message_id` decides its Message-ID, so that a repeat carries the same one.

    All mails of one ticket answer the same root, which is never sent, so that mail programs show one conversation
    (RFC 5322, 3.6.4).
    """
    domain = sender_address.rpartition("@")[2]
    mail = MIMEMultipart("alternative")
    mail["Message-ID"] = f"<{message_id}@{domain}>"
    mail["In-Reply-To"] = mail["References"] = f"<{thread_id}@{domain}>"
    mail["Date"] = format_datetime(now)
    mail["Subject"] = _words(letter.subject)
    mail["From"] = _mailbox(edition.team_name if edition else sender_name, sender_address)
    address = on_the_wire(person.email)
    if address.isascii():
        mail["To"] = _mailbox(f"{person.first_name} {person.last_name}", address)
    if edition:
        mail["Reply-To"] = _mailbox(edition.team_name, edition.email)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Content-Language"] = letter.language
    mail.attach(_part(letter.text, "plain"))
    mail.attach(_part(letter.html, "html"))
    return mail if address.isascii() else _international(mail, person)


def on_the_wire(address: str) -> str:
    """The address as servers without SMTPUTF8 take it where that is possible: a domain has an ASCII form (RFC 5891)."""
    try:
        return validate_email(address, check_deliverability=False, test_environment=True).ascii_email or address
    except EmailNotValidError:
        return address


def as_sent(mail: Message) -> bytes:
    """The mail in bytes, with the line ends of SMTP."""
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n", mangle_from_=False))


def _part(text: str, kind: str) -> Message:
    part = Message()
    part["Content-Type"] = f'text/{kind}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(b2a_qp(text.encode(), istext=True).decode("ascii"))
    return part


def _international(mail: Message, person: PersonState) -> Message:
    """The same mail to an address that goes over the wire in UTF-8 (RFC 6532)."""
    international = message_from_bytes(mail.as_bytes(), policy=SMTPUTF8)
    user, _, domain = person.email.rpartition("@")
    international["To"] = Address(_one_line(f"{person.first_name} {person.last_name}"), user, domain)
    return international


def _mailbox(name: str, address: str) -> str:
    """A name and an address; a name outside ASCII in encoded words of the length that RFC 2047 allows."""
    name = _one_line(name)
    return formataddr((name, address)) if name.isascii() else f"{_words(name)} <{address}>"


def _words(text: str) -> str:
    return text if text.isascii() else " ".join(Header(text, "utf-8").encode().split())


def _one_line(name: str) -> str:
    """A line break in a name would end the header."""
    return " ".join(name.split())
