"""Every text of the pages is there in all six languages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from services.portal.locale.texts import FOLDER, LANGUAGES

PORTAL = FOLDER.parent
TEMPLATES = {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true", "silent": "false"}
KEYWORDS = {
    "text": None,
    "mark": None,
    "_": None,
    "plural": (1, 2),
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "context": ((1, "c"), 2),
    "mark_in": ((1, "c"), 2),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
Key = tuple[str | None, str]


@pytest.fixture(scope="module")
def texts() -> dict[Key, tuple[str, ...]]:
    return dict(_texts())


def _texts() -> Iterator[tuple[Key, tuple[str, ...]]]:
    found = extract_from_dir(
        PORTAL,
        method_map=[("**.py", "python"), ("**/templates/**.html", "jinja2")],
        options_map={"**/templates/**.html": TEMPLATES},
        keywords=KEYWORDS,
    )
    for _, _, message, _, context in found:
        forms = (message,) if isinstance(message, str) else tuple(message)
        yield (context, forms[0]), forms


def _catalogue(language: str) -> Catalog:
    with Path(FOLDER / language / "LC_MESSAGES" / "portal.po").open("rb") as source:
        return read_po(source, locale=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_is_translated_with_the_same_placeholders(language: str, texts: dict[Key, tuple[str, ...]]) -> None:
    catalogue = _catalogue(language)
    assert len(texts) > 300
    for (context, message), forms in texts.items():
        entry = catalogue.get(message, context)
        assert entry is not None, f"{message!r} is not in the catalogue"
        translated = [entry.string] if isinstance(entry.string, str) else list(entry.string or ())
        assert len(translated) == len(forms), f"{message!r} has {len(translated)} forms"
        assert all(translated), f"{message!r} is not translated"
        wanted = {name for form in forms for name in PLACEHOLDER.findall(form)}
        for form in translated:
            assert set(PLACEHOLDER.findall(form)) <= wanted, f"{message!r} uses a value that it does not get"
        assert set(PLACEHOLDER.findall(translated[-1])) == wanted, f"{message!r} leaves a value out"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_catalogue_holds_texts_that_no_page_says(language: str, texts: dict[Key, tuple[str, ...]]) -> None:
    held = {(entry.context, entry.id if isinstance(entry.id, str) else entry.id[0]) for entry in _catalogue(language)}
    assert {key for key in held if key[1]} == set(texts)


@pytest.mark.parametrize("language", ("fi", "fr", "it", "es"))
def test_no_translation_is_left_in_english(language: str, texts: dict[Key, tuple[str, ...]]) -> None:
    same = {entry.id for entry in _catalogue(language) if entry.id and entry.id == entry.string}
    assert len(same) <= 12, sorted(map(str, same))
