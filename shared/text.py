"""Search keys: one spelling for all the ways in which people type a name."""

import re
import unicodedata

_LETTERS = {"ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
"""Letters that Unicode does not take apart, as people type them who have no such key."""

_GERMANIC = str.maketrans({**_LETTERS, "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa"})
_PLAIN = str.maketrans({**_LETTERS, "ß": "ss", "ø": "o"})
_SEPARATORS = re.compile(r"[\W_]+")


def search_key(text: str) -> str:
    """Lower case, German umlauts spelled out, other accents off, separators squeezed to one space.

    Words of other scripts stay words: nothing that somebody looks for is dropped.
    """
    return _spelled(text, _GERMANIC)


def search_words(text: str) -> list[str]:
    """The distinct words of a text as search keys, in order of appearance."""
    return list(dict.fromkeys(search_key(text).split()))


def folded(text: str) -> str:
    """Like `search_key`, but umlauts lose their dots: somebody who types "muller" finds Müller."""
    return _spelled(text, _PLAIN)


def squeezed(text: str) -> str:
    """The search key of a number or code without any gap: however it is typed, it is the same."""
    return search_key(text).replace(" ", "")


def _spelled(text: str, letters: dict[int, str]) -> str:
    lowered = unicodedata.normalize("NFC", text).casefold().translate(letters)
    plain = "".join(c for c in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(c))
    return _SEPARATORS.sub(" ", plain.casefold()).strip()
