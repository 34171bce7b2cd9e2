"""The main areas, each for those who may do what it is for."""

from dataclasses import dataclass

from services.portal.locale.texts import Texts, mark
from services.portal.pages.base.models import Me
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


def areas(texts: Texts, me: Me) -> list[Area]:
    mine = [place for place in PLACES if me.may(place.action.name)]
    if me.at_desk:  # his home is the desk
        mine = [place for place in mine if place.action is not actions.GO_HOME]
    return [Area(place.href, place.symbol, texts.text(place.words)) for place in mine]
