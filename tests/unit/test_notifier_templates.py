"""The words of the mails: every kind in every language, against committed snapshots.

After a wanted change of words: `LOCKSTEP_WRITE_SNAPSHOTS=1 pytest tests/unit/test_notifier_templates.py`, then read the
difference.
"""

import os
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from services import portal
from services.notifier.messages.domain import MessageKind
from services.notifier.templates.catalogues import DOMAIN, LANGUAGES, catalogue_path
from services.notifier.templates.look import ACCENTS
from services.notifier.templates.render import MAIL_FOLDER, Templates
from tests.unit.notifier_samples import EDITION, FACTS, READERS

SNAPSHOTS = Path(__file__).parent / "snapshots" / "notifier"
TEMPLATES = Templates(public_url="https://portal.lockstep.example/")
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def wanted_texts() -> set[str]:
    """Every text that a template or the code asks for."""
    from_templates = extract_from_dir(
        MAIL_FOLDER, [("**.jinja", "jinja2.ext:babel_extract")], options_map={"**.jinja": {"silent": "false"}}
    )
    from_code = extract_from_dir(MAIL_FOLDER.parent, [("*.py", "python")], keywords={"gettext": None, "ugettext": None})
    return {str(found[2]) for found in (*from_templates, *from_code)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", MessageKind)
def test_a_mail_reads_as_its_snapshot_does(kind: MessageKind, language: str) -> None:
    letter = TEMPLATES.render(kind, FACTS, reader=READERS[language], edition=EDITION)
    for suffix, written in (("txt", f"Subject: {letter.subject}\n\n{letter.text}"), ("html", letter.html)):
        snapshot = SNAPSHOTS / f"{kind}.{language}.{suffix}"
        if os.environ.get("LOCKSTEP_WRITE_SNAPSHOTS"):
            snapshot.write_text(written)
        assert written == snapshot.read_text()


def test_there_is_no_snapshot_of_a_mail_that_does_not_exist() -> None:
    expected = {
        f"{kind}.{language}.{suffix}" for kind in MessageKind for language in LANGUAGES for suffix in ("txt", "html")
    }
    assert {path.name for path in SNAPSHOTS.iterdir()} == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_exactly_the_texts_that_are_asked_for(language: str) -> None:
    with catalogue_path(language).open("rb") as source:
        catalogue = read_po(source, locale=language, domain=DOMAIN)
    texts = {str(message.id): str(message.string) for message in catalogue if message.id}
    assert set(texts) == wanted_texts()
    for text, translation in texts.items():
        assert translation, text
        assert sorted(PLACEHOLDER.findall(translation)) == sorted(PLACEHOLDER.findall(text))
    assert not list(catalogue.fuzzy) if hasattr(catalogue, "fuzzy") and not isinstance(catalogue.fuzzy, bool) else True


@pytest.mark.parametrize("kind", MessageKind)
def test_what_a_customer_typed_stays_text_in_html(kind: MessageKind) -> None:
    letter = TEMPLATES.render(kind, FACTS, reader=READERS["en"], edition=EDITION)
    assert "<burnt>" not in letter.html
    assert "Grinds &amp; smells &lt;burnt&gt;." in letter.html
    assert "Grinds & smells <burnt>." in letter.text


@pytest.mark.parametrize("kind", MessageKind)
def test_a_mail_without_window_report_place_and_edition_still_says_something(kind: MessageKind) -> None:
    bare = FACTS.model_copy(
        update={
            "visit": None,
            "report": None,
            "own_reference": None,
            "error_code": None,
            "location": type(FACTS.location)(),
        }
    )
    letter = TEMPLATES.render(kind, bare, reader=READERS["de"], edition=None)
    assert FACTS.number in letter.subject
    assert "None" not in letter.text + letter.html
    assert "Fehlercode" not in letter.text
    assert "\n\n\n" not in letter.text


def test_a_language_that_the_product_does_not_speak_is_written_in_english() -> None:
    reader = READERS["de"].__class__(name="Jan Novák", language="cs", country="CZ", time_zone="Europe/Prague")
    letter = TEMPLATES.render(MessageKind.VISIT_PLANNED, FACTS, reader=reader, edition=EDITION)
    assert letter.language == "en"
    assert "An engineer is coming on Monday, 7 December, 08:00–10:00." in letter.text
    assert '<html lang="en">' in letter.html


def test_no_mail_claims_work_before_somebody_has_taken_notice() -> None:
    promise = FACTS.promise.model_copy(update={"work_starts_at": FACTS.opened_at})
    letter = TEMPLATES.render(
        MessageKind.TICKET_OPENED,
        FACTS.model_copy(update={"promise": promise}),
        reader=READERS["en"],
        edition=EDITION,
    )
    assert "Work starts" not in letter.text
    assert "You hear from us by" in letter.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_is_promised_an_answer_and_no_engineer(language: str) -> None:
    promise = FACTS.promise.model_copy(update={"engineer_by": None})
    fault = FACTS.model_copy(update={"promise": promise})
    question = fault.model_copy(update={"impact": "question"})
    for kind in (MessageKind.TICKET_OPENED, MessageKind.TICKET_RESOLVED):
        said = [TEMPLATES.render(kind, one, reader=READERS[language], edition=EDITION) for one in (question, fault)]
        assert said[0].text != said[1].text and said[0].html != said[1].html
    opened = TEMPLATES.render(MessageKind.TICKET_OPENED, question, reader=READERS["en"], edition=EDITION).text
    assert "engineer" not in opened.lower() and "visit" not in opened
    assert "Answered by" in opened and "We will write to you with the answer." in opened


def test_a_mail_has_the_accents_of_the_pages() -> None:
    css = (Path(str(portal.__path__[0])) / "pages" / "base" / "static" / "lockstep.css").read_text()
    found = re.findall(r'data-edition="([A-Z]{2})"\] \{ --accent: light-dark\((#\w{6}), (#\w{6})\)', css)
    assert {country: (accent.light, accent.dark) for country, accent in ACCENTS.items()} == {
        country: (light, dark) for country, light, dark in found
    }


def test_a_visit_s_mail_leads_to_its_answer_and_its_calendar_file() -> None:
    letter = TEMPLATES.render(MessageKind.VISIT_PLANNED, FACTS, reader=READERS["en"], edition=EDITION)
    page = f"https://portal.lockstep.example/tickets/{FACTS.ticket_id}"
    assert FACTS.visit is not None
    for address in (f"{page}#visit", f"{page}/visits/{FACTS.visit.visit_id}/calendar.ics"):
        assert f'href="{address}"' in letter.html and address in letter.text
    written = FACTS.model_copy(update={"written": "First line\nSecond <b>line</b>"})
    said = TEMPLATES.render(MessageKind.TICKET_UPDATED, written, reader=READERS["en"], edition=EDITION)
    assert "> First line\n> Second <b>line</b>" in said.text
    assert "Second &lt;b&gt;line&lt;/b&gt;</blockquote>" in said.html
