"""Filters as chips in the address bar: a view is its address, and can be kept or sent."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

PAGE_SIZES = (25, 50, 100, 200)
SIZE = re.compile("[0-9]{1,9}")


@dataclass(frozen=True)
class Filter:
    text: str
    href: str
    on: bool = False
    count: int | None = None
    is_bound: bool = False
    """The count stands for as many or more."""
    removable: bool = False


@dataclass(frozen=True)
class Column:
    text: str
    href: str | None = None
    direction: str | None = None


@dataclass(frozen=True)
class Pages:
    next_href: str | None
    previous_href: str | None
    sizes: tuple[tuple[int, str, bool], ...]


@dataclass(frozen=True)
class Address:
    """A page's path with its query; changing the view is making another address."""

    path: str
    query: Mapping[str, str]

    def href(self, **changes: str | None) -> str:
        """The address with some values changed; None takes one out. A change of view starts on the first page."""
        kept = {name: value for name, value in self.query.items() if value and name != "cursor"}
        for name, value in changes.items():
            kept.pop(name, None)
            if value:
                kept[name] = value
        return self.path + (f"?{urlencode(kept)}" if kept else "")

    def choice(self, name: str, options: Iterable[tuple[str, str, int | None]], *, default: str = "") -> list[Filter]:
        """Chips of which one is on: (value, text, count)."""
        present = self.query.get(name) or default
        return [
            Filter(text, self.href(**{name: value if value != default else None}), value == present, count)
            for value, text, count in options
        ]

    def column(self, text: str, key: str | None = None, *, default: bool = False) -> Column:
        """A heading that sorts; a second press turns the order."""
        if key is None:
            return Column(text)
        present = self.query.get("sort") or (key if default else "")
        if present == key:
            return Column(text, self.href(sort=f"-{key}"), "ascending")
        if present == f"-{key}":
            return Column(text, self.href(sort=key), "descending")
        return Column(text, self.href(sort=key))

    def pages(self, following: str | None, before: str | None, size: int) -> Pages:
        return Pages(
            next_href=self.href(cursor=following) if following else None,
            previous_href=self.href(cursor=before) if before else None,
            sizes=tuple((one, self.href(limit=str(one)), one == size) for one in PAGE_SIZES),
        )


def page_size(query: Mapping[str, str], default: int = 25) -> int:
    wanted = query.get("limit", "")
    return min(200, max(1, int(wanted))) if SIZE.fullmatch(wanted) else default
