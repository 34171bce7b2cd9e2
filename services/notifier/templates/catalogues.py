"""The texts of the mails, one catalogue per language, compiled in memory when the service starts."""

from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LANGUAGES = ("de", "en", "es", "fi", "fr", "it")
FALLBACK_LANGUAGE = "en"
DOMAIN = "notifier"
LOCALE_FOLDER = Path(__file__).parent / "locale"


def catalogue_path(language: str) -> Path:
    return LOCALE_FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def load_catalogues() -> dict[str, Translations]:
    """Every language's texts. A file that is missing or broken stops the start: no mail leaves half translated."""
    return {language: _compiled(language) for language in LANGUAGES}


def supported(language: str) -> str:
    """The language to write in: `language` itself, or English for one that the product does not speak."""
    return language if language in LANGUAGES else FALLBACK_LANGUAGE


def _compiled(language: str) -> Translations:
    with catalogue_path(language).open("rb") as source:
        catalogue = read_po(source, locale=language, domain=DOMAIN, abort_invalid=True)
    binary = BytesIO()
    write_mo(binary, catalogue)
    binary.seek(0)
    return Translations(binary, domain=DOMAIN)
