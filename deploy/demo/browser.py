"""A browser without scripts: cookies, links, forms with their hidden fields. Just enough to use the portal's pages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
UNSEEN = {"script", "style", "template", "svg", "head"}


class PageUnusable(Exception):
    """A page is not what the demonstration needs; the text says which page and what is missing."""


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: set[str] = field(default_factory=set)
    """Fields of which one value can be chosen; they are sent only where one is."""


@dataclass
class Page:
    """A page as it is read: its words, its answer on top, its links and forms."""

    url: str
    status: int
    html: str
    text: str = ""
    headline: str = ""
    answer: str = ""
    links: dict[str, str] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)

    def form_with(self, *names: str) -> Form:
        """The first form that has these fields. Raises PageUnusable."""
        for form in self.forms:
            if all(name in form.fields for name in names):
                return form
        raise PageUnusable(f"{self.url} ({self.status}) has no form with {', '.join(names)}: {self.headline}")


class _Reader(HTMLParser):
    """Collects what a person would see and could press."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.open: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.answer: list[str] = []
        self.headline: list[str] = []
        self.area: str | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append((tag, given.get("class", "")))
        if tag == "a" and "href" in given:
            self.page.links.setdefault(urljoin(self.page.url, given["href"]), "")
        elif tag == "form":
            action = urljoin(self.page.url, given.get("action") or self.page.url)
            self.page.forms.append(Form(action, given.get("method", "get").lower()))
        elif self.page.forms and given.get("name"):
            self._control(tag, given)
        elif tag == "option" and self.select is not None and "selected" in given:
            self.page.forms[-1].fields[self.select] = given.get("value", "")

    def _control(self, tag: str, given: dict[str, str]) -> None:
        fields, name = self.page.forms[-1].fields, given["name"]
        if tag == "input" and given.get("type") in ("radio", "checkbox"):
            self.page.forms[-1].choices.add(name)
            if "checked" in given:
                fields[name] = given.get("value", "on")
        elif tag in ("input", "textarea"):
            fields[name] = given.get("value", "")
            self.area = name if tag == "textarea" else None
        elif tag == "select":
            fields[name] = ""
            self.select = name

    def handle_endtag(self, tag: str) -> None:
        if tag in ("textarea", "form"):
            self.area = None
        if tag == "select":
            self.select = None
        while self.open:
            name, _ = self.open.pop()
            if name == tag:
                break

    def handle_data(self, data: str) -> None:
        if self.area is not None and self.page.forms:
            self.page.forms[-1].fields[self.area] += data
        tags = {tag for tag, _ in self.open}
        if tags & UNSEEN or not data.strip():
            return
        self.words.append(data.strip())
        if "h1" in tags:
            self.headline.append(data.strip())
        if any("answer" in classes.split() for _, classes in self.open):
            self.answer.append(data.strip())


def read_page(answer: httpx.Response) -> Page:
    page = Page(url=str(answer.url), status=answer.status_code, html=answer.text)
    reader = _Reader(page)
    reader.feed(answer.text)
    page.text = " ".join(reader.words)
    page.headline = " ".join(reader.headline)
    page.answer = " ".join(reader.answer)
    return page


@dataclass
class Browser:
    """One person's browser. `http` keeps the cookies."""

    http: httpx.AsyncClient

    async def visit(self, path: str) -> Page:
        return read_page(await self.http.get(path, follow_redirects=True))

    async def press(self, form: Form, **filled: str) -> httpx.Response:
        """Send a form with what was filled in; the redirect that follows a success is left to `follow`."""
        unknown = set(filled) - set(form.fields) - form.choices
        if unknown:
            raise PageUnusable(f"the form {form.action} has no field {', '.join(sorted(unknown))}")
        return await self.http.request(
            form.method, form.action, data={**form.fields, **filled}, headers={"Origin": str(self.http.base_url)}
        )

    async def follow(self, answer: httpx.Response) -> Page:
        """Where the browser ends after a form. Raises PageUnusable when the form was refused."""
        if answer.is_redirect:
            return await self.visit(urljoin(str(answer.url), answer.headers["location"]))
        page = read_page(answer)
        if not answer.is_success:
            raise PageUnusable(f"{answer.request.method} {answer.url}: {answer.status_code} {page.text[:400]}")
        return page


@asynccontextmanager
async def browser(portal: str, *, language: str) -> AsyncIterator[Browser]:
    """A fresh browser that asks for pages in a language."""
    headers = {"Accept": "text/html", "Accept-Language": language, "User-Agent": "Lockstep demonstration"}
    async with httpx.AsyncClient(base_url=portal, headers=headers, timeout=15.0) as http:
        yield Browser(http)
