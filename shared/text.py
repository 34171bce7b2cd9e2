"""Search keys: one spelling for all the ways in which people type a name."""

import re
import unicodedata

_GERMANIC = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa"})
_SEPARATORS = re.compile(r"[^0-9a-z]+")


def search_key(text: str) -> str:
    """Lower case, German umlauts spelled out, other accents off, separators squeezed to one space."""
    lowered = unicodedata.normalize("NFC", text).casefold().translate(_GERMANIC)
    plain = "".join(c for c in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(c))
    return _SEPARATORS.sub(" ", plain).strip()


def search_words(text: str) -> list[str]:
    """The distinct words of a text as search keys, in order of appearance."""
    return list(dict.fromkeys(search_key(text).split()))


def folded(text: str) -> str:
    """Like `search_key`, but umlauts lose their dots: somebody who types "muller" finds Müller."""
    lowered = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss"))
    return _SEPARATORS.sub(" ", "".join(c for c in lowered if not unicodedata.combining(c))).strip()
