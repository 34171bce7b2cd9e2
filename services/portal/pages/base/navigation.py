"""The main areas, each for those who may do what it is for."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.portal.locale.texts import Texts, mark
from services.portal.pages.base.models import EditionView, Me
from shared.contracts import actions
from shared.contracts.actions import Action


@dataclass(frozen=True, slots=True)
class Place:
    href: str
    symbol: str
    words: str
    action: Action


@dataclass(frozen=True, slots=True)
class Area:
    """A place as somebody's navigation shows it."""

    href: str
    symbol: str
    text: str


PLACES = (
    Place("/desk", "chat", mark("Desk"), actions.WORK_AT_DESK),
    Place("/", "home", mark("Home"), actions.GO_HOME),
    Place("/tickets", "wrench", mark("Requests"), actions.LIST_TICKETS),
    Place("/devices", "printer", mark("Devices"), actions.LIST_DEVICES),
    Place("/operations", "live", mark("Operations"), actions.READ_OPERATIONS),
    Place("/contact", "phone", mark("Contact"), actions.LOOK_AROUND),
)


LINKS: Mapping[str, str] = {
    "terms": mark("Terms"),
    "privacy": mark("Privacy"),
    "training": mark("Training"),
    "maker": mark("The manufacturer's site"),
}
"""What an edition's links lead to, in the order of the footer; a code that is new to the pages is not shown."""


def footer_links(texts: Texts, edition: EditionView | None) -> list[tuple[str, str]]:
    """Words and address of an edition's links."""
    known = {link.code: link.url for link in edition.links} if edition else {}
    return [(texts.text(words), known[code]) for code, words in LINKS.items() if code in known]


def areas(texts: Texts, me: Me) -> list[Area]:
    mine = [place for place in PLACES if me.may(place.action.name)]
    if me.at_desk:  # his home is the desk
        mine = [place for place in mine if place.action is not actions.GO_HOME]
    return [Area(place.href, place.symbol, texts.text(place.words)) for place in mine]
