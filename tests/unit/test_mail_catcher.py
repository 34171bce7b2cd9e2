"""The mail catcher: what it keeps of a mail and what it shows."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest

from deploy.local.mail_catcher import Mailbox, list_page, listen, message_page


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def port(mailbox: Mailbox) -> AsyncIterator[int]:
    server = await listen(mailbox, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def mail(to: str, subject: str = "Besuch am Montag, 08:00 Uhr") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "service@lockstep.example", to, subject
    message.set_content("Grüße")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    return message


async def send(port: int, to: str) -> None:
    def deliver() -> None:
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.send_message(mail(to))

    await asyncio.to_thread(deliver)


async def test_a_mail_is_kept_with_both_parts_and_its_headers(port: int, mailbox: Mailbox) -> None:
    await send(port, "anna@customer.example")
    (caught,) = mailbox.all()
    assert caught.to == ["anna@customer.example"]
    assert caught.subject == "Besuch am Montag, 08:00 Uhr"
    assert caught.text.strip() == "Grüße"
    assert caught.html.strip() == "<p>Grüße</p>"
    assert caught.headers["From"] == "service@lockstep.example"
    assert caught.as_json()["from"] == "service@lockstep.example"


async def test_the_newest_mail_comes_first_and_one_recipient_can_be_asked_for(port: int, mailbox: Mailbox) -> None:
    for name in ("anna", "ben", "anna"):
        await send(port, f"{name}@customer.example")
    assert [caught.id for caught in mailbox.all()] == ["3", "2", "1"]
    assert [caught.id for caught in mailbox.all("Anna@customer.example")] == ["3", "1"]
    mailbox.clear()
    assert mailbox.all() == []


@pytest.mark.parametrize(("domain", "code"), [("refused.example", 550), ("busy.example", 451)])
async def test_two_domains_refuse_for_good_and_for_now(port: int, mailbox: Mailbox, domain: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await send(port, f"anna@{domain}")
    assert refused.value.recipients[f"anna@{domain}"][0] == code
    assert mailbox.all() == []


def test_markup_in_a_mail_is_shown_and_not_run() -> None:
    mailbox = Mailbox()
    caught = mailbox.add("<i>", ["a@b.example"], mail("a@b.example", subject="<script>alert(1)</script>").as_bytes())
    assert "<script>" not in list_page([caught])
    page = message_page(caught)
    assert "<script>" not in page
    assert "<iframe sandbox" in page
