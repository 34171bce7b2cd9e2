"""Durations as operators read them: 12 ms, 1.4 s, 3 min, 2 h 10 min."""

from babel import units

from services.portal.locale.texts import Texts

MINUTE, DAY = 60, 86_400


def span(texts: Texts, seconds: float) -> str:
    """A duration in the largest unit that tells enough."""
    if seconds < 1:
        return _unit(texts, round(seconds * 1_000), "millisecond")
    if seconds < 10:
        return _unit(texts, round(seconds, 1), "second")
    if seconds < 2 * MINUTE:
        return _unit(texts, round(seconds), "second")
    if seconds < DAY:
        return texts.duration(int(seconds // MINUTE))
    return _unit(texts, round(seconds / DAY, 1), "day")


def _unit(texts: Texts, value: float, unit: str) -> str:
    return units.format_unit(value, f"duration-{unit}", length="short", locale=texts.locale)
