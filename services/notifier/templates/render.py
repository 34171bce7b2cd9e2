"""From a ticket's facts and a reader to the words of a mail: HTML and plain text from the same sentences."""

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.runtime import Context

from services.notifier.messages.domain import MessageKind, TicketFacts
from services.notifier.templates.catalogues import LANGUAGES, catalogue_path, load_catalogues, supported
from services.notifier.templates.dates import Dates, locale_of
from services.notifier.templates.look import accent_of
from shared.contracts.identity import EditionState

MAIL_FOLDER = Path(__file__).parent / "mail"


@dataclass(frozen=True)
class Reader:
    """The person who will read the mail: his language and zone decide, not those of who acted."""

    name: str
    language: str
    country: str
    time_zone: str


@dataclass(frozen=True)
class Letter:
    """The words of one mail."""

    subject: str
    text: str
    html: str
    language: str
    template_version: str


class Templates:
    """All mail templates in all languages, loaded once; immutable afterwards.

    `version` names the words and the look together: it changes with any template or catalogue file.
    """

    def __init__(self, *, public_url: str) -> None:
        self.version = _version()
        self._public_url = public_url.rstrip("/")
        self._texts = load_catalogues()
        self._html = {language: _environment(self._texts[language], html=True) for language in LANGUAGES}
        self._plain = {language: _environment(self._texts[language], html=False) for language in LANGUAGES}

    def render(self, kind: MessageKind, facts: TicketFacts, *, reader: Reader, edition: EditionState | None) -> Letter:
        """Write the mail for `reader`; without an `edition` it names no phone line."""
        language = supported(reader.language)
        dates = Dates(locale_of(language, reader.country), self._texts[language], ZoneInfo(reader.time_zone))
        visible = self._visible(facts, reader=reader, dates=dates, edition=edition)
        plain, html = (
            environments[language].get_template(f"{kind}.jinja") for environments in (self._plain, self._html)
        )
        subject = _one_line(_block(plain, "subject", visible))
        return Letter(
            subject=subject,
            text=_tidy(plain.render(visible, subject=subject)),
            html=html.render(visible, subject=subject),
            language=language,
            template_version=self.version,
        )

    def _visible(
        self, facts: TicketFacts, *, reader: Reader, dates: Dates, edition: EditionState | None
    ) -> dict[str, object]:
        visit, report = facts.visit, facts.report
        parts = report.parts if report else ()
        start, end = (visit.window_from, visit.window_to) if visit else (None, None)
        gettext = dates.texts.ugettext
        floor = facts.location.floor
        place = [
            facts.location.building,
            gettext("floor %(floor)s") % {"floor": floor} if floor and floor.isdecimal() and int(floor) else floor,
            facts.location.room and gettext("room %(room)s") % {"room": facts.location.room},
            facts.location.note,
        ]
        device = f"{facts.device.model_name}, {facts.device.serial}"
        return {
            "language": dates.texts.info().get("language", reader.language),
            "name": reader.name,
            "ticket": facts,
            "visit": visit,
            "report": report,
            "device": f"{facts.device.own_name} ({device})" if facts.device.own_name else device,
            "site": f"{facts.site.name}, {facts.site.street}, {facts.site.postcode} {facts.site.city}",
            "place": ", ".join(part for part in place if part),
            "parts": ", ".join(f"{part.quantity} × {part.name} ({part.number})" for part in parts),
            "window": dates.window(start, end) if start and end else None,
            "window_day": dates.day(start) if start and end else None,
            "moment": dates.moment,
            "zone": dates.zone_name(),
            "edition": edition,
            "accent": accent_of(edition.country if edition else None),
            "team": edition.team_name if edition else None,
            "hours": _opening_hours(edition, dates) if edition else None,
            "link": f"{self._public_url}/tickets/{facts.ticket_id}",
        }


def _environment(texts: Translations, *, html: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(MAIL_FOLDER),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]
    form = "html" if html else "text"
    environment.globals |= {"layout": f"layout.{form}.jinja", "shapes": f"shapes.{form}.jinja"}
    return environment


def _opening_hours(edition: EditionState, dates: Dates) -> str:
    """The phone line's hours are local to the country; they name its zone to a reader who lives by another one."""
    hours = dates.opening_hours(edition.opening_hours)
    local = replace(dates, time_zone=ZoneInfo(edition.time_zone)).zone_name()
    return hours if local == dates.zone_name() else f"{hours} ({local})"


def _block(template: Template, name: str, visible: dict[str, object]) -> str:
    context: Context = template.new_context(visible)
    return "".join(template.blocks[name](context))


def _one_line(words: str) -> str:
    return " ".join(words.split())


def _tidy(text: str) -> str:
    """At most one empty line in a row; the blocks that a kind leaves out would otherwise show as gaps."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _version() -> str:
    files = sorted(MAIL_FOLDER.glob("*.jinja")) + [catalogue_path(language) for language in LANGUAGES]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
