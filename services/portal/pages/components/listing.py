"""The kit of every list: what its address asks for, filters as menus and chips, kept views, pages, download."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from services.portal.locale.texts import Texts
from services.portal.pages.base.page import Page
from services.portal.pages.components.entries import each
from services.portal.pages.components.filters import Address, Filter, page_size
from services.portal.pages.components.saved_views import SavedView

SEARCHED = 8
"""A menu with more values has a search of its own."""
MOST_OPTIONS = 300
"""Of a menu, the most frequent; whoever looks for others searches."""


@dataclass(frozen=True, slots=True)
class Menu:
    """One kind of filter with its values; `rest`: so many more than are shown."""

    name: str
    label: str
    options: Sequence[Filter]
    rest: int = 0

    @property
    def is_searched(self) -> bool:
        return len(self.options) > SEARCHED


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of the portal: its path, which filters its address may hold, what else, and where its export is."""

    path: str
    filters: tuple[str, ...]
    others: tuple[str, ...] = ()
    export: str | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What the page asks for where its address says nothing else."""

    def query(self, request: Request) -> dict[str, str]:
        """What the address asks for; what nobody knows is left out."""
        known = {*self.filters, *self.others, "q", "sort", "cursor", "limit"}
        return {name: value.strip() for name, value in request.query_params.items() if name in known and value.strip()}

    def narrowed(self, query: Mapping[str, str]) -> dict[str, str]:
        """What decides which entries the list has, whatever their order and page."""
        known = (*self.filters, *self.others, "q")
        return {**self.defaults, **{name: query[name] for name in known if name in query}}

    def of_view(self, query: Mapping[str, str]) -> dict[str, str]:
        """What makes a view: all but the page."""
        known = (*self.filters, *self.others, "q", "sort")
        return {name: query[name] for name in known if query.get(name)}

    def address(self, query: Mapping[str, str]) -> Address:
        return Address(self.path, query)


def shown(
    page: Page,
    listing: Listing,
    query: Mapping[str, str],
    *,
    part: str,
    make: Callable[[Mapping[str, Any]], Any],
    menus: Iterable[Menu] = (),
    chips: Sequence[Filter] = (),
) -> dict[str, Any]:
    """What the templates of all lists need, of a page with the reader's `views`; `part` names the one with the rows."""
    address = listing.address(query)
    listed: dict[str, Any] = page.value(part) or {"items": []}
    entries = each(listed["items"], make)
    view = listing.of_view(query)
    asked = page.request.query_params
    return {
        "down": page.down(part),
        "list_path": listing.path,
        "query": query,
        "kept": [(name, value) for name, value in query.items() if name not in ("q", "cursor")],
        "menus": [menu for menu in menus if menu.options],
        "chips": chips,
        "filtered": bool(set(query) & {*listing.filters, "q"}),
        "clear": address.href(**dict.fromkeys((*listing.filters, "q"))),
        "rows": entries.shown,
        "left_out": entries.left_out,
        "pages": address.pages(listed.get("next"), listed.get("previous"), page_size(query)),
        "total": listed.get("total"),
        "download": Address(listing.export, {**listing.defaults, **view}).href(layout="spreadsheet")
        if listing.export
        else None,
        "views": [_kept(listing, one, view) for one in page.value("views")],
        "view": Address("", view).href().removeprefix("?"),
        "removed": {name: asked.get(name, "") for name in ("removed", "removed_view")}
        if asked.get("removed")
        else None,
        "view_trouble": _trouble(page.texts, page.request.query_params.get("kept", "")),
    }


@dataclass(frozen=True, slots=True)
class KeptView:
    """A kept view as the page shows it; `on`: it is the one that is looked at."""

    name: str
    href: str
    on: bool


def _kept(listing: Listing, kept: SavedView, present: Mapping[str, str]) -> KeptView:
    query = listing.of_view(kept.query)
    return KeptView(kept.name, Address(listing.path, query).href(), query == present)


def menu(address: Address, name: str, label: str, options: Iterable[tuple[str, str, int | None]]) -> Menu:
    """The values of a filter that is not chosen yet, the most frequent first. One value alone narrows nothing."""
    ranked = sorted(options, key=lambda option: -(option[2] or 0))
    if address.query.get(name) or len(ranked) < 2:
        return Menu(name, label, ())
    return Menu(name, label, address.choice(name, ranked[:MOST_OPTIONS]), max(0, len(ranked) - MOST_OPTIONS))


def order_menu(texts: Texts, address: Address, orders: Sequence[tuple[str, str]]) -> Menu:
    """The orders of a list without sortable headings, the first one by default; its label says which one holds."""
    options = address.choice("sort", [(code, words, None) for code, words in orders], default=orders[0][0])
    present = next((option.text for option in options if option.on), orders[0][1])
    return Menu("sort", texts.text("Order: %(order)s", order=present), options)


def chip(address: Address, name: str, text: str) -> Filter:
    """A filter in force, with a press that takes it out."""
    return Filter(text, address.href(**{name: None}), True, removable=True)


def _trouble(texts: Texts, code: str) -> str | None:
    if code == "unnamed":
        return texts.text("Please give the view a name.")
    if code == "full":
        return texts.text("You keep as many views here as there is room for. Please remove one first.")
    return None
