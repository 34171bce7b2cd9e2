"""What people type, cleaned once at the door: the same for every field of every service and of every party's record.

Stores, mails, calendars (RFC 5545) and XML cannot carry control characters; nobody sees invisible ones, and they make
two names of one. What remains is in Unicode's composed form (NFC), with line breaks as LF.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

JOINERS = "\u200c\u200d"
"""Zero-width joiners belong to words of some scripts, and to emoji; at the ends of a text they join nothing."""

KEPT_FORMATS = frozenset(JOINERS) | {chr(c) for c in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x8E2)}
BLANKS = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0") | {
    chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10))
}
"""Characters that look like nothing, though Unicode calls them letters, symbols or marks."""

_LINE_BREAKS = re.compile("\r\n|[\r\u0085\u2028\u2029]")
_DROPPED = ("Cc", "Cf")


def cleaned(text: str) -> str:
    """The text without what nobody sees; the empty text where nothing could be seen.

    NUL and halves of surrogate pairs stay, for the rule that refuses them by name.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    text = unicodedata.normalize("NFC", _LINE_BREAKS.sub("\n", text))
    text = "".join(c for c in text if _stays(c)).strip().strip(JOINERS).strip()
    return text if any(_is_seen(c) for c in text) else ""


def one_line(text: str) -> str:
    """A text of one line, with single spaces: names stand in headers and in columns."""
    return " ".join(text.split())


def cleaned_all(value: Any, *, but: frozenset[str] = frozenset()) -> Any:
    """A value as JSON has it, with all its texts cleaned; those of the fields in `but` stay as they are."""
    match value:
        case str():
            return cleaned(value)
        case Mapping():
            return {name: part if name in but else cleaned_all(part) for name, part in value.items()}
        case list() | tuple():
            return [cleaned_all(part) for part in value]
    return value


def _stays(character: str) -> bool:
    if character in "\n\t\0" or unicodedata.category(character) not in _DROPPED:
        return not _is_no_character(ord(character))
    return character in KEPT_FORMATS


def _is_no_character(code: int) -> bool:
    """Codes that Unicode promises never to use (noncharacters)."""
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def _is_seen(character: str) -> bool:
    return character == "\0" or not (
        character.isspace() or character in BLANKS or unicodedata.category(character) in ("Cf", "Zs", "Zl", "Zp")
    )
