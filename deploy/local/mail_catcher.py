"""Catches every mail that the services send and shows it: an SMTP port, a page and a small JSON interface.

    GET /                        the page
    GET /messages/<id>           one message as a page
    GET /api/messages[?to=…&limit=…]  newest first: id, to, from, subject, headers, text, html, received_at
    GET /api/messages/<id>       one message
    DELETE /api/messages         forget all

Mail to `…@refused.example` is refused for good (550), mail to `…@busy.example` for now (451), so that bounces and
retries can be tried. Nothing is kept on disk; the newest 2,000 messages are kept in memory.
"""

import argparse
import asyncio
import json
import signal
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
KEPT = 2000
LARGEST_BYTES = 20_000_000
REFUSED = "refused.example"
BUSY = "busy.example"


@dataclass(frozen=True)
class CaughtMessage:
    """One mail as it arrived; `to` and `sender` are from the SMTP dialogue, not from the headers.

    It is taken apart when somebody looks at it: under load nobody does, and every mail would cost milliseconds.
    """

    id: str
    to: list[str]
    sender: str
    content: bytes
    received_at: str

    @cached_property
    def _parsed(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def subject(self) -> str:
        return str(self._parsed["Subject"] or "")

    @property
    def headers(self) -> dict[str, str]:
        return {name: str(value) for name, value in self._parsed.items()}

    @property
    def text(self) -> str:
        return _body(self._parsed, "plain")

    @property
    def html(self) -> str:
        return _body(self._parsed, "html")

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "to": self.to,
            "from": self.sender,
            "subject": self.subject,
            "headers": self.headers,
            "text": self.text,
            "html": self.html,
            "received_at": self.received_at,
        }


class Mailbox:
    """All caught messages, newest first; safe to use from several threads."""

    def __init__(self) -> None:
        self._messages: deque[CaughtMessage] = deque(maxlen=KEPT)
        self._count = 0
        self._lock = threading.Lock()

    def add(self, sender: str, to: list[str], content: bytes) -> CaughtMessage:
        with self._lock:
            self._count += 1
            caught = CaughtMessage(str(self._count), to, sender, content, datetime.now(UTC).isoformat())
            self._messages.appendleft(caught)
        return caught

    def all(self, to: str | None = None, limit: int = KEPT) -> list[CaughtMessage]:
        with self._lock:
            messages = list(self._messages)
        found = (message for message in messages if to is None or to.lower() in map(str.lower, message.to))
        return list(islice(found, limit))

    def find(self, message_id: str) -> CaughtMessage | None:
        return next((message for message in self.all() if message.id == message_id), None)

    def clear(self) -> None:
        with self._lock:
            self._messages.clear()


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


class Receiver:
    """What aiosmtpd asks while it receives; the method names are its own."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        domain = address.rpartition("@")[2].lower()
        if domain == REFUSED:
            return "550 5.1.1 no such mailbox"
        if domain == BUSY:
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        caught = self._mailbox.add(envelope.mail_from or "", list(envelope.rcpt_tos), envelope.original_content or b"")
        return f"250 OK caught as {caught.id}"


STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1d2733}
table{width:100%;border-collapse:collapse}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #d5dbe1}
iframe{width:100%;height:36rem;border:1px solid #d5dbe1}pre{white-space:pre-wrap;background:#f4f6f8;padding:1rem}"""


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>'


def list_page(messages: list[CaughtMessage]) -> str:
    rows = "".join(
        f"<tr><td>{escape(message.received_at[:19])}</td><td>{escape(', '.join(message.to))}</td>"
        f'<td><a href="/messages/{message.id}">{escape(message.subject) or "(no subject)"}</a></td></tr>'
        for message in messages
    )
    head = "<thead><tr><th>Received (UTC)</th><th>To</th><th>Subject</th></tr></thead>"
    table = f"<table>{head}<tbody>{rows}</tbody></table>"
    return _page(f"Caught mail ({len(messages)})", table if messages else "<p>No mail yet.</p>")


def message_page(message: CaughtMessage) -> str:
    headers = "".join(f"{escape(name)}: {escape(value)}\n" for name, value in message.headers.items())
    html = ""
    if message.html:
        # The sandbox keeps scripts of a mail from running in this page.
        html = f'<iframe sandbox title="HTML part" srcdoc="{escape(message.html)}"></iframe>'
    back = '<p><a href="/">All mail</a></p>'
    return _page(
        message.subject,
        f"{back}{html}<h2>Text</h2><pre>{escape(message.text)}</pre><h2>Headers</h2><pre>{headers}</pre>",
    )


def _handler(mailbox: Mailbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            match url.path.strip("/").split("/"):
                case [""]:
                    self._answer(list_page(mailbox.all()))
                case ["messages", message_id] if (message := mailbox.find(message_id)) is not None:
                    self._answer(message_page(message))
                case ["api", "messages"]:
                    asked = parse_qs(url.query)
                    limit = asked.get("limit", [""])[0]
                    found = mailbox.all(asked.get("to", [None])[0], int(limit) if limit.isdecimal() else KEPT)
                    self._answer([message.as_json() for message in found])
                case ["api", "messages", message_id] if (message := mailbox.find(message_id)) is not None:
                    self._answer(message.as_json())
                case _:
                    self._answer({"error": "not found"}, HTTPStatus.NOT_FOUND)

        def do_DELETE(self) -> None:
            if self.path.rstrip("/") == "/api/messages":
                mailbox.clear()
                self._answer({"messages": 0})
            else:
                self._answer({"error": "not found"}, HTTPStatus.NOT_FOUND)

        def _answer(self, content: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
            is_page = isinstance(content, str)
            body = (content if is_page else json.dumps(content, ensure_ascii=False)).encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{'text/html' if is_page else 'application/json'}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet: tests ask often, and a log line each would hide what matters."""

    return Handler


async def listen(mailbox: Mailbox, host: str, port: int) -> asyncio.Server:
    """Take mail on a port (0: any that is free) in the running event loop."""
    loop = asyncio.get_running_loop()
    receiver = Receiver(mailbox)
    return await loop.create_server(
        lambda: SMTP(receiver, data_size_limit=LARGEST_BYTES, enable_SMTPUTF8=True, loop=loop), host, port
    )


async def serve(smtp_port: int, web_port: int, host: str = HOST) -> None:
    """Serve until SIGTERM or SIGINT."""
    mailbox = Mailbox()
    server = await listen(mailbox, host, smtp_port)
    web = ThreadingHTTPServer((host, web_port), _handler(mailbox))
    threading.Thread(target=web.serve_forever, name="web", daemon=True).start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    web.shutdown()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="catch mail and show it")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--web-port", type=int, required=True)
    parser.add_argument("--host", default=HOST, help="where to listen; 0.0.0.0 inside a container")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.smtp_port, arguments.web_port, arguments.host))
