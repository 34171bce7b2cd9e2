"""The colours of each edition, the same as on the pages."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Accent:
    """An edition's colour on light and on dark ground."""

    light: str
    dark: str


NEUTRAL = Accent("#33456b", "#a9bfe6")
ACCENTS: Mapping[str, Accent] = {
    "DE": Accent("#1c4694", "#95b8ff"),
    "FI": Accent("#0b5f73", "#74d0e2"),
    "FR": Accent("#4236a3", "#b8b0ff"),
    "IT": Accent("#1f5c8b", "#8cc4f2"),
    "ES": Accent("#8a2f6b", "#f2a1d5"),
    "AT": Accent("#7a2e58", "#f0a8d0"),
    "CH": Accent("#5b3a8c", "#c9b0f5"),
    "GB": Accent("#31456f", "#a9bfe6"),
}


def accent_of(country: str | None) -> Accent:
    return ACCENTS.get(country or "", NEUTRAL)
