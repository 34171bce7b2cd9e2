"""Keeps personal values out of what operators read about a parked record.

Reasons are written by our own code and by drivers, and some repeat a value of the record. So whatever a reason has in
common with the record's own content is covered, and so is what looks like an address, a telephone number or a name: a
word with a capital inside a sentence.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson

COVER = "[…]"
LONGEST_REASON = 300
PLAIN_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z]{1,4}-?\d[\d-]{0,20}")
"""Ids of ours, and numbers of parties such as `WO-1042`: no name looks like them."""

_ADDRESS = re.compile(r"[^\s@'\"<>(){}\[\],;]+@[^\s@'\"<>(){}\[\],;]+")
_TELEPHONE = re.compile(r"(?<![\w-])\+?\d[\d ()/.-]{6,}\d(?![\w-])")
_NAME = re.compile(r"(?<=[\w,<'\"(] )[^\W\d_a-z][^\W\d_A-Z]+(?![\w.])|(?<=[<'\"(])[^\W\d_a-z][^\W\d_A-Z]+(?![\w.])")
_ID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_WORD = re.compile(r"\w{3,}")
STRUCTURE = frozenset({"type", "status", "kind", "outcome", "state", "audience", "language", "country", "time_zone"})
"""Fields that hold one of a few words of ours."""


def shown_key(key: str) -> str:
    """A key as it is where it can only be an id; else a mark by which two can be told apart."""
    if PLAIN_KEY.fullmatch(key):
        return key
    return f"#{hashlib.sha256(key.encode()).hexdigest()[:12]}" if key else ""


def shown_reason(reason: str, *, key: str, value: bytes | None) -> str:
    """A reason without what it has in common with the record, and without addresses, telephone numbers and names."""
    values = {one for one in (key, *_texts(value)) if one.strip() and not PLAIN_KEY.fullmatch(one)}
    parts = _ID.split(reason)
    text = "".join(part if number % 2 else _covered(part, values) for number, part in enumerate(parts))
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


def _covered(text: str, values: Collection[str]) -> str:
    text = _TELEPHONE.sub(COVER, _ADDRESS.sub(COVER, text))
    for one in sorted({*values, *(re.sub(r"[\s-]", "", one) for one in values)}, key=len, reverse=True):
        if len(one) >= 3:
            text = re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", COVER, text, flags=re.IGNORECASE)
    words = {word.casefold() for one in values for word in _telling_words(one)}
    text = _WORD.sub(lambda found: COVER if found[0].casefold() in words else found[0], text)
    return _NAME.sub(COVER, text)


def _telling_words(text: str) -> Iterator[str]:
    """Those words of a value that may name somebody: all of a short one, those with capitals or figures of prose."""
    words = _WORD.findall(text)
    for word in words:
        if len(words) <= 6 or not word.islower():
            yield word


def _texts(value: bytes | None) -> Iterator[str]:
    """Every text and number in a record that somebody may have typed; all words of one that is no JSON."""
    try:
        content = orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        yield from _WORD.findall((value or b"").decode(errors="replace"))
        return
    yield from _leaves(content)


def _leaves(content: Any, name: str = "") -> Iterator[str]:
    if isinstance(content, Mapping):
        for inner, one in content.items():
            yield from _leaves(one, inner)
    elif isinstance(content, list):
        for one in content:
            yield from _leaves(one, name)
    elif isinstance(content, str) and name not in STRUCTURE:
        yield content
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield str(content)
